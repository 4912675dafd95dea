# SPDX-License-Identifier: Apache-2.0
"""TLS for DICOM, on either side of an association.

Source: PS3.15 B.12 (Non-Downgrading BCP 195 RFC 8996 TLS Secure Transport Connection Profile).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from deidgate.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files.

    Attributes
    ----------
    ca : Path or None
        Who signs the other side's certificate; None trusts the system's authorities.
    certificate, key : Path or None
        Our own; a client may have none.
    check_name : bool
        The server's certificate has to name the host that was asked for.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    check_name: bool = True


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """For who opens the association. The server's certificate is always checked.

    Raises
    ------
    ConfigurationError
        ``tls-files``: a file is missing, no PEM, or key and certificate do not fit.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=files.ca)
        context.check_hostname = files.check_name
        _own(context, files)
    except (OSError, ValueError):
        raise ConfigurationError("tls-files", str(files.certificate or files.ca or "")) from None
    return context


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """For who accepts it: with a CA, only clients with a certificate that it signed.

    Raises
    ------
    ConfigurationError
        ``tls-files``.
    """
    if files.certificate is None or files.key is None:
        raise ConfigurationError("tls-files", "a server needs --cert and --key")
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.ca)
        if files.ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        _own(context, files)
    except (OSError, ValueError):
        raise ConfigurationError("tls-files", str(files.certificate)) from None
    return context


def _own(context: ssl.SSLContext, files: TlsFiles) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.certificate is not None:
        context.load_cert_chain(files.certificate, files.key)
