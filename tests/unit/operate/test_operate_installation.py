# SPDX-License-Identifier: Apache-2.0
import pytest

from deidgate.operate import installation
from deidgate.operate.problem import Exit, Problem


def test_the_tests_share_no_port_key_network_or_volume_with_the_installation_in_use(tmp_path):
    used, test = installation.find(tmp_path), installation.find(tmp_path, "test")
    ours = {used.settings.dicom_port, used.settings.research_port}
    theirs = {test.settings.dicom_port, test.settings.research_port}
    assert not ours & theirs
    assert used.secrets != test.secrets
    assert used.project != test.project
    assert used.env_path != test.env_path


def test_a_further_installation_gets_ports_that_are_free():
    first = installation.first_settings("one", is_free=lambda _address, _port: True)
    second = installation.first_settings("two", is_free=lambda _address, port: port not in first.ports())
    tests = installation.first_settings("test", is_free=lambda _address, _port: False)
    usual = installation.first_settings("deidgate")
    assert len({*first.ports(), *second.ports(), *tests.ports(), *usual.ports()}) == 4 * len(usual.ports())


def test_the_tests_installation_is_not_reached_from_other_machines(tmp_path):
    settings = installation.find(tmp_path, "test").settings
    assert {settings.clinical_address, settings.research_address} == {"127.0.0.1"}


def test_the_operators_settings_are_written_once_and_then_his(tmp_path):
    assert installation.write_settings(installation.find(tmp_path))
    there = installation.find(tmp_path)
    text = there.env_path.read_text(encoding="utf-8").replace("DICOM_PORT=4242", "DICOM_PORT=104")
    there.env_path.write_text(text, encoding="utf-8")
    again = installation.find(tmp_path)
    assert not installation.write_settings(again)
    assert again.settings.dicom_port == 104
    assert there.env_path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", ["deidgate", "test"])
def test_a_setting_that_came_with_a_later_version_is_added_and_the_others_stay(tmp_path, name):
    path = installation.env_path(tmp_path, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# mine\nDEIDGATE_DICOM_PORT=104\n", encoding="utf-8")
    before = installation.find(tmp_path, name)
    assert installation.write_settings(before)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# mine\nDEIDGATE_DICOM_PORT=104\n")
    assert text.count("DEIDGATE_DICOM_PORT") == 1
    assert installation.find(tmp_path, name) == before


def test_another_installation_never_falls_back_on_the_keys_of_the_one_in_use(tmp_path):
    path = installation.env_path(tmp_path, "test")
    path.parent.mkdir(parents=True)
    path.write_text("", encoding="utf-8")
    assert installation.find(tmp_path, "test").secrets == tmp_path / ".gateway" / "test" / "secrets"


def test_the_first_certificates_are_for_this_machines_name():
    assert installation.first_settings("deidgate", "pacs7").host_names == "localhost,127.0.0.1,pacs7"


@pytest.mark.parametrize("name", ["", "A", "../x", "a b", "x" * 22, "1a"])
def test_a_name_that_compose_could_not_use_is_refused(tmp_path, name):
    with pytest.raises(Problem) as caught:
        installation.find(tmp_path, name)
    assert caught.value.code == Exit.USAGE
