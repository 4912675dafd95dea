# SPDX-License-Identifier: Apache-2.0
import pytest
from tests.unit.operate.scripted import ScriptedShell

from deidgate.operate import installation, secret_files
from deidgate.operate.engine import Engine
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.secret_files import NAMES, Ensured, SecretFiles
from deidgate.operate.shell import Outcome

ENGINE = Engine("docker", ("docker-compose",), has_buildkit=False)
NO_LEDGER = {"docker volume inspect": Outcome(1)}
LEDGER = {"docker volume inspect deidgate_ledger": Outcome(0)}


def files(root, answers):
    shell = ScriptedShell({"docker run": Outcome(0), **answers})
    return shell, SecretFiles(shell, ENGINE, installation.find(root))


def fill(root, but=()):
    (root / "secrets").mkdir()
    for name in NAMES:
        if name not in but:
            (root / "secrets" / name).touch()


def test_a_new_installation_gets_all_of_them(tmp_path):
    shell, made = files(tmp_path, NO_LEDGER)
    assert made.ensure().made
    assert shell.did("docker run")


def test_nothing_is_made_when_nothing_is_missing(tmp_path):
    fill(tmp_path)
    _, made = files(tmp_path, LEDGER)
    assert made.ensure() == Ensured(made=False, renewed=())


def test_certificates_that_were_renewed_are_told_of(tmp_path):
    fill(tmp_path)
    _, made = files(tmp_path, {**LEDGER, "docker run": Outcome(0, "gate-dicom.tls.pem\ningest.tls.pem\n")})
    assert made.ensure().renewed == ("gate-dicom.tls.pem", "ingest.tls.pem")


@pytest.mark.parametrize("name", secret_files.IRREPLACEABLE)
def test_a_lost_key_is_never_replaced_while_its_mapping_table_is_there(tmp_path, name):
    fill(tmp_path, but=[name])
    shell, made = files(tmp_path, LEDGER)
    with pytest.raises(Problem, match=name) as caught:
        made.ensure()
    assert "backup" in caught.value.remedy
    assert not shell.did("docker run")


def test_a_certificate_that_was_removed_is_made_again(tmp_path):
    fill(tmp_path, but=["research.tls.pem"])
    shell, made = files(tmp_path, LEDGER)
    assert made.ensure().made
    assert shell.did("docker run")


def test_what_makes_them_reaches_no_network(tmp_path):
    shell, made = files(tmp_path, NO_LEDGER)
    made.ensure()
    [line] = [line for line in shell.ran if line.startswith("docker run")]
    assert "--network=none" in line
    assert "--cap-drop=ALL" in line


def test_passwords_are_read_by_name(tmp_path):
    fill(tmp_path)
    _, made = files(tmp_path, {"docker run": Outcome(0, "first\nsecond\n")})
    found = made.read(("ingest.password", "researcher.password"))
    assert found == {"ingest.password": "first", "researcher.password": "second"}


def test_passwords_that_are_not_there_yet_are_no_empty_text(tmp_path):
    _, made = files(tmp_path, {})
    with pytest.raises(Problem, match="no passwords yet") as caught:
        made.read(("researcher.password",))
    assert caught.value.code == Exit.UNHEALTHY
