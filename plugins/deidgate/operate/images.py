# SPDX-License-Identifier: Apache-2.0
"""The images of the gateway: what each is built from, and whether it has to be built again.

An image carries a digest of everything that went into it as a label: its files, its build arguments and the digests
of the images it stands on. As long as the digest is the same nothing is built, so a second `up` takes seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deidgate.operate.engine import Engine
from deidgate.operate.env_file import Settings
from deidgate.operate.problem import Problem
from deidgate.operate.shell import Shell

LABEL = "org.deidgate.inputs"
TAG = "local"


@dataclass(frozen=True)
class Image:
    """One image and everything that decides what is in it."""

    name: str
    dockerfile: str
    """Seen from the checkout."""
    context: str
    """The folder that is handed to the engine, seen from the checkout."""
    inputs: tuple[str, ...]
    """Files and folders that end up in it, seen from the checkout."""
    stands_on: tuple[str, ...]
    """Names of other images here that it is built from."""
    target: str = ""

    @property
    def tag(self) -> str:
        return f"deidgate/{self.name}:{TAG}"


PACKAGE = ("pyproject.toml", "requirements.lock", "README.md", "LICENSE", "plugins", ".dockerignore")

# The tests import the package from the checkout: only what it stands on is in their image.
REQUIREMENTS = ("pyproject.toml", "requirements.lock", "plugins/requirements.py")

IMAGES: tuple[Image, ...] = (
    Image("core", "plugins/Dockerfile", ".", PACKAGE, ("base",), target="core"),
    Image("engine", "plugins/Dockerfile", ".", PACKAGE, ("base",), target="engine"),
    Image("orthanc", "plugins/orthanc.Dockerfile", "plugins", ("plugins/libssl.c",), ("base",)),
    Image("ingest", "orthanc-ingest/Dockerfile", "orthanc-ingest", ("orthanc-ingest",), ("orthanc", "core")),
    Image("research", "orthanc-research/Dockerfile", "orthanc-research", ("orthanc-research",), ("orthanc", "core")),
    Image("gate", "nginx/Dockerfile", "nginx", ("nginx",), ("base",)),
    Image("ohif", "ohif/Dockerfile", "ohif", ("ohif",), ("base", "gate")),
)
"""What runs, in the order in which it is built."""

TEST_IMAGES: tuple[Image, ...] = (
    Image("venv-test", "plugins/Dockerfile", ".", REQUIREMENTS, ("base",), target="test"),
    Image("test", "tests/Dockerfile", "tests", ("tests/Dockerfile",), ("base", "venv-test")),
)
"""What only `gateway test` needs."""

# Seen from the checkout. Not in any image: the operator's commands, and what Python and editors leave behind.
LEFT_OUT = ("plugins/deidgate/operate/",)
LEFT_OUT_NAMES = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
# Read by the containers from the checkout, where the operator edits them; a change needs no build.
MOUNTED = (
    "orthanc-ingest/policies/",
    *(f"orthanc-ingest/{name}.toml" for name in ("destinations", "retention", "routes")),
)


def files_of(root: Path, image: Image) -> tuple[Path, ...]:
    """The files that go into an image, sorted; the same choice as `.dockerignore` makes."""
    found: set[Path] = {root / image.dockerfile}
    for name in image.inputs:
        path = root / name
        if path.is_dir():
            found.update(file for file in path.rglob("*") if file.is_file())
        elif path.is_file():
            found.add(path)
    return tuple(sorted(file for file in found if _counts(file.relative_to(root))))


def _counts(file: Path) -> bool:
    text = file.as_posix()
    if any(part in LEFT_OUT_NAMES or part.endswith(".egg-info") for part in file.parts):
        return False
    return not any(text == prefix or text.startswith(prefix) for prefix in (*LEFT_OUT, *MOUNTED))


def digest_of(root: Path, image: Image, below: Mapping[str, str], arguments: Mapping[str, str]) -> str:
    """The digest of everything that decides what is in an image.

    Parameters
    ----------
    below : mapping of str to str
        Digests of the images already known, by name.
    arguments : mapping of str to str
        Build arguments.
    """
    digest = hashlib.sha256(image.target.encode())
    for name in image.stands_on:
        digest.update(f"\0{below[name]}".encode())
    for key, value in sorted(arguments.items()):
        digest.update(f"\0{key}={value}".encode())
    for file in files_of(root, image):
        executable = "x" if file.stat().st_mode & 0o100 else "-"
        digest.update(f"\0{file.relative_to(root).as_posix()} {executable}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def arguments_of(settings: Settings) -> dict[str, str]:
    """The build arguments that the settings ask for."""
    wanted = {"PIP_INDEX_URL": settings.pip_index_url, "NPM_CONFIG_REGISTRY": settings.npm_registry}
    return {key: value for key, value in wanted.items() if value}


@dataclass(frozen=True)
class Builder:
    """Builds what is out of date."""

    shell: Shell
    engine: Engine
    root: Path
    log: Path
    """Where the engine's own output goes."""
    say: Callable[[str], None]

    def ensure(
        self, images: tuple[Image, ...], base: str, arguments: Mapping[str, str], *, fresh: bool = False
    ) -> None:
        """Build those of `images` that are out of date, in order.

        Parameters
        ----------
        base : str
            Digest of the base image.
        fresh : bool
            Build without the engine's cache, to take in new packages of the distribution.

        Raises
        ------
        Problem
            A build failed.
        """
        known = {"base": base}
        for image in images:
            known[image.name] = digest_of(self.root, image, known, arguments)
            if fresh or self.label(image.tag) != known[image.name]:
                self._build(image, known[image.name], arguments, fresh=fresh)

    def label(self, tag: str) -> str:
        """The digest that the image here was built from; empty when there is no such image."""
        template = f'{{{{ index .Config.Labels "{LABEL}" }}}}'
        found = self.shell.run([self.engine.docker, "image", "inspect", "--format", template, tag], timeout_s=30)
        return found.out.strip() if found.ok else ""

    def _build(self, image: Image, digest: str, arguments: Mapping[str, str], *, fresh: bool) -> None:
        self.say(f"building the image {image.tag}")
        self.build(
            image.tag,
            digest,
            ["--file", str(self.root / image.dockerfile)]
            + (["--target", image.target] if image.target else [])
            + (["--no-cache"] if fresh else []),
            str(self.root / image.context),
            arguments,
        )

    def build(self, tag: str, digest: str, options: list[str], context: str, arguments: Mapping[str, str]) -> None:
        """Run one build.

        Raises
        ------
        Problem
            It failed.
        """
        given = [word for key, value in sorted(arguments.items()) for word in ("--build-arg", f"{key}={value}")]
        done = self.shell.log(
            [self.engine.docker, "build", "--tag", tag, "--label", f"{LABEL}={digest}", *options, *given, context],
            self.log,
            # Clients without the newer builder print a warning and may refuse unless the older one is asked for.
            env={} if self.engine.has_buildkit else {"DOCKER_BUILDKIT": "0"},
        )
        if not done.ok:
            raise Problem(
                f"the image {tag} could not be built",
                f"see the end of {self.log}; a mirror or registry that cannot be reached is set in the settings file",
                details=done.tail(),
            )
