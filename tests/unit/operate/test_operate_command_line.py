# SPDX-License-Identifier: Apache-2.0
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from deidgate.operate import commands, installation, testing
from deidgate.operate.compose import Container
from deidgate.operate.main import EPILOGUE, main, parser
from deidgate.operate.private_files import drafts
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.up import one_at_a_time

ROOT = Path(__file__).parents[3]
WORKER = Container("1", "worker", "running", "healthy", 0, "/x")
COMMANDS = (
    *("up", "down", "status", "logs", "send", "wait", "hold", "hold list", "mapping", "mapping export"),
    *(
        "hold show",
        "hold original",
        "hold release",
        "hold reject",
        "mapping look-up",
        "reconcile",
        "recall",
        "reprocess",
        "purge",
    ),
    *("approvals", "approvals list", "approvals ask", "approvals approve", "approvals require"),
    *("approvals require-no-more", "audit", "audit verify", "audit list", "audit head"),
    *("sites", "sites list", "sites add", "sites certificate", "sites trust", "sites revoke"),
    *("destinations", "destinations list", "destinations retry", "destinations withdrawn"),
    *("backup", "restore", "rotate-encryption-key"),
    *("research", "research download", "credentials", "prove", "test"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as caught:
        parser().parse_args([*command.split(), "--help"])
    assert caught.value.code == 0
    assert f"gateway {command}" in capsys.readouterr().out


def test_every_command_is_known_here():
    listed = re.findall(r"^    ([a-z-]+)(?= |$)", parser().format_help(), flags=re.MULTILINE)
    assert set(listed) == {name.split()[0] for name in COMMANDS}


@pytest.mark.parametrize("words", [[], ["fly"], ["send"], ["mapping", "export"], ["test", "everything"]])
def test_a_wrong_command_line_is_status_2(words):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == Exit.USAGE


def test_a_problem_is_one_line_what_and_one_line_what_to_do(capsys):
    assert main(["--installation", "../etc", "status"]) == Exit.USAGE
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("gateway: ") for line in lines)


def test_the_last_lines_of_a_log_come_before_what_is_wrong():
    lines = Problem("it broke", "mend it", details=("first", "second")).lines()
    assert lines == ["  | first", "  | second", "gateway: it broke", "gateway: mend it"]


def test_every_exit_code_is_explained_in_help_and_guide():
    guide = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    for code in Exit:
        assert re.search(rf"^  {code:d}  ", EPILOGUE, flags=re.MULTILINE)
        assert re.search(rf"^\| {code:d} \|", guide, flags=re.MULTILINE)


def test_every_command_is_in_the_guide():
    guide = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    assert not [command for command in COMMANDS if f"./gateway {command}" not in guide]


@pytest.mark.parametrize("why", [[], ["--why", ""], ["--why", "  "]])
@pytest.mark.parametrize(
    "words",
    [
        ["mapping", "look-up", "HOSP-1"],
        ["hold", "show", "1"],
        ["hold", "original", "1", "1.dcm"],
        ["hold", "release", "1"],
        ["hold", "reject", "1"],
        ["recall", "--project", "trial"],
        ["reprocess", "--project", "trial"],
        ["approvals", "ask", "export-uids"],
        ["approvals", "approve", "1"],
        ["approvals", "require"],
        ["approvals", "require-no-more", "1"],
        ["destinations", "retry", "pacs"],
        ["destinations", "withdrawn", "pacs", "1"],
        ["rotate-encryption-key"],
    ],
    ids=" ".join,
)
def test_what_a_person_decides_has_a_reason(words, why):
    parser().parse_args([*words, "--why", "test"])
    with pytest.raises(SystemExit) as caught:
        main([*words, *why])
    assert caught.value.code == Exit.USAGE


def test_deleting_everything_from_a_script_needs_to_be_said(monkeypatch):
    monkeypatch.setattr(sys, "stdin", open("/dev/null"))  # noqa: SIM115, PTH123
    monkeypatch.setattr(commands, "compose_of", lambda _site: None)
    there = installation.find(ROOT, "test")
    site = commands.Site(None, None, there, lambda _line: None)  # type: ignore[arg-type]
    with pytest.raises(Problem) as caught:
        commands.down(site, parser().parse_args(["down", "--volumes"]))
    assert caught.value.code == Exit.USAGE


def test_the_status_says_what_to_do_when_nothing_runs():
    assert commands.status_lines((), None) == ["nothing runs; start it with ./gateway up"]


def test_a_service_without_a_container_is_not_well(monkeypatch, capsys):
    class Composed:
        def containers(self):
            return (WORKER,)

        def services(self):
            return frozenset({"worker", "gate-dicom"})

    monkeypatch.setattr(commands, "compose_of", lambda _site: Composed())
    monkeypatch.setattr(commands, "_flow", lambda *_: {"open": True})
    site = commands.Site(None, None, installation.find(ROOT, "test"), lambda _line: None)  # type: ignore[arg-type]
    assert commands.status(site, parser().parse_args(["status"])) == Exit.UNHEALTHY
    assert "gate-dicom      absent" in capsys.readouterr().out.splitlines()


def test_the_status_counts_instances_by_state():
    flow = {"states": {"delivered": 12, "held": 1}, "in_flight": 3, "open": True}
    lines = commands.status_lines((WORKER,), flow)
    assert "worker          running (healthy)" in lines
    assert "delivered       12" in lines
    assert "in flight       3" in lines


def test_the_status_says_loudly_that_ingest_refuses():
    assert "REFUSES" in commands.status_lines((WORKER,), {"open": False})[-1]


def test_a_worker_that_does_not_answer_is_told():
    assert "cannot be told" in commands.status_lines((replace(WORKER, health="unhealthy"),), None)[-1]


def test_what_names_patients_is_written_for_its_owner_alone_and_whole(tmp_path):
    target = tmp_path / "patients.csv"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o644)
    with drafts(target) as [place]:
        place.write_text("id_old,id_new\r\nA,B\r\n", newline="")
    assert target.read_bytes() == b"id_old,id_new\r\nA,B\r\n"
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_two_that_build_at_once_go_one_after_the_other(tmp_path):
    order: list[str] = []

    def second() -> None:
        with one_at_a_time(tmp_path / "lock", order.append):
            order.append("second")

    with one_at_a_time(tmp_path / "lock", order.append):
        other = threading.Thread(target=second)
        other.start()
        while not order:
            other.join(0.01)
        order.append("first")
    other.join()
    assert order == ["waiting for another ./gateway that is at work here", "first", "second"]


def test_tests_see_the_checkout_where_it_is_and_only_their_own_gateway(tmp_path):
    there = installation.find(tmp_path / "main", "test")
    words = testing.command(there, "docker", ["tests/unit"], ["-k", "x"])
    assert f"--volume={tmp_path}/main:{tmp_path}/main" in words
    assert "--env=GATEWAY_INSTALLATION=test" in words
    assert words[-3:] == ["tests/unit", "-k", "x"]
    assert not [word for word in words if "/shared" in word]
    (tmp_path / "shared").mkdir()
    assert f"--volume={tmp_path}/shared:{tmp_path}/shared:ro" in testing.command(there, "docker", [], [])


@pytest.mark.parametrize("what", [*testing.FOLDERS, "all"])
def test_every_kind_of_test_has_its_folders(what):
    found = testing.folders(ROOT, what)
    assert found
    assert all((ROOT / name).is_dir() for name in found)


def test_the_script_starts_from_any_folder(tmp_path):
    done = subprocess.run([str(ROOT / "gateway"), "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "usage: gateway" in done.stdout


def test_the_status_has_a_line_for_each_state_at_each_further_destination():
    flow = {"states": {"delivered": 3}, "in_flight": 0, "open": True, "destinations": {"pacs": {"waiting": 2}}}
    assert "pacs: waiting   2" in commands.status_lines((WORKER,), flow)


def test_an_export_of_the_mapping_table_may_go_without_a_reason_and_not_with_a_blank_one():
    words = ["mapping", "export", "--uids", "u.csv", "--patients", "p.csv"]
    assert parser().parse_args(words).why is None
    with pytest.raises(SystemExit) as caught:
        main([*words, "--why", " "])
    assert caught.value.code == Exit.USAGE
