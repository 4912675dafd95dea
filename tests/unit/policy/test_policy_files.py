# SPDX-License-Identifier: Apache-2.0
"""Policy files: what is accepted, and what is refused with file, key and the accepted values."""

import re

import pytest
from tests.data.policies import POLICIES, SHIPPED, shipped

from deidgate.errors import ConfigurationError
from deidgate.policy.load import load_policy
from deidgate.policy.model import DateAction, DateRule, Fate, Option, Word
from deidgate.standard.families import families

BASIC = (POLICIES / "basic.toml").read_text(encoding="utf-8")


def load(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def refused(tmp_path, text):
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path, text)
    assert "mine.toml" in str(error.value)
    return str(error.value)


def with_options(*words):
    return re.sub(r"options = \[\n\]", "options = [" + ", ".join(f'"{word}"' for word in words) + "]", BASIC)


def with_dates(text, study, other):
    text = text.replace('study = "remove"', f'study = "{study}"')
    return text.replace('other = "remove"', f'other = "{other}"')


def test_the_six_policies_are_shipped_and_load():
    assert sorted(path.stem for path in POLICIES.glob("*.toml")) == sorted(SHIPPED)
    for name in SHIPPED:
        assert shipped(name).name == name
        assert set(shipped(name).families) == families()


def test_the_default_policy_is_what_the_client_ordered():
    policy = shipped("mammography")
    assert policy.dates.birth == DateRule(DateAction.TRUNCATE, "month", 15)
    assert policy.dates.study.action is DateAction.KEEP
    assert Option.RETAIN_PATIENT_CHARACTERISTICS in policy.options


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_policy_holds_documents_voices_and_raw_data(name):
    for family in ("encapsulated-document", "audio", "raw-data", "video"):
        assert shipped(name).families[family] is Fate.HOLD


def test_the_digest_changes_with_any_byte_of_the_file(tmp_path):
    assert load(tmp_path, BASIC).digest != load(tmp_path, BASIC + "# a remark\n").digest
    assert load(tmp_path, BASIC) == load(tmp_path, BASIC)


def test_the_label_fits_into_de_identification_method():
    for name in SHIPPED:
        assert len("Deidgate " + shipped(name).label) <= 64


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "basic"', 'name = "basic"\ncolour = "red"', "unknown-key"),
        ('depth = 16', 'depth = 16\ndeepness = 3', "unknown-key"),
        ('text = "clean"', 'text = "wash"', "accepted: clean, keep, remove"),
        ('depth = 16', 'depth = 1000', "1 to 64"),
        ('depth = 16', 'depth = "16"', "int"),
        ('ct = "de-identify"', 'ct = "deliver"', "accepted: de-identify, hold, reject"),
        ('ct = "de-identify"\n', '', "missing-key"),
        ('birth = "remove"', 'birth = "truncate"', "accepted: keep, remove, shift"),
        ('birth = "remove"', 'birth = { truncate = "day", day = 15 }', "accepted: month, year"),
        ('birth = "remove"', 'birth = { truncate = "month", day = 31 }', "1 to 28"),
        ('birth = "remove"', 'birth = { truncate = "month", day = 15, hour = 3 }', "unknown-key"),
        ('"PatientBirthDate"', '"PatientBirthdate"', "PatientBirthdate; accepted"),
        ('version = "1"', 'version = "a very long version indeed"', "up to 20 letters"),
        ('[families]', '[elements]\nStudyDescripton = "keep"\n[families]', "unknown-keyword"),
        ('[families]', '[elements]\nStudyDescription = "wash"\n[families]', "accepted: clean, dummy, empty, keep"),
        ('[families]', '[elements]\nStudyDescription = { value = "ü" }\n[families]', "ASCII"),
        ('[families]', '[elements]\nPatientID = "keep"\n[families]', "identity-is-not-a-matter-of-lines"),
        ('[families]', '[elements]\n"(0009,1001)" = "keep"\n[families]', "private-attribute"),
        ('[families]', '[sop_classes]\nCT = "hold"\n[families]', "SOP Class UID"),
        ('[families]', '[pseudonym]\nprefix = "Ü-"\n[families]', "pseudonym-not-ascii"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_what_is_accepted(tmp_path, old, new, says):
    assert old in BASIC
    assert says in refused(tmp_path, BASIC.replace(old, new, 1))


def test_recognizable_visual_features_are_refused_because_nothing_does_it(tmp_path):
    message = refused(tmp_path, with_options("clean-recognizable-visual-features"))
    assert "option-not-implemented" in message


def test_an_unknown_option_is_refused_with_all_that_exist(tmp_path):
    message = refused(tmp_path, with_options("clean-everything"))
    assert all(option.word in message for option in Option)


@pytest.mark.parametrize(
    "text",
    [
        with_options("retain-full-dates"),  # but [dates] removes them
        with_options("retain-modified-dates"),
        with_options("retain-full-dates", "retain-modified-dates"),
        with_dates(BASIC, "keep", "remove"),  # no option claims it
        with_dates(with_options("retain-full-dates"), "keep", "shift"),
        with_dates(with_options("retain-modified-dates"), "keep", "keep"),
    ],
)  # fmt: skip
def test_dates_that_contradict_the_claimed_option_are_refused(tmp_path, text):
    assert "contradict" in refused(tmp_path, text)


def test_private_lines_need_the_option_that_claims_them(tmp_path):
    line = '[[private]]\ncreator = "ACME"\ngroup = "0019"\nelement = "0c"\nreason = "b-value"\n'
    assert "retain-safe-private" in refused(tmp_path, BASIC + line)
    policy = load(tmp_path, with_options("retain-safe-private") + line)
    assert [(rule.creator, rule.group, rule.element) for rule in policy.private] == [("ACME", 0x19, 0x0C)]


WRONG_PRIVATE = [
    'group = "0018"\nelement = "0c"',
    'group = "0019"\nelement = "100c"',
    'group = "xyz"\nelement = "0c"',
]


@pytest.mark.parametrize("line", WRONG_PRIVATE)
def test_private_lines_need_an_odd_group_and_a_low_byte(tmp_path, line):
    text = f'[[private]]\ncreator = "ACME"\n{line}\nreason = "b-value"\n'
    refused(tmp_path, with_options("retain-safe-private") + text)


def test_lines_name_elements_by_keyword_tag_and_path(tmp_path):
    lines = (
        "[elements]\n"
        'StudyDescription = "keep"\n'
        '"(0008,103E)" = "clean"\n'
        '"RequestAttributesSequence.ScheduledProcedureStepID" = "remove"\n'
        'InstitutionName = { value = "Site 7" }\n'
    )
    policy = load(tmp_path, BASIC.replace("[families]", lines + "[families]"))
    assert [(rule.path, rule.word, rule.value) for rule in policy.elements] == [
        ((0x00081030,), Word.KEEP, None),
        ((0x0008103E,), Word.CLEAN, None),
        ((0x00400275, 0x00400009), Word.REMOVE, None),
        ((0x00080080,), Word.DUMMY, "Site 7"),
    ]


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_not_toml_is_refused(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as error:
        load_policy(path)
    assert error.value.code == "not-toml"
    assert error.value.detail


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError) as error:
        load_policy(tmp_path / "none.toml")
    assert error.value.code == "no-such-file"
