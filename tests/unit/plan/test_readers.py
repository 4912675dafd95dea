# SPDX-License-Identifier: Apache-2.0
"""What is said about a plan is what is in it, and no value of the original."""

import json
from pathlib import Path

import pytest
from tests.data.instances import elements, instance
from tests.data.policies import PSEUDONYMS, SHIPPED, shipped

from deidgate.plan.conformance import action, conformance
from deidgate.plan.explain import explain, explained
from deidgate.plan.planner import plan
from deidgate.standard.confidentiality import confidentiality_table

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"


def header():
    return instance(
        InstitutionName="Mercy", ReferencedImageSequence=[elements(ReferencedSOPInstanceUID="1.2.3", PatientName="Qzx")]
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_every_decision_is_explained_with_its_rule(name):
    made = plan(header(), shipped(name), PSEUDONYMS)
    data = json.loads(json.dumps(explained(made)))
    assert len(data["decisions"]) == len(made.decisions)
    assert all(line["because"] for line in data["decisions"])
    text = explain(made)
    for decision in made.decisions:
        assert str(decision.path) in text


def test_an_explanation_holds_no_value_of_the_original():
    made = plan(header(), shipped("full-dates"), PSEUDONYMS)
    for text in (explain(made), json.dumps(explained(made))):
        assert not any(value in text for value in ("Mercy", "Qzx", "HOSP-0001", "Doe", "20190517", "1.2.3 "))


def test_only_changes_leaves_out_what_stays():
    text = explain(plan(header(), shipped("basic"), PSEUDONYMS), only_changes=True)
    assert "Modality" not in text and "InstitutionName" in text


def test_the_conformance_page_is_what_the_rules_say():
    assert PAGE.read_text(encoding="utf-8") == conformance([shipped(name) for name in SHIPPED])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_row_of_the_table_has_an_action_under_every_policy(name):
    codes = {action(shipped(name), row)[0] for row in confidentiality_table()}
    assert codes <= {"D", "Z", "X", "K", "C", "U", "X/Z", "X/D", "X/Z/D", "Z/D", "X/Z/U*"}
