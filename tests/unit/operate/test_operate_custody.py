# SPDX-License-Identifier: Apache-2.0
"""Backup, restore, change of key and decisions, as far as this machine's part goes."""

import json
import pwd

import pytest
from tests.unit.operate.scripted import ScriptedShell

from deidgate.operate import backup, commands, rotation, worker_commands
from deidgate.operate.compose import Compose, Container
from deidgate.operate.engine import Engine
from deidgate.operate.installation import find
from deidgate.operate.main import parser
from deidgate.operate.private_files import drafts
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.secret_files import NAMES
from deidgate.operate.shell import Outcome
from deidgate.operate.up import Site

ENGINE = Engine("docker", ("docker-compose",), has_buildkit=False)
WORKER = {
    "Id": "abc",
    "State": {"Status": "running"},
    "Config": {"Labels": {"com.docker.compose.service": "worker"}},
}
WHY = ("--why", "x")
MANIFEST = Outcome(0, json.dumps({"at": "2026-03-01T12:00:00+00:00", "images": []}))


class Composed:
    """Compose that runs what it is told through the shell."""

    def __init__(self, shell):
        self.shell = shell

    def in_worker(self, *words):
        return ["worker", *words]

    def run(self, *words, timeout_s=None):
        return self.shell.run(["compose", *words])

    must = Compose.must

    def require_running(self, service):
        pass

    def containers(self):
        return ()


@pytest.fixture
def site(tmp_path):
    def made(answers):
        shell = ScriptedShell(answers)
        return Site(shell, None, find(tmp_path, "test"), lambda _line: None), shell  # type: ignore[arg-type]

    return made


@pytest.fixture(autouse=True)
def wired(monkeypatch):
    for module in (backup, rotation, worker_commands):
        monkeypatch.setattr(module, "compose_of", lambda site: Composed(site.shell))
    for module in (backup, rotation):
        monkeypatch.setattr(module.engine, "require", lambda _shell: ENGINE)
    monkeypatch.setattr(backup, "prepare", lambda _site, _may: ENGINE)
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123


def given(*words):
    return parser().parse_args(list(words))


def test_a_recall_from_a_script_needs_to_be_said(site):
    there, shell = site({"worker deidgate gateway recall": Outcome(0, '{"instances": 5, "studies": 2}')})
    with pytest.raises(Problem, match="recall 5 instances of 2 studies") as caught:
        worker_commands.recall(there, given("recall", "--study", "2.25.1", "--why", "x"))
    assert caught.value.code == Exit.USAGE
    assert all("--count" in line for line in shell.ran)


def test_a_recall_that_names_nothing_is_refused_before_anything_runs(site):
    there, shell = site({})
    with pytest.raises(Problem) as caught:
        worker_commands.recall(there, given("recall", "--why", "x", "--yes"))
    assert caught.value.code == Exit.USAGE
    assert not shell.ran


def test_processing_again_uses_the_policies_that_hold_now(site):
    there, shell = site(
        {
            "worker deidgate gateway reprocess": Outcome(0, '{"instances": 5, "studies": 2}'),
            "compose restart worker": Outcome(0),
        }
    )
    words = ("reprocess", "--policy", "basic", "--why", "x", "--yes")
    assert worker_commands.reprocess(there, given(*words)) == Exit.OK
    assert [line.split()[0] for line in shell.ran] == ["worker", "compose", "worker"]


def test_who_is_looked_up_is_in_no_argument(site, monkeypatch):
    there, shell = site({"worker deidgate mapping look-up -": Outcome(0)})
    worker_commands.look_up(there, given("mapping", "look-up", "HOSP-1234", "--why", "x"))
    assert not any("HOSP-1234" in line for line in shell.ran)


@pytest.mark.parametrize(("uid", "named"), [(0, "alice"), (65534, pwd.getpwuid(65534).pw_name), (4242, "uid 4242")])
def test_the_audit_trail_names_the_person_behind_sudo_and_believes_no_environment_but_roots(monkeypatch, uid, named):
    monkeypatch.setattr(commands.os, "getuid", lambda: uid)
    for variable in ("SUDO_USER", "LOGNAME", "USER"):
        monkeypatch.setenv(variable, "alice")
    assert commands.who() == named


def test_what_is_to_be_written_has_its_place_before_anything_is_done(site, tmp_path):
    there, shell = site({})
    for words in (
        ("mapping", "export", "--uids", str(tmp_path / "no" / "u.csv"), "--patients", str(tmp_path / "p.csv"), *WHY),
        ("hold", "original", "1", str(tmp_path / "no" / "1.dcm"), "--why", "x"),
        ("sites", "certificate", "north", str(tmp_path / "no" / "north.pem")),
    ):
        asked = given(*words)
        with pytest.raises(Problem) as caught:
            asked.run(there, asked)
        assert caught.value.code == Exit.USAGE
    assert not shell.ran
    assert list(tmp_path.iterdir()) == []


def test_the_worker_is_told_who_exports_the_mapping_table_and_why(site, tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "compose_of", lambda site: Composed(site.shell))
    monkeypatch.setattr(commands, "who", lambda: "alice")
    there, shell = site({"worker sh -euc": Outcome(0, "id_old,id_new\r\n\0id_old,id_new\r\n")})
    files = ("--uids", str(tmp_path / "u.csv"), "--patients", str(tmp_path / "p.csv"))
    asked = given("mapping", "export", *files, "--approval", "7", "--why", "audit of trial 12")
    assert asked.run(there, asked) == Exit.OK
    assert shell.ran[0].endswith("sh alice --why audit of trial 12 --approval 7")


def test_rectangles_reach_the_worker_as_they_were_typed(site, monkeypatch):
    monkeypatch.setattr(worker_commands, "who", lambda: "alice")
    there, shell = site({"worker deidgate gateway hold release": Outcome(0)})
    drawn = ("--box", "0", "0", "60", "512", "--box", "400", "0", "512", "200", "--frame", "3")
    asked = given("hold", "release", *drawn, "19", *WHY)
    assert asked.run(there, asked) == Exit.OK
    assert shell.ran == [f"worker deidgate gateway hold release 19 --why x --by alice {' '.join(drawn)}"]
    asked = given("hold", "reject", "19", *WHY)
    asked.run(there, asked)
    assert shell.ran[1] == "worker deidgate gateway hold reject 19 --why x --by alice"


@pytest.mark.parametrize(("status", "code"), [(0, Exit.OK), (1, Exit.FAILED), (2, Exit.USAGE), (3, Exit.FAILED)])
def test_what_the_worker_finds_to_be_a_wrong_command_line_is_one(site, status, code):
    there, _ = site({"worker deidgate gateway hold release": Outcome(status)})
    asked = given("hold", "release", "19", "--box", "60", "0", "-1", "512", *WHY)
    assert asked.run(there, asked) == code


def test_a_folder_of_somebody_else_is_a_wrong_command_line(tmp_path, monkeypatch):
    def denied(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("deidgate.operate.private_files.tempfile.mkstemp", denied)
    with pytest.raises(Problem, match="Permission denied"), drafts(tmp_path / "u.csv"):
        pass


def test_an_original_takes_nobodys_place(site, tmp_path):
    there, _ = site({"worker deidgate gateway hold original 7": Outcome(0, "the file")})
    asked = given("hold", "original", "7", str(tmp_path / "7.dcm"), "--why", "x")
    assert asked.run(there, asked) == Exit.OK
    assert (tmp_path / "7.dcm").read_text() == "the file"
    assert (tmp_path / "7.dcm").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Problem, match="is there already"):
        asked.run(there, asked)
    with pytest.raises(Problem, match="is there already"), drafts(tmp_path / "8.dcm", new=True):
        (tmp_path / "8.dcm").write_text("another's")
    assert (tmp_path / "8.dcm").read_text() == "another's"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["7.dcm", "8.dcm"]


def test_a_backup_never_overwrites(site, tmp_path):
    there, shell = site({})
    (tmp_path / "old").touch()
    with pytest.raises(Problem) as caught:
        backup.backup(there, given("backup", str(tmp_path / "old")))
    assert caught.value.code == Exit.USAGE
    assert not shell.ran


def test_restore_refuses_where_something_is_unless_it_is_said(site, tmp_path):
    there, shell = site({"docker run": MANIFEST, "docker volume inspect": Outcome(0)})
    (tmp_path / "backup").touch()
    (tmp_path / "word").write_text("correct horse battery", encoding="utf-8")
    words = ("restore", str(tmp_path / "backup"), "--passphrase-file", str(tmp_path / "word"))
    with pytest.raises(Problem, match="already") as caught:
        backup.restore(there, given(*words))
    assert caught.value.code == Exit.USAGE
    assert not any("restore put" in line for line in shell.ran)


def test_a_damaged_backup_is_found_before_anything_is_stopped(site, tmp_path):
    there, shell = site({"docker run": Outcome(1, err="backup-unreadable"), "docker volume inspect": Outcome(1)})
    (tmp_path / "backup").touch()
    (tmp_path / "word").write_text("correct horse battery", encoding="utf-8")
    words = ("restore", str(tmp_path / "backup"), "--yes", "--passphrase-file", str(tmp_path / "word"))
    with pytest.raises(Problem, match="nothing was changed"):
        backup.restore(there, given(*words))
    assert not any("restore put" in line or line.startswith("compose") for line in shell.ran)


RUNNING = tuple(Container(name, name, "running", "healthy", 0, "/x") for name in backup.WRITERS)


@pytest.mark.parametrize("step", ["stop", "start"])
def test_no_backup_with_images_is_called_good_when_a_server_did_not_stop_or_start(site, step):
    there, shell = site({"compose": Outcome(0), f"compose {step}": Outcome(1)})
    stopped = Composed(shell)
    stopped.containers = lambda: RUNNING
    with pytest.raises(Problem, match="could not be"), backup._stopped(there, stopped, wanted=True):
        assert step == "start"
    # Whatever happened, what ran before is started again.
    assert "compose start " + " ".join(backup.WRITERS) in shell.ran


def test_a_restore_replaces_no_ledger_that_something_running_has_open(site, tmp_path):
    there, shell = site({"docker ps": Outcome(0, "abc"), "docker inspect": Outcome(0, json.dumps([WORKER]))})
    with pytest.raises(Problem, match="still run"):
        backup._taken_down(backup.Compose(shell, ENGINE, there.installation))


def test_the_old_key_stays_while_a_row_needs_it(site, tmp_path, monkeypatch):
    monkeypatch.setattr(rotation.health, "wait", lambda *_: None)
    there, shell = site(
        {
            "docker run": Outcome(0, "aaaa bbbb\n"),
            "compose restart": Outcome(0),
            "worker deidgate gateway re-encrypt aaaa bbbb": Outcome(3),
        }
    )
    with pytest.raises(Problem, match="still need"):
        rotation.rotate(there, given("rotate-encryption-key", "--why", "x"))
    assert not any("rotation finish" in line for line in shell.ran)


def test_the_old_key_goes_when_no_row_needs_it(site, monkeypatch):
    monkeypatch.setattr(rotation.health, "wait", lambda *_: None)
    there, shell = site(
        {
            "docker run": Outcome(0, "aaaa bbbb\n"),
            "compose restart": Outcome(0),
            "worker deidgate gateway re-encrypt aaaa bbbb": Outcome(0),
        }
    )
    assert rotation.rotate(there, given("rotate-encryption-key", "--why", "x")) == Exit.OK
    assert "rotation finish" in shell.ran[-1]


def test_a_recovery_key_is_long_and_new_each_time():
    keys = {backup._recovery_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(len(key.replace("-", "")) == 32 for key in keys)


def test_all_secret_files_are_in_the_list_that_up_makes():
    assert "encryption-earlier.key" in NAMES
