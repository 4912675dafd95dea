# SPDX-License-Identifier: Apache-2.0
"""A drawn pseudonym shows a typing error, looks as the policy says and can be read aloud."""

import secrets
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deidgate.errors import ConfigurationError
from deidgate.pseudonym import PseudonymStyle, draw_patient_id, draw_shift_days
from deidgate.pseudonym.draw import PLAIN_ALPHABET, check_character, is_well_formed

STYLE = PseudonymStyle()
ODD_ALPHABETS = st.sampled_from([PLAIN_ALPHABET, "012345678", "ABC", "23456789ABCDEFGHJKMNPQRSTUVWXYZ"])
STYLES = st.builds(
    PseudonymStyle, alphabet=ODD_ALPHABETS, length=st.integers(1, 12), prefix=st.sampled_from(["", "P-"])
)


def drawn_in(style, data):
    characters = data.draw(
        st.lists(st.integers(0, len(style.alphabet) - 1), min_size=style.length, max_size=style.length)
    )
    numbers = iter(characters)
    return draw_patient_id(style, lambda _: next(numbers))


@given(STYLES, st.data())
def test_what_was_drawn_is_well_formed(style, data):
    pseudonym = drawn_in(style, data)
    assert is_well_formed(pseudonym, style)
    assert pseudonym.startswith(style.prefix)
    assert len(pseudonym) == len(style.prefix) + style.length + 1


@given(STYLES, st.data())
def test_any_single_wrong_character_is_detected(style, data):
    pseudonym = drawn_in(style, data)
    place = data.draw(st.integers(len(style.prefix), len(pseudonym) - 1))
    wrong = data.draw(st.sampled_from([c for c in style.alphabet if c != pseudonym[place]]))
    assert not is_well_formed(pseudonym[:place] + wrong + pseudonym[place + 1 :], style)


@given(STYLES, st.data())
def test_any_exchange_of_neighbours_is_detected(style, data):
    pseudonym = drawn_in(style, data)
    place = data.draw(st.integers(len(style.prefix), len(pseudonym) - 2))
    one, two = pseudonym[place], pseudonym[place + 1]
    exchanged = pseudonym[:place] + two + one + pseudonym[place + 2 :]
    assert is_well_formed(exchanged, style) == (one == two)


def test_every_single_error_in_every_short_pseudonym_is_detected():
    alphabet = "ABCDE"
    style = PseudonymStyle(prefix="", alphabet=alphabet, length=2)
    right = {a + b + check_character(a + b, alphabet) for a in alphabet for b in alphabet}
    assert len(right) == 25
    for pseudonym in right:
        for place in range(3):
            changed = {pseudonym[:place] + c + pseudonym[place + 1 :] for c in alphabet} - {pseudonym}
            assert not changed & right
        assert all(is_well_formed(p, style) == (p in right) for p in changed)


@given(
    st.text(max_size=12)
    | st.text(STYLE.alphabet, min_size=STYLE.length + 1, max_size=STYLE.length + 1).map("P-".__add__)
)
def test_any_other_text_is_told_from_a_pseudonym(text):
    body = text.removeprefix(STYLE.prefix)[:-1]
    has_the_form = len(body) == STYLE.length and set(body) <= set(STYLE.alphabet)
    drawn = has_the_form and text == STYLE.prefix + body + check_character(body, STYLE.alphabet)
    assert is_well_formed(text, STYLE) == drawn


@pytest.mark.parametrize("wrong", ["", "P-", "P-2222222", "P-22222222222", "22222222", "p-22222222", "P-2222222O2"])
def test_what_has_not_the_form_is_not_well_formed(wrong):
    assert not is_well_formed(wrong, STYLE)


def test_the_plain_alphabet_has_no_look_alikes_and_no_words():
    assert not set(PLAIN_ALPHABET) & set("0O1IL" + "SZBU" + "AEIOU")
    assert PLAIN_ALPHABET.isascii()
    assert PLAIN_ALPHABET.upper() == PLAIN_ALPHABET
    assert len(set(PLAIN_ALPHABET)) == len(PLAIN_ALPHABET) == 25


def test_every_character_of_the_alphabet_is_drawn():
    drawn = Counter("".join(draw_patient_id(STYLE, secrets.randbelow)[2:] for _ in range(400)))
    assert set(drawn) == set(PLAIN_ALPHABET)


@given(st.integers(-400, 400), st.integers(0, 400), st.booleans(), st.data())
def test_a_shift_is_in_its_range_never_zero_and_in_whole_weeks_if_asked(low, width, weeks, data):
    try:
        style = PseudonymStyle(shift_min_days=low, shift_max_days=low + width, whole_weeks=weeks)
    except ConfigurationError as error:
        assert error.code == "no-shift-in-range"
        possible = [d for d in range(low, low + width + 1) if d and (not weeks or d % 7 == 0)]
        assert possible == []
        return
    shift = draw_shift_days(style, lambda n: data.draw(st.integers(0, n - 1)))
    assert low <= shift <= low + width
    assert shift != 0
    assert not weeks or shift % 7 == 0


def test_every_shift_of_the_range_can_be_drawn_once_per_number():
    style = PseudonymStyle(shift_min_days=-2, shift_max_days=3)
    asked = []
    shifts = [draw_shift_days(style, lambda n, k=k: asked.append(n) or k) for k in range(5)]
    assert shifts == [-2, -1, 1, 2, 3]
    assert set(asked) == {5}


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"prefix": "Pat\u00efent"}, "pseudonym-not-ascii"),
        ({"prefix": "P\n"}, "pseudonym-not-ascii"),
        ({"prefix": "P^"}, "pseudonym-character-means-something"),
        ({"prefix": "P "}, "pseudonym-character-means-something"),
        ({"alphabet": "ABC\\D"}, "pseudonym-character-means-something"),
        ({"alphabet": "AAB"}, "pseudonym-alphabet"),
        ({"alphabet": "A"}, "pseudonym-alphabet"),
        ({"alphabet": "0123456789"}, "pseudonym-alphabet-even-with-check"),
        ({"length": 0}, "pseudonym-length"),
        ({"length": 64}, "pseudonym-length"),
        ({"shift_min_days": 5, "shift_max_days": 4}, "no-shift-in-range"),
        ({"shift_min_days": 0, "shift_max_days": 0}, "no-shift-in-range"),
        ({"shift_min_days": 1, "shift_max_days": 6, "whole_weeks": True}, "no-shift-in-range"),
    ],
)
def test_a_style_that_cannot_be_is_refused_by_name(setting, code):
    with pytest.raises(ConfigurationError) as error:
        PseudonymStyle(**setting)
    assert error.value.code == code


def test_an_even_alphabet_is_fine_without_a_check_character():
    style = PseudonymStyle(alphabet="0123456789", check=False)
    assert is_well_formed(draw_patient_id(style, secrets.randbelow), style)
