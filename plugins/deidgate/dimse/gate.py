# SPDX-License-Identifier: Apache-2.0
"""The gate that clinics connect to: TLS or plain, and only as many associations as a site may have.

Orthanc offers one DICOM port that is TLS or plain, does not bind a client certificate to an AE title, and serves
associations in the order in which they come, so that one sender with many can starve the others. This gate stands
in front of it: it reads the first PDU, decides, and then passes bytes on without looking at them.

Rules, in this order

* AE titles that no site names are refused, and over TLS those of another site than the certificate's: see `sites`.
* A site has a number of associations at a time. What is above waits, in the order in which it came, for a bounded
  time, and is then refused as temporary: the sender tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deidgate.dimse.associate import HEADER_BYTES, AssociateRequest, Refusal, normalised, read_request, request_length
from deidgate.dimse.sites import Admitted, fingerprint

log = logging.getLogger(__name__)

Decide = Callable[[AssociateRequest, str | None], Admitted | Refusal]


@dataclass(frozen=True, slots=True)
class GateLimits:
    """How much the gate lets through.

    Attributes
    ----------
    associations_per_site : int
        Associations that one site has at a time.
    wait_s : float
        Seconds that a request waits for its site's turn; modalities give up after 30 or more.
    request_s : float
        Seconds in which the first PDU, and before it the TLS handshake, has to be complete.
    idle_s : float
        Seconds without a byte in either direction after which an association is cut.
    closing_s : float
        Seconds that a refused requestor has to close its connection.
    waiting_per_site : int
        Requests of one site that may wait; more are refused at once, so that a flood holds no memory.
    """

    associations_per_site: int = 8
    wait_s: float = 20.0
    request_s: float = 10.0
    idle_s: float = 300.0
    closing_s: float = 5.0
    waiting_per_site: int = 256


class Gate:
    """Takes associations from clinics and passes them on to one archive.

    Parameters
    ----------
    decide : callable
        ``(request, fingerprint of the client's certificate or None) -> Admitted or Refusal``; see `Sites.decide`.
    upstream : tuple of (str, int)
        Host and port of the archive.
    limits : GateLimits
    """

    def __init__(self, decide: Decide, upstream: tuple[str, int], limits: GateLimits) -> None:
        self._decide = decide
        self._upstream = upstream
        self._limits = limits
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._waiting: Counter[str] = Counter()
        self.open: Counter[str] = Counter()
        self.admitted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        """Start to take associations; with `tls`, only over TLS as the context demands."""
        timeout = self._limits.request_s if tls else None
        return await asyncio.start_server(self._associate, host, port, ssl=tls, ssl_handshake_timeout=timeout)

    async def _associate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            # The peer went away or never spoke DICOM: nothing was accepted, nothing is lost.
            self.refused["broken"] += 1
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(self._limits.request_s):
            header = await reader.readexactly(HEADER_BYTES)
            length = request_length(header)
            if length is None:
                self.refused["not-dicom"] += 1
                return
            body = await reader.readexactly(length)
        request = read_request(body)
        answer = self._decide(request, certificate_of(writer))
        if isinstance(answer, Refusal):
            await self._refuse(reader, writer, answer)
            return
        site = answer.site
        turn = self._turns.setdefault(site, asyncio.Semaphore(self._limits.associations_per_site))
        if not await self._wait_for(turn, site):
            await self._refuse(reader, writer, Refusal.LOCAL_LIMIT_EXCEEDED)
            return
        self.open[site] += 1
        self.admitted[site] += 1
        # Where it comes from is a machine's address: ingest itself sees the gate's only.
        peer = writer.get_extra_info("peername")
        tls = writer.get_extra_info("ssl_object") is not None
        log.info("association", extra={"ids": {"site": site, "peer": peer[0] if peer else "", "tls": tls}})
        try:
            await self._splice(header + normalised(body, request), reader, writer)
        finally:
            self.open[site] -= 1
            turn.release()

    async def _wait_for(self, turn: asyncio.Semaphore, site: str) -> bool:
        if self._waiting[site] >= self._limits.waiting_per_site:
            return False
        self._waiting[site] += 1
        try:
            async with asyncio.timeout(self._limits.wait_s):
                return await turn.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting[site] -= 1

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, refusal: Refusal) -> None:
        self.refused[refusal.code] += 1
        # Neither AE title nor certificate: both come from outside and may name somebody.
        log.warning("association-refused", extra={"ids": {"code": refusal.code}})
        writer.write(refusal.pdu())
        await writer.drain()
        # The requestor closes the connection (PS3.8 Sta13, ARTIM timer): closing first could overtake the answer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.closing_s):
                while await reader.read(1 << 12):
                    pass

    async def _splice(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            await self._refuse(reader, writer, Refusal.TEMPORARY_CONGESTION)
            return
        try:
            up_writer.write(first)
            moved = _Moved()
            there = asyncio.create_task(self._pump(reader, up_writer, moved))
            back = asyncio.create_task(self._pump(up_reader, writer, moved))
            _, rest = await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            # One side has closed: the other one gets what is already on its way, and no more.
            if rest:
                await asyncio.wait(rest, timeout=1.0)
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        finally:
            up_writer.close()
            with contextlib.suppress(OSError):
                await up_writer.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, moved: _Moved) -> None:
        while True:
            before = moved.bytes
            try:
                async with asyncio.timeout(self._limits.idle_s):
                    data = await reader.read(1 << 16)
            except TimeoutError:
                if moved.bytes == before:
                    return
                continue
            if not data:
                return
            moved.bytes += len(data)
            writer.write(data)
            await writer.drain()


@dataclass(slots=True)
class _Moved:
    """Bytes that went through one association, in both directions together."""

    bytes: int = 0


def certificate_of(writer: asyncio.StreamWriter) -> str | None:
    """Fingerprint of the client's certificate, which TLS has checked; None on a plain connection."""
    connection: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    if connection is None:
        return None
    der = connection.getpeercert(binary_form=True)
    # A connection without a certificate speaks for nobody, which is not the same as a plain one.
    return fingerprint(der) if der else ""


def server_tls(certificate: str, trusted: Iterable[str]) -> ssl.SSLContext:
    """A context that takes only clients with one of the `trusted` certificates (PS3.15 B.12, BCP 195).

    Parameters
    ----------
    certificate : str
        Path of a PEM file with the gate's own key and certificate chain.
    trusted : iterable of str
        Client certificates, PEM.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    # Each certificate is trusted by itself; who signed it is not asked.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.load_cert_chain(certificate)
    trust(context, trusted)
    return context


def trust(context: ssl.SSLContext, certificates: Iterable[str]) -> None:
    """Take these client certificates (PEM) too; what was trusted once, `Sites` refuses when it is taken back."""
    text = "\n".join(certificates)
    if text:
        context.load_verify_locations(cadata=text)
