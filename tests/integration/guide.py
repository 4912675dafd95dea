# SPDX-License-Identifier: Apache-2.0
"""The operator's guide as somebody types it: section by section, line by line, with the names that are theirs."""

import re
import shlex
import subprocess

from tests.integration.conftest import ROOT

_GUIDE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")


def sections():
    """The lines to be typed, without ``./gateway``, by the heading that they stand under."""
    found = {}
    for part in re.split(r"^## ", _GUIDE, flags=re.MULTILINE)[1:]:
        lines = re.findall(r"^    \./gateway (.+)$", part, flags=re.MULTILINE)
        if lines:
            found[part.partition("\n")[0]] = lines
    return found


def typed(installation, line, mine=None, said="", more=()):
    """Type a line of the guide, `mine` in the place of its examples, and answer `said`; what it prints.

    An example is replaced where it is a whole word or the beginning of a path.
    """
    words = [_replaced(word, mine or {}) for word in shlex.split(line)]
    done = subprocess.run(
        [str(ROOT / "gateway"), "--installation", installation, *words, *more],
        input=said,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, f"{line}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def _replaced(word, mine):
    for example, own in sorted(mine.items(), key=lambda pair: -len(pair[0])):
        if word == example or word.startswith(f"{example}/"):
            return str(own) + word.removeprefix(example)
    return word
