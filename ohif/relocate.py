# SPDX-License-Identifier: Apache-2.0
"""Move a prebuilt OHIF viewer from `/` to another path, and leave out what asks other servers.

The published files have their path written into them in a few places. Each replacement must match as often as it is
known to: with another version of the viewer this fails at build time, not as a blank page in front of a researcher.

Usage: relocate.py DIST APP_CONFIG PATH OUT
"""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = (
    "*.map",
    # Workers that load their code from a public host.
    "sw.js",
    "init-service-worker.js",
    # Log-in helpers of hosted installations; they load code from public hosts.
    "google.js",
    "oidc-client.min.js",
    "silent-refresh.html",
    "es6-shim.min.js",
    "polyfill.min.js",
    # For other web servers.
    "_headers",
    "_redirects",
    "serve.json",
    # Runs models that the viewer would fetch from a public hub.
    "ort",
)
INLINE_SCRIPTS = "inline.js"


@dataclass(frozen=True)
class Replacement:
    """A text that is replaced in every file that matches `files`, and how many files must have it."""

    files: str
    old: str
    new: str
    in_files: int


class DoesNotMatch(Exception):
    """The viewer is not the one that the replacements were written for."""


def replacements(path: str) -> tuple[Replacement, ...]:
    """What is replaced to serve the viewer at `path`, which starts and ends with a slash."""
    return (
        Replacement("*.js", '__webpack_require__.p = "/"', f'__webpack_require__.p = "{path}"', 8),
        Replacement(
            "*.js",
            "browserImportFunction('/dicom-microscopy-viewer/",
            f"browserImportFunction('{path}dicom-microscopy-viewer/",
            1,
        ),
        Replacement("*.css", "url(/", f"url({path}", 1),
        Replacement("manifest.json", '"src": "/', f'"src": "{path}', 1),
        Replacement("assets/*.xml", 'src="/', f'src="{path}', 1),
        Replacement("index.html", 'window.PUBLIC_URL="/"', f'window.PUBLIC_URL="{path}"', 1),
        Replacement("index.html", 'href="/', f'href="{path}', 1),
        Replacement("index.html", 'src="/', f'src="{path}', 1),
        Replacement("index.html", 'content="/', f'content="{path}', 1),
    )


def replace(folder: Path, what: Replacement) -> None:
    """Do one replacement in place.

    Raises
    ------
    DoesNotMatch
        Another number of files has it than is known.
    """
    hits = 0
    for file in sorted(folder.glob(what.files)):
        text = file.read_text(encoding="utf-8")
        if what.old in text:
            hits += 1
            file.write_text(text.replace(what.old, what.new), encoding="utf-8")
    if hits != what.in_files:
        raise DoesNotMatch(f"{what.old!r} is in {hits} files of {what.files}, not in {what.in_files}")


def move_inline_scripts(folder: Path, path: str) -> None:
    """Put the start page's inline scripts into a file, so that it runs under a policy that forbids them.

    Raises
    ------
    DoesNotMatch
        There are not two.
    """
    page = folder / "index.html"
    text = page.read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    if len(scripts) != 2:
        raise DoesNotMatch(f"index.html has {len(scripts)} inline scripts, not 2")
    first, *others = (f"<script>{script}</script>" for script in scripts)
    text = text.replace(first, f'<script src="{path}{INLINE_SCRIPTS}"></script>')
    for other in others:
        text = text.replace(other, "")
    page.write_text(text, encoding="utf-8")
    (folder / INLINE_SCRIPTS).write_text(";\n".join(scripts) + ";\n", encoding="utf-8")


def remove_service_worker(folder: Path) -> None:
    """Take the service worker out of the start page.

    Raises
    ------
    DoesNotMatch
        It is not there.
    """
    page = folder / "index.html"
    text = page.read_text(encoding="utf-8")
    kept, count = re.subn(r'<script[^>]*src="[^"]*init-service-worker\.js"></script>', "", text)
    if count != 1:
        raise DoesNotMatch(f"index.html starts {count} service workers, not 1")
    page.write_text(kept, encoding="utf-8")


def relocate(dist: Path, config: Path, path: str, out: Path) -> None:
    """Write the viewer for `path` to the new folder `out`; `dist` is not changed."""
    if not re.fullmatch(r"/([a-z0-9-]+/)+", path):
        raise SystemExit(f"not a path with a slash at both ends: {path}")
    shutil.copytree(dist, out, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for what in replacements(path):
        replace(out, what)
    remove_service_worker(out)
    move_inline_scripts(out, path)
    shutil.copyfile(config, out / "app-config.js")


if __name__ == "__main__":
    relocate(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
