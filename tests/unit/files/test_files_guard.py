# SPDX-License-Identifier: Apache-2.0
"""Where results must not go."""

import os

import pytest
from tests.data.nobody import as_nobody, open_to_all

from deidgate.errors import ConfigurationError
from deidgate.files.guard import check_place, check_writable


def refusal(output):
    try:
        check_writable(output)
    except ConfigurationError as error:
        return error.code
    return ""


def test_an_output_inside_an_input_is_refused(tmp_path):
    for output in (tmp_path, tmp_path / "out", tmp_path / "a" / "b"):
        with pytest.raises(ConfigurationError, match="output-inside-input"):
            check_place([tmp_path], output)


def test_an_output_inside_an_input_through_a_link_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(ConfigurationError, match="output-inside-input"):
        check_place([tmp_path / "in"], tmp_path / "link" / "out")


def test_an_input_inside_the_output_is_refused(tmp_path):
    (tmp_path / "out" / "in").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="input-inside-output"):
        check_place([tmp_path / "out" / "in"], tmp_path / "out")


def test_a_file_is_no_output_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "in").mkdir()
    with pytest.raises(ConfigurationError, match="output-is-a-file"):
        check_place([tmp_path / "in"], tmp_path / "file")


def test_siblings_are_fine_even_if_one_name_begins_like_the_other(tmp_path):
    (tmp_path / "in").mkdir()
    check_place([tmp_path / "in"], tmp_path / "in-out")


def test_an_output_folder_is_made(tmp_path):
    check_writable(tmp_path / "in-out")
    assert (tmp_path / "in-out").is_dir()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="root is needed to become somebody else")
def test_a_read_only_output_is_refused_before_the_start(tmp_path):
    (tmp_path / "out").mkdir(mode=0o555)
    open_to_all(tmp_path)
    assert as_nobody(refusal, tmp_path / "out") == "output-not-writable"
