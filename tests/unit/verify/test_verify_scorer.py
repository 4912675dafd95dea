# SPDX-License-Identifier: Apache-2.0
"""The gate is no milder than the outside score: what that looks for, this finds."""

from __future__ import annotations

import json

import pytest

from deidgate.verify.needles import derive
from deidgate.verify.text import canonical
from deidgate.verify.view import View
from deidgate.verify.walk import walk


@pytest.mark.shared
def test_every_needle_of_the_outside_score_is_derived_from_the_header_alone(shared):
    sample = shared / "sample"
    outside = json.loads((sample / "needles.json").read_text("utf-8"))
    missed = []
    count = 0
    for path in sorted((sample / "pseudo-phi").glob("*.dcm")):
        view = View(walk(path.read_bytes()))
        ours = derive(view, frozenset({"113100"}), frozenset(), frozenset())
        words = {needle.text for needle in ours.words}
        # A characteristic of the patient is no identity by itself; its own row says whether it may stay.
        of_rows = canonical(view.text(0x00102160).encode()).decode("latin_1")
        for needle in outside[view.text(0x00080018)]["needles"]:
            count += 1
            text = canonical(needle.encode()).decode("latin_1")
            if needle.encode() not in ours.uids and text not in words and text != of_rows:
                missed.append(path.name)
    assert count > 500
    assert missed == []
