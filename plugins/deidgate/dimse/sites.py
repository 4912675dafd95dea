# SPDX-License-Identifier: Apache-2.0
"""Which site an association belongs to: by its AE titles, and over TLS by its certificate too.

A certificate is known by itself and not by who signed it: the bundle names each one beside the site that it speaks
for. So it does not matter which authority a hospital has, and a certificate that is taken out of the bundle is refused
at once. An AE title is a claim; with a certificate, it is one that has to fit.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deidgate.dicom.lexical import is_ae_title
from deidgate.dimse.associate import AssociateRequest, Refusal
from deidgate.errors import ConfigurationError
from deidgate.policy.routes import Route, matches

_ENTRY = re.compile(r"site: (\S+)\s*(-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----)", re.DOTALL)
_BEGINS = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Admitted:
    """The site that an association belongs to."""

    site: str


@dataclass(frozen=True, slots=True)
class SiteCertificate:
    """A client certificate, and the one site that it speaks for."""

    site: str
    pem: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hexadecimal."""
        return fingerprint(ssl.PEM_cert_to_DER_cert(self.pem))


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, hexadecimal."""
    return hashlib.sha256(der).hexdigest()


def read_bundle(text: str) -> tuple[SiteCertificate, ...]:
    """The certificates of a bundle: PEM, each after a line ``site: NAME``.

    Raises
    ------
    ConfigurationError
        ``site-certificates``: a certificate is without a site, is no certificate, or speaks for two sites.
    """
    found = tuple(SiteCertificate(site, pem) for site, pem in _ENTRY.findall(text))
    try:
        prints = [one.fingerprint for one in found]
    except ValueError:
        raise ConfigurationError("site-certificates", "not-a-certificate") from None
    if len(found) != text.count(_BEGINS):
        raise ConfigurationError("site-certificates", "certificate-without-site")
    if len(set(prints)) != len(prints):
        raise ConfigurationError("site-certificates", "certificate-twice")
    return found


def write_bundle(certificates: Sequence[SiteCertificate]) -> str:
    """The text that `read_bundle` reads."""
    return "".join(f"site: {one.site}\n{one.pem.strip()}\n" for one in certificates)


class Sites:
    """The gate's rules.

    Parameters
    ----------
    routes : sequence of Route
        They say which AE titles belong to which site, and which sites have to come over TLS.
    certificates : sequence of SiteCertificate
    """

    def __init__(self, routes: Sequence[Route], certificates: Sequence[SiteCertificate]) -> None:
        self._routes = tuple(routes)
        self._site_of: Mapping[str, str] = {one.fingerprint: one.site for one in certificates}

    def decide(self, request: AssociateRequest, certificate: str | None) -> Admitted | Refusal:
        """Whether an association is taken, and whose it is.

        Parameters
        ----------
        request : AssociateRequest
        certificate : str or None
            Fingerprint of the client's certificate; None on a plain connection.
        """
        # Of a NUL in the middle, the next reader may take what stands before it for the title.
        if not is_ae_title(request.called_aet):
            return Refusal.CALLED_AE_NOT_RECOGNIZED
        if not is_ae_title(request.calling_aet):
            return Refusal.CALLING_AE_NOT_RECOGNIZED
        called = [route for route in self._routes if matches(route.called, request.called_aet)]
        if not called:
            return Refusal.CALLED_AE_NOT_RECOGNIZED
        routes = [route for route in called if matches(route.calling, request.calling_aet)]
        sites = sorted({route.site for route in routes})
        if not sites:
            return Refusal.CALLING_AE_NOT_RECOGNIZED
        if certificate is None:
            # One route that asks for TLS is enough: which of them it will be, only the instance says.
            return Refusal.NO_REASON_GIVEN if any(route.tls for route in routes) else Admitted("+".join(sites))
        if sites != [self._site_of.get(certificate)]:
            return Refusal.CALLING_AE_NOT_RECOGNIZED
        return Admitted(sites[0])
