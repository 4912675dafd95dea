# SPDX-License-Identifier: Apache-2.0
"""Every code that the gate can give has its sentence, and the gravest finding comes first."""

from __future__ import annotations

import re
from pathlib import Path

import deidgate.verify
from deidgate.verify.codes import FINDINGS, ORIGINALS, gravity
from deidgate.verify.needles import Kind

FROM_TYPES = {"type-1-missing", "type-2-missing", "type-1-empty"}
EITHER = {"pixel-data-lost", "pixel-data-added", "vr-wrong", "unknown-element"}


def test_the_codes_in_the_source_are_the_codes_in_the_table():
    (folder,) = deidgate.verify.__path__
    source = "".join(path.read_text("utf-8") for path in Path(folder).glob("*.py") if path.name != "codes.py")
    calls = re.findall(r'(?:Finding|UnreadableError|\.fault|append)\(+\s*"([a-z0-9]+(?:-[a-z0-9]+)+|lost)"', source)
    assert len(calls) > 60
    assert set(calls) | FROM_TYPES | EITHER | {kind.value for kind in Kind} == set(FINDINGS)


def test_a_leak_is_graver_than_a_formality(pair):
    pair.result.file_meta.SendingApplicationEntityTitle = "X"
    pair.result.SoftwareVersions = "Quillfeather"
    codes = [finding.code for finding in pair.verdict().findings]
    assert codes[0] == "name-left"
    assert codes == sorted(codes, key=gravity)


def test_every_code_is_one_sentence_without_a_value():
    for text in (*FINDINGS.values(), *ORIGINALS.values()):
        assert text[0].isupper()
        assert text.endswith(".")
        assert not set(text) & set('{}<>%"\n')
