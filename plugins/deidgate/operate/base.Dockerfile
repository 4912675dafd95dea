# SPDX-License-Identifier: Apache-2.0
# The common ground of all images: Debian forky, this machine's CA certificates, and the user that everything runs as.
ARG SOURCE
FROM ${SOURCE}
ARG DEBIAN_MIRROR=""
COPY certificates/ /usr/local/share/ca-certificates/
# Mirrors inside a hospital are often copies that are past their Release file's date.
RUN printf 'Acquire::Check-Valid-Until "false";\nAcquire::Check-Date "false";\nAcquire::Languages "none";\nAPT::Install-Recommends "false";\n' \
        > /etc/apt/apt.conf.d/90deidgate \
    && if [ -n "$DEBIAN_MIRROR" ]; then \
        rm -f /etc/apt/sources.list.d/*; echo "deb $DEBIAN_MIRROR forky main" > /etc/apt/sources.list; fi \
    # An https mirror with a private CA must be trusted before ca-certificates can be fetched from it.
    && if [ ! -s /etc/ssl/certs/ca-certificates.crt ] && ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then \
        mkdir -p /etc/ssl/certs && cat /usr/local/share/ca-certificates/*.crt > /etc/ssl/certs/ca-certificates.crt; fi \
    # The root filesystem may be as old as the first installation: its own packages need their updates too.
    && apt-get update && apt-get dist-upgrade -y && apt-get install -y ca-certificates python3 \
    && update-ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && groupadd --gid 10001 deidgate \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin deidgate
ENV LANG=C.UTF-8
