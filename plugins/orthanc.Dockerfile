# SPDX-License-Identifier: Apache-2.0
# What both Orthanc servers stand on: Orthanc with its plugins for Python and DICOMweb, from the distribution.
FROM deidgate/base:forky AS libssl
RUN apt-get update && apt-get install -y gcc libc6-dev libssl-dev && rm -rf /var/lib/apt/lists/*
COPY libssl.c /build/
RUN gcc -shared -fPIC -O2 -Wall -Werror -Wl,-soname,libssl.so -o /build/libssl.so /build/libssl.c -lssl

FROM deidgate/base:forky
RUN apt-get update && apt-get install -y curl orthanc orthanc-dicomweb orthanc-python \
    && rm -rf /var/lib/apt/lists/* /etc/orthanc/*.json /etc/orthanc/*.py \
    # Older ones can lose a file that they answered with success for, or are open to known attacks.
    && found=$(dpkg-query -W -f '${Version}' orthanc) && dpkg --compare-versions "$found" ge 1.12.11 \
    && mkdir -p /var/lib/orthanc /var/lib/deidgate \
    && chown -R 10001:10001 /var/lib/orthanc /var/lib/deidgate
COPY --from=libssl /build/libssl.so /usr/local/lib/libssl.so
# civetweb opens `libssl.so`: it must find this one before any other, and in it both the old name and the new.
RUN ldconfig && python3 -c 'import ctypes; lib = ctypes.CDLL("libssl.so"); lib.SSL_get_peer_certificate, lib.SSL_accept'
ENV PYTHONPATH=/opt/deidgate/lib:/opt/deidgate/site-packages \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TCP_NODELAY=1
USER 10001:10001
WORKDIR /var/lib/orthanc
