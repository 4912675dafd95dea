# SPDX-License-Identifier: Apache-2.0
"""What must be true of the machine before anything is installed or built on it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from deidgate.operate.env_file import Settings, key_of
from deidgate.operate.problem import Problem
from deidgate.operate.shell import Shell

DOCKER_ROOT = Path("/var/lib/docker")


def port_is_free(address: str, port: int) -> bool:
    """Whether nobody listens on this port. A port that only root may open counts as free: the engine opens it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connection has only just closed is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            return True
        except OSError:
            return False
    return True


def held_by(shell: Shell, port: int) -> str:
    """The name of the program that listens on `port`, in words; empty when it cannot be told."""
    listing = shell.run(["ss", "-Hltnp", f"sport = :{port}"], timeout_s=10)
    _, found, rest = listing.out.partition('users:(("')
    return f" (by {rest.split(chr(34))[0]})" if found else ""


def check_ports(
    settings: Settings,
    ours: frozenset[int],
    shell: Shell,
    is_free: Callable[[str, int], bool] = port_is_free,
) -> None:
    """Refuse when another program listens on one of our ports.

    Parameters
    ----------
    ours : frozenset of int
        Ports that this installation's own containers publish now.

    Raises
    ------
    Problem
        A port is in use.
    """
    wanted = (
        ("DICOM", "dicom_port", settings.clinical_address, settings.dicom_port),
        ("DICOM over TLS", "dicom_tls_port", settings.clinical_address, settings.dicom_tls_port),
        ("research", "research_port", settings.research_address, settings.research_port),
    )
    for purpose, field, address, port in wanted:
        if port not in ours and not is_free(address, port):
            raise Problem(
                f"port {port} ({purpose}) is in use on this machine{held_by(shell, port)}",
                f"stop what uses it, or write another number as {key_of(field)} in the settings file, and try again",
            )


def check_address(settings: Settings) -> None:
    """Refuse an address to listen on that this machine does not have.

    Raises
    ------
    Problem
        The address is not one of this machine's.
    """
    for field, address in (
        ("clinical_address", settings.clinical_address),
        ("research_address", settings.research_address),
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                raise Problem(
                    f"{key_of(field)}={address} is not an address of this machine",
                    "write one of its IPv4 addresses, or 0.0.0.0 for all",
                ) from None


def free_gb(path: Path) -> int:
    """Free disk where `path` is or will be, in whole GB."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free // 10**9


def check_disk(settings: Settings, free: Callable[[Path], int] = free_gb, where: Path = DOCKER_ROOT) -> None:
    """Refuse when there is too little disk to build, or to take in studies.

    Raises
    ------
    Problem
        Less is free than `min_free_gb`.
    """
    have = free(where)
    if have < settings.min_free_gb:
        raise Problem(
            f"only {have} GB of disk are free for {where}; {settings.min_free_gb} GB are needed",
            f"free some disk (docker system prune gives back unused images), or lower {key_of('min_free_gb')}",
        )
