# SPDX-License-Identifier: Apache-2.0
"""No needle of a header survives in a text, however it is written; and time grows with length only."""

import datetime
import re
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from deidgate.plan.text import Revealed, Style, clean_text, revealed
from deidgate.plan.text.fold import folded
from deidgate.plan.text.words import roles, words
from deidgate.verify.days import day_in_text

HARMLESS = [
    s
    for s in (Path(__file__).parent / "harmless.txt").read_text(encoding="utf-8").splitlines()
    if s.strip() and not s.startswith("#")
]
ACCENTS = ["", "\u0301", "\u0308", "\u0327"]
LETTERS = st.text("abcdefghijklmnoprstuvwyz", min_size=4, max_size=10)
NAMES = st.one_of(LETTERS, st.sampled_from(sorted(n for n in words().names if len(n) > 3 and n not in words().imaging)))
JOINTS = ["", " ", "_", "-", "^", ",", ", ", "/", ".", "(", " (", "1"]


@st.composite
def spelled(draw, name):
    """The name in some case, with or without accents."""
    how = draw(st.sampled_from([str.lower, str.upper, str.title, str.swapcase]))
    accent = draw(st.sampled_from(ACCENTS))
    at = draw(st.integers(1, len(name)))
    return unicodedata.normalize("NFC", how(name)[:at] + accent + how(name)[at:])


@st.composite
def planted(draw, needle):
    """A harmless text with the needle somewhere in it, joined in some manner."""
    text = draw(st.sampled_from(HARMLESS))
    at = draw(st.sampled_from([0, len(text), *(m.start() for m in re.finditer(r"\b", text))]))
    return text[:at] + draw(st.sampled_from(JOINTS)) + draw(spelled(needle)) + draw(st.sampled_from(JOINTS)) + text[at:]


def bare(text):
    return re.sub(r"[\W_]", "", folded(text))


@settings(max_examples=400, deadline=None)
@given(st.data(), NAMES, NAMES)
def test_no_name_of_the_header_survives(data, family, given_name):
    vocabulary = words()
    assume(not vocabulary.is_term(family) and not vocabulary.is_term(given_name))
    assume(family not in roles().particles | roles().titles | roles().no_names)
    assume(not any(family in bare(text) for text in HARMLESS))
    ds = Dataset()
    ds.PatientName = f"{family}^{given_name}"
    text = data.draw(planted(family))
    cleaned = clean_text(text, "LO", revealed(ds))
    runs = re.findall(r"[^\W\d_]+", folded(cleaned))
    assert not [run for run in runs if family in run and not vocabulary.is_term(run)]


@settings(max_examples=300, deadline=None)
@given(st.data(), st.from_regex(r"[A-Z]{0,2}[1-9][0-9]{5,9}[A-Z]?", fullmatch=True))
def test_no_identifier_of_the_header_survives(data, identifier):
    ds = Dataset()
    ds.PatientID = identifier
    text = data.draw(planted(identifier.lower()))
    assert identifier.lower() not in bare(clean_text(text, "LO", revealed(ds)))


@settings(max_examples=300, deadline=None)
@given(
    st.data(),
    st.dates(datetime.date(1901, 1, 1), datetime.date(2199, 12, 31)),
    st.sampled_from(
        [
            "%Y%m%d",
            "%Y-%m-%d",
            "%d.%m.%Y",
            "%m/%d/%Y",
            "%m/%d/%y",
            "%d %b %Y",
            "%d%b%Y",
            "%Y %b %d",
            "%B %d, %Y",
            "%b %d %Y",
        ]
    ),
)
def test_no_date_survives_in_any_common_spelling(data, date, spelling):
    text = data.draw(st.sampled_from(HARMLESS))
    date_text = date.strftime(spelling)
    # In brackets: a number right before a date could be its day.
    cleaned = clean_text(f"{text} ({date_text})", "LO", Revealed())
    assert re.findall(r"\w+", cleaned) == re.findall(r"\w+", text)


@settings(max_examples=200, deadline=None)
@given(
    st.data(),
    st.from_regex(r"[2-9][0-9]{2}", fullmatch=True),
    st.from_regex(r"[2-9][0-9]{2}", fullmatch=True),
    st.from_regex(r"[0-9]{3}[13579]", fullmatch=True),
    st.sampled_from(["({}) {}-{}", "{}-{}-{}", "{}.{}.{}", "{} {} {}", "+1 {} {} {}", "001-{}-{}-{}x12", "{}{}{}"]),
)
def test_no_telephone_number_survives(data, area, exchange, number, spelling):
    text = data.draw(st.sampled_from(HARMLESS))
    cleaned = clean_text(f"{text} {spelling.format(area, exchange, number)}", "LO", Revealed())
    assert exchange + number not in bare(cleaned).replace(bare(text), "")


@settings(max_examples=400, deadline=None)
@given(st.data(), st.text(max_size=60), NAMES, st.sampled_from(list(Style)))
def test_cleaning_is_idempotent_and_never_lengthens(data, text, name, style):
    ds = Dataset()
    ds.PatientName = name
    known = revealed(ds)
    text = data.draw(st.sampled_from([text, data.draw(planted(name))]))
    once = clean_text(text, "UT", known, style)
    assert clean_text(once, "UT", known, style) == once
    assert len(once) <= len(text)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_text_stops_the_cleaner(text):
    for vr in ("LO", "SH", "ST", "LT", "UT"):
        assert isinstance(clean_text(text, vr, Revealed()), str)


SEEDS = [
    "a", "1", " ", "-", "(", "1-", "1.", "1/", "a@", "name:", "for ", "dr. ", "smith ", "12 Maple ", "555-123-", "a1",
    "jan ", "2001-", "+1 ", "#1", "(a) ", "x\n", "A^B ", "zylber", "id ", "ü", "山", "00 ", "aaaaaaaa.", "1x1",
    "by by ", "hospital ", "st hospital ", "s1-1234 ",
    "{[(", ")]}", "mrn 1", "is the name ", "12:30:", "e\u0301", "te1", "smith(", "01/02/03 ", "1.2.3.4.5.",
]  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS, ids=repr)
def test_time_grows_with_length_and_not_with_its_square(seed):
    ds = Dataset()
    ds.PatientName, ds.PatientID, ds.InstitutionName = "ZYLBERSZTEJN^ADA", "PX-99123", "Quuxville Medical Center"
    known = revealed(ds)

    def seconds(length):
        text = (seed * (length // len(seed) + 1))[:length]
        best = float("inf")
        for _ in range(3):
            begin = time.process_time()
            clean_text(text, "UT", known)
            best = min(best, time.process_time() - begin)
        return best

    short, long = seconds(4_000), seconds(32_000)
    # Eight times the length: linear is 8, quadratic 64.
    assert long < 24 * max(short, 0.004)


@settings(max_examples=600)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["17", "8", "08", "43", "1943", "5", "05", "4", "04", "23", "2023", "2", "31", "0", "x", "mm"]
            ),
            st.sampled_from([".", "/", "-", " ", ". ", "'", ",", "(", ")", "_", ";"]),
        ),
        max_size=14,
    ).map("".join),
    st.sampled_from(list(Style)),
)
def test_short_dates_that_the_gate_would_find_are_cut(text, style):
    ds = Dataset()
    ds.PatientBirthDate, ds.StudyDate, ds.SeriesDate = "19430817", "20230405", "20020831"
    left = clean_text(text, "LO", revealed(ds), style)
    assert day_in_text(left.lower(), {"19430817", "20230405", "20020831"}) == ""
