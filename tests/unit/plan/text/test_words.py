# SPDX-License-Identifier: Apache-2.0
"""The word lists fit together, and the standard's own terms pass the cleaner."""

from pydicom.datadict import DicomDictionary
from pydicom.sr._concepts_dict import concepts

from deidgate.plan.text import Revealed, clean_text
from deidgate.plan.text.fold import folded
from deidgate.plan.text.words import roles, words


def changed(texts):
    return [text for text in texts if clean_text(text, "UT", Revealed()) != text]


def test_a_word_is_of_imaging_or_common_or_a_name():
    lists = words()
    assert not lists.imaging & lists.english
    assert not lists.imaging & lists.names
    assert not lists.english & lists.names


def test_ambiguous_names_are_names_and_of_one_kind():
    lists = words()
    assert lists.eponyms <= lists.names
    assert lists.ordinary <= lists.names
    assert not lists.eponyms & lists.ordinary
    assert lists.proper <= lists.imaging


def test_all_words_are_folded():
    lists, parts = words(), roles()
    for name in (*lists.__slots__,):
        assert all(folded(word) == word and word.isalpha() for word in getattr(lists, name))
    for name in (*parts.__slots__,):
        assert all(folded(word) == word for word in getattr(parts, name))


def test_names_of_attributes_pass():
    names = {entry[2] for entry in DicomDictionary.values()}
    assert len(names) > 5000
    assert changed(names) == []


def test_meanings_of_codes_pass_but_for_the_few_that_are_called_after_somebody():
    meanings = {code[0] for scheme in concepts.values() for keyword in scheme.values() for code in keyword.values()}
    # Breeds of animals are called after places and people, and describe no image.
    meanings = {meaning for meaning in meanings if "breed" not in meaning and "organism" not in meaning}
    assert len(meanings) > 14_000
    assert len(changed(meanings)) < 0.007 * len(meanings)
