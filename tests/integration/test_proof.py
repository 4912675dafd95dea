# SPDX-License-Identifier: Apache-2.0
"""The proof for a sceptic runs as an operator types it, and what is not meant to be held is gone, not held."""

import json

MEANT_TO_BE_HELD = {"encapsulated-pdf": "sop-class-held"}


def test_nothing_that_was_planted_gets_out_and_nothing_is_held_by_the_way(gateway, tmp_path):
    gateway.command("prove", "--json", str(tmp_path / "proof.json"), "--html", str(tmp_path / "proof.html"))
    told = json.loads((tmp_path / "proof.json").read_text())
    assert told["proved"]
    assert {one["name"]: one["detail"] for one in told["plants"] if one["verdict"] == "held"} == MEANT_TO_BE_HELD
    assert {one["verdict"] for one in told["plants"] if one["name"] not in MEANT_TO_BE_HELD} == {"gone"}
    assert len(told["plants"]) >= 30
    assert "Proof of de-identification" in (tmp_path / "proof.html").read_text(encoding="utf-8")
    gateway.healthy()
    gateway.settle()
