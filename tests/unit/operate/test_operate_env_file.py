# SPDX-License-Identifier: Apache-2.0
from dataclasses import fields, replace

import pytest

from deidgate.operate import env_file
from deidgate.operate.env_file import Settings
from deidgate.operate.problem import Problem


def test_what_is_written_is_read_again():
    settings = replace(Settings(), dicom_port=11112, host_names="gateway.example,10.1.2.3", min_free_gb=3)
    text = env_file.write(settings, "deidgate")
    assert env_file.read(env_file.parse(text, ".env"), ".env") == settings


def test_a_new_file_names_every_setting():
    text = env_file.write(Settings(), "deidgate")
    assert all(f"\n{env_file.key_of(field.name)}=" in text for field in fields(Settings))


def test_a_setting_that_is_not_in_the_file_has_its_default():
    assert env_file.read({"DEIDGATE_DICOM_PORT": "11112"}, ".env") == replace(Settings(), dicom_port=11112)


def test_comments_empty_lines_and_quotes_are_read_as_compose_reads_them():
    text = "# a comment\n\nA=1\n B = two \nC='three four'\nD=\"\"\nE=a=b\n"
    assert env_file.parse(text, ".env") == {"A": "1", "B": "two", "C": "three four", "D": "", "E": "a=b"}


def test_variables_of_other_programs_are_left_alone():
    assert env_file.read({"COMPOSE_PROJECT_NAME": "x", "TZ": "UTC"}, ".env") == Settings()


def test_a_setting_of_an_earlier_version_is_no_reason_not_to_start():
    assert env_file.read(dict.fromkeys(env_file.RETIRED, "9443"), ".env") == Settings()
    assert not env_file.RETIRED & {env_file.key_of(field.name) for field in fields(Settings)}


@pytest.mark.parametrize("line", ["no equals sign", "=value", "two words=1"])
def test_a_line_that_says_nothing_is_named_with_its_number(line):
    with pytest.raises(Problem, match=r"\.env, line 2"):
        env_file.parse(f"A=1\n{line}\n", ".env")


def test_a_misspelt_setting_is_named_and_the_right_ones_are_listed():
    with pytest.raises(Problem, match="DEIDGATE_DICOMPORT") as caught:
        env_file.read({"DEIDGATE_DICOMPORT": "1"}, ".env")
    assert "DEIDGATE_DICOM_PORT" in caught.value.remedy


@pytest.mark.parametrize("value", ["", "0", "65536", "-1", "4242a", "4 242", "٤٢٤٢"])
def test_a_port_that_is_none_is_refused(value):
    with pytest.raises(Problem, match="DEIDGATE_DICOM_PORT"):
        env_file.read({"DEIDGATE_DICOM_PORT": value}, ".env")


def test_one_port_for_two_purposes_is_refused():
    with pytest.raises(Problem, match="the same"):
        env_file.read({"DEIDGATE_DICOM_PORT": "8443"}, ".env")
