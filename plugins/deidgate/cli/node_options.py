# SPDX-License-Identifier: Apache-2.0
"""HOST, PORT, AE titles and TLS of the node that a command calls: said once, and handed over as one `Node`."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deidgate.cli.options import AE_TITLE, PATH

if TYPE_CHECKING:
    from deidgate.dimse.link import Peer
    from deidgate.dimse.tls import TlsFiles


@dataclass(frozen=True, slots=True)
class Node:
    """Who is called.

    Attributes
    ----------
    peer : Peer
    files : TlsFiles or None
        For TLS, which is asked for.
    context : ssl.SSLContext or None
        The same, ready for calling.
    """

    peer: Peer
    files: TlsFiles | None
    context: ssl.SSLContext | None


def calls_node(*, aet: str = "DEIDGATE", short_key: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The decorator of a command that takes a `Node` as ``node``.

    Parameters
    ----------
    aet : str
        Our AE title where none is given.
    short_key : bool
        ``--key`` is our key, as ``--tls-key`` is; False where the command has another use for it.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_node(
            *,
            host: str,
            port: int,
            aet: str,
            called: str,
            tls: bool,
            ca: Path | None,
            cert: Path | None,
            tls_key: Path | None,
            any_name: bool,
            timeout: float,
            **rest: Any,
        ) -> Any:
            from deidgate.dimse.link import Peer
            from deidgate.dimse.tls import client_context

            peer = Peer(host, port, called, aet, timeout)
            files = _files(tls, ca, cert, tls_key, any_name)
            return command(node=Node(peer, files, client_context(files) if files else None), **rest)

        keys = ["--key", "--tls-key"] if short_key else ["--tls-key"]
        whole: Callable[..., Any] = with_node
        for option in (
            click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds."),
            click.option("--any-name", is_flag=True, help="With --tls: the certificate need not name HOST."),
            click.option(*keys, "tls_key", type=PATH, help="With --tls: our key (PEM)."),
            click.option("--cert", "--tls-cert", "cert", type=PATH, help="With --tls: our certificate (PEM)."),
            click.option("--ca", type=PATH, help="With --tls: who signed theirs (PEM).  [default: the system's]"),
            click.option("--tls", is_flag=True, help="Over TLS, version 1.2 or newer."),
            click.option("--called", type=AE_TITLE, default="ANY-SCP", show_default=True, help="Their AE title."),
            click.option("--aet", type=AE_TITLE, default=aet, show_default=True, help="Our AE title."),
            click.argument("port", type=click.IntRange(1, 65535)),
            click.argument("host"),
        ):
            whole = option(whole)
        return whole

    return decorate


def _files(tls: bool, ca: Path | None, cert: Path | None, key: Path | None, any_name: bool) -> TlsFiles | None:
    from deidgate.dimse.tls import TlsFiles

    if not tls:
        if ca or cert or key or any_name:
            raise click.UsageError("--ca, --cert, --tls-key and --any-name go with --tls")
        return None
    return TlsFiles(ca, cert, key, not any_name)
