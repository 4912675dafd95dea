# SPDX-License-Identifier: Apache-2.0
import socket
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.operate.scripted import ScriptedShell

from deidgate.operate import checks
from deidgate.operate.env_file import Settings
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.shell import Outcome

SILENT = ScriptedShell({})


def test_a_port_that_somebody_listens_on_is_not_free():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        assert not checks.port_is_free("127.0.0.1", server.getsockname()[1])


def test_a_port_that_nobody_listens_on_is_free():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    assert checks.port_is_free("127.0.0.1", port)


def test_a_port_in_use_is_named_with_its_purpose_its_user_and_its_setting():
    shell = ScriptedShell({"ss ": Outcome(0, 'LISTEN 0 5 0.0.0.0:4242 0.0.0.0:* users:(("storescp",pid=7,fd=3))\n')})
    with pytest.raises(Problem) as caught:
        checks.check_ports(Settings(), frozenset(), shell, lambda _address, port: port != 4242)
    assert caught.value.what == "port 4242 (DICOM) is in use on this machine (by storescp)"
    assert "DEIDGATE_DICOM_PORT" in caught.value.remedy
    assert caught.value.code == Exit.ENVIRONMENT


def test_a_port_in_use_is_named_also_where_its_user_cannot_be_told():
    with pytest.raises(Problem, match=r"^port 8443 \(research\) is in use on this machine$"):
        checks.check_ports(Settings(), frozenset(), SILENT, lambda _address, port: port != 8443)


def test_a_port_that_our_own_containers_hold_is_no_obstacle():
    checks.check_ports(Settings(), frozenset({2762, 4242, 8443}), SILENT, lambda _address, _port: False)


def test_too_little_disk_is_told_in_numbers():
    with pytest.raises(Problem, match=r"only 9 GB .* 10 GB are needed"):
        checks.check_disk(Settings(), free=lambda _path: 9)


def test_enough_disk_is_enough():
    checks.check_disk(Settings(), free=lambda _path: 10)


def test_disk_is_measured_where_a_folder_will_be(tmp_path):
    assert checks.free_gb(tmp_path / "not" / "yet") == checks.free_gb(tmp_path)


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(Problem, match=r"DEIDGATE_CLINICAL_ADDRESS=192\.0\.2\.77"):
        checks.check_address(Settings(clinical_address="192.0.2.77"))


def test_the_root_folder_has_disk():
    assert checks.free_gb(Path("/")) >= 0
