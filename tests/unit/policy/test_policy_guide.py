# SPDX-License-Identifier: Apache-2.0
"""The policy guide shows a policy that loads, and names every word that a policy may have."""

import re
from pathlib import Path

import pytest
from tests.data.policies import SHIPPED

from deidgate.policy.load import NOT_IMPLEMENTED, load_policy
from deidgate.policy.model import DateAction, Option, Word

GUIDE = (Path(__file__).parents[3] / "docs" / "policies.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)[0]


def test_the_example_is_a_policy(tmp_path):
    path = tmp_path / "trial-7.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    policy = load_policy(path)
    assert (policy.name, policy.dates.study.action) == ("trial-7", DateAction.SHIFT)
    assert policy.pseudonym.whole_weeks


@pytest.mark.parametrize(
    "word",
    [
        *SHIPPED,
        *(option.word for option in set(Option) - NOT_IMPLEMENTED),
        *(word.value for word in Word),
        *(action.value for action in DateAction),
    ],
)
def test_the_guide_names_every_word(word):
    assert re.search(rf"\b{word}\b", GUIDE)
