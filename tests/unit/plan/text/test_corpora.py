# SPDX-License-Identifier: Apache-2.0
"""Harmless descriptions stay as they are written; leaking ones lose what leaks and keep the rest."""

import re
from pathlib import Path

import pytest

from deidgate.plan.text import Revealed, clean_text

HERE = Path(__file__).parent
NOTHING = Revealed()


def lines(name):
    return [s for s in (HERE / name).read_text(encoding="utf-8").splitlines() if s.strip() and not s.startswith("#")]


def words(text):
    return set(re.findall(r"\w+", text.lower().replace("_", " ")))


@pytest.mark.parametrize("text", lines("harmless.txt"))
def test_harmless_descriptions_stay_word_for_word(text):
    assert clean_text(text, "LO", NOTHING) == text


@pytest.mark.parametrize("line", lines("leaking.txt"))
def test_leaking_descriptions_lose_what_leaks_and_keep_the_rest(line):
    text, stays, goes = (part.strip() for part in line.split("|"))
    cleaned = clean_text(text, "LO", NOTHING)
    assert words(stays) <= words(cleaned)
    assert not (words(goes) - words(stays)) & words(cleaned)


@pytest.mark.parametrize("line", lines("leaking.txt"))
def test_what_is_left_has_no_doubled_or_loose_separators(line):
    cleaned = clean_text(line.split("|")[0].strip(), "LO", NOTHING)
    assert cleaned == cleaned.strip(" _-,;:^/")
    assert not re.search(r"  |__|--|,,|\^\^|\(\s*\)|, ,", cleaned)


@pytest.mark.parametrize("line", lines("leaking.txt"))
def test_cleaning_twice_changes_nothing_more(line):
    once = clean_text(line.split("|")[0].strip(), "LO", NOTHING)
    assert clean_text(once, "LO", NOTHING) == once
