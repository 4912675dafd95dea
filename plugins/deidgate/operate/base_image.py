# SPDX-License-Identifier: Apache-2.0
"""The one image that all others are built from: Debian forky, with this machine's extra CA certificates.

It is pulled where a registry can be reached. Hospitals often have a Debian mirror and no registry: there it is
built from the mirror with debootstrap, as root.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from deidgate.operate.engine import Engine, Host, apt_install
from deidgate.operate.env_file import Settings, key_of
from deidgate.operate.images import Builder
from deidgate.operate.problem import Problem
from deidgate.operate.shell import Shell

SUITE = "forky"
TAG = f"deidgate/base:{SUITE}"
DOCKERFILE = Path(__file__).with_name("base.Dockerfile")
PULLED = f"debian:{SUITE}-slim"
ROOT_FILESYSTEM = f"deidgate/debian:{SUITE}"
HOST_CERTIFICATES = Path("/usr/local/share/ca-certificates")
APT = Path("/etc/apt")
DEBOOTSTRAP_SCRIPT = "/usr/share/debootstrap/scripts/sid"
"""Debootstrap older than the suite knows no script of its name; all suites since use this one."""

Say = Callable[[str], None]


def mirror_in(sources: Iterable[str]) -> str | None:
    """The first address in apt's sources, of either format, from which whole Debian releases come.

    Archives of security updates, of other distributions and of single vendors do not count: they hold no suite to
    build a base from. Those of Debian end in `/debian` by its own mirror rules.
    """
    for text in sources:
        for line in text.splitlines():
            words = line.split()
            if not words or words[0] not in ("deb", "URIs:"):
                continue
            for word in words[1:]:
                if re.fullmatch(r"https?://\S+/debian/?", word):
                    return word.rstrip("/")
    return None


def find_mirror(settings: Settings, apt: Path = APT) -> str | None:
    """The mirror from the settings, else this machine's own."""
    if settings.debian_mirror:
        return settings.debian_mirror.rstrip("/")
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    return mirror_in(file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file())


def certificates(folder: Path = HOST_CERTIFICATES) -> tuple[Path, ...]:
    """The machine's own CA certificates, which a proxy or a mirror inside a hospital needs."""
    return tuple(sorted(folder.rglob("*.crt"))) if folder.is_dir() else ()


def certificates_digest(files: Iterable[Path]) -> str:
    """A digest of the certificates, to know when the base is out of date."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def ensure_root_filesystem(shell: Shell, engine: Engine, host: Host, mirror: str | None, say: Say) -> str:
    """The name of an image that holds plain Debian; pulled or made if there is none yet.

    Raises
    ------
    Problem
        It cannot be pulled and cannot be built here.
    """
    for image in (ROOT_FILESYSTEM, PULLED):
        if shell.run([engine.docker, "image", "inspect", image]).ok:
            return image
    say(f"getting the base image {PULLED}")
    if shell.run([engine.docker, "pull", "--quiet", PULLED], timeout_s=300).ok:
        return PULLED
    if mirror is None:
        raise Problem(
            f"the base image {PULLED} cannot be pulled, and no Debian mirror is known to build it from",
            f"write the address of a Debian mirror as {key_of('debian_mirror')} in the settings file, and try again",
        )
    if not host.is_root:
        raise Problem(
            f"the base image {PULLED} cannot be pulled, and building it from {mirror} needs root",
            "run `./gateway up` once as root",
        )
    say(f"no registry can be reached: building the base image from {mirror} (about a minute)")
    _debootstrap(shell, engine, host, mirror)
    return ROOT_FILESYSTEM


def _debootstrap(shell: Shell, engine: Engine, host: Host, mirror: str) -> None:
    if shell.which("debootstrap") is None:
        if not host.is_debian:
            raise Problem("debootstrap is not installed", "install debootstrap and try again")
        apt_install(shell, ("debootstrap", "debian-archive-keyring"))
    with tempfile.TemporaryDirectory(prefix="deidgate-base-") as folder:
        root = Path(folder) / "root"
        archive = Path(folder) / "root.tar"
        made = shell.run(
            [
                "debootstrap",
                "--variant=minbase",
                "--include=ca-certificates",
                SUITE,
                str(root),
                mirror,
                DEBOOTSTRAP_SCRIPT,
            ],
            timeout_s=1800,
        )
        if not made.ok:
            raise Problem(
                f"debootstrap could not build {SUITE} from {mirror}",
                f"check that the mirror is reached and holds {SUITE}, or set {key_of('debian_mirror')} to another",
                details=made.tail(),
            )
        # What apt downloaded on the way, and its lists, which the first build fetches anew.
        left_out = ("./var/cache/apt/archives/*.deb", "./var/cache/apt/*.bin", "./var/lib/apt/lists/*")
        packed = shell.run(
            ["tar", "-C", str(root), *(f"--exclude={name}" for name in left_out), "-cf", str(archive), "."],
            timeout_s=600,
        )
        if packed.ok:
            packed = shell.run([engine.docker, "import", str(archive), ROOT_FILESYSTEM], timeout_s=600)
        if not packed.ok:
            raise Problem(
                "the base image could not be stored",
                "free some disk and try again",
                details=packed.tail(),
            )


def ensure(builder: Builder, host: Host, settings: Settings, *, fresh: bool = False) -> str:
    """Make sure of `deidgate/base` and return its digest.

    Raises
    ------
    Problem
        It cannot be had.
    """
    mirror = find_mirror(settings)
    extra = certificates()
    inputs = hashlib.sha256(f"{settings.debian_mirror}\0{certificates_digest(extra)}\0".encode())
    inputs.update(DOCKERFILE.read_bytes())
    digest = inputs.hexdigest()
    if not fresh and builder.label(TAG) == digest:
        return digest
    source = ensure_root_filesystem(builder.shell, builder.engine, host, mirror, builder.say)
    builder.say(f"building the image {TAG}")
    with tempfile.TemporaryDirectory(prefix="deidgate-base-") as folder:
        context = Path(folder)
        kept = context / "certificates"
        kept.mkdir()
        # The engine refuses to copy from an empty folder.
        (kept / "README").write_text("CA certificates of the machine that built this image.\n", encoding="utf-8")
        for number, file in enumerate(extra):
            shutil.copyfile(file, kept / f"host-{number}.crt")
        shutil.copyfile(DOCKERFILE, context / "Dockerfile")
        arguments = {"SOURCE": source, "DEBIAN_MIRROR": settings.debian_mirror}
        builder.build(TAG, digest, ["--no-cache"] if fresh else [], str(context), arguments)
    return digest
