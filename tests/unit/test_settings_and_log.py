# SPDX-License-Identifier: Apache-2.0
"""Settings are read once and a typo is refused; a log line has names and ids, and never what a library said."""

import json
import logging
from dataclasses import fields
from pathlib import Path

import pytest

from deidgate.errors import ConfigurationError
from deidgate.log import JsonLines
from deidgate.settings import Settings, password, secret


def test_every_setting_is_a_variable_of_its_type():
    given = {"int": "7", "float": "2.5", "Path": "/some/where", "str": "text"}
    environment = {f"DEIDGATE_{field.name.upper()}": given[str(field.type)] for field in fields(Settings)}
    read = Settings.read(environment)
    assert (read.threads, read.lease_s, read.config, read.source) == (7, 2.5, Path("/some/where"), "text")


def test_a_misspelt_setting_is_refused_by_its_name():
    with pytest.raises(ConfigurationError) as error:
        Settings.read({"DEIDGATE_TREADS": "3"})
    assert (error.value.code, error.value.path) == ("unknown-setting", "DEIDGATE_TREADS")


def test_a_setting_that_is_no_number_is_refused():
    with pytest.raises(ConfigurationError) as error:
        Settings.read({"DEIDGATE_THREADS": "three"})
    assert error.value.code == "setting-not-a-number"


def test_variables_of_others_are_left_alone():
    assert Settings.read({"PATH": "/bin", "DEIDGATE_INGEST_PASSWORD": "for Orthanc's own configuration"}) == Settings()


def test_the_ledger_is_a_file_of_the_data_folder_unless_it_is_elsewhere():
    assert Settings(data=Path("/d")).ledger_url == "sqlite:////d/ledger.db"
    assert Settings(ledger="postgresql://x/y").ledger_url == "postgresql://x/y"


def test_a_secret_is_read_as_it_is_and_a_password_without_its_line_break(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"\x00\n")
    assert secret(path) == b"\x00\n"
    path.write_bytes(b"word\n")
    assert password(path) == "word"


@pytest.mark.parametrize("content", [None, b""])
def test_a_secret_that_is_missing_or_empty_is_refused(tmp_path, content):
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError):
        secret(path)


def line(name, message, **more):
    record = logging.LogRecord(name, logging.WARNING, "lib.py", 7, message, (), None)
    for key, value in more.items():
        setattr(record, key, value)
    return json.loads(JsonLines().format(record))


def test_our_events_are_logged_with_their_ids():
    told = line("deidgate.worker.line", "held", ids={"item": 4, "code": "no-route"})
    assert (told["event"], told["item"], told["code"]) == ("held", 4, "no-route")


def test_what_a_library_says_is_left_out():
    told = line("pydicom", "Invalid value for VR UI: 'Doe^John'")
    assert "Doe" not in json.dumps(told)
    assert told["from"] == "pydicom"


def test_an_exception_is_logged_by_its_kind_and_place_and_not_by_its_words():
    try:
        Settings.read({"DEIDGATE_THREADS": "Doe^John"})
    except ConfigurationError as error:
        told = line("deidgate.x", "failed", exc_info=(type(error), error, error.__traceback__))
    assert told["error"] == "ConfigurationError"
    assert told["where"][0].startswith("deidgate/settings.py:")
    assert "Doe" not in json.dumps(told)
