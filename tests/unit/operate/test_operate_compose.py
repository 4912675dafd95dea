# SPDX-License-Identifier: Apache-2.0
import json
import time
from pathlib import Path

import pytest
from tests.unit.operate.scripted import ScriptedShell

from deidgate.operate import installation
from deidgate.operate.compose import Compose, Container
from deidgate.operate.engine import Engine
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.shell import Outcome
from deidgate.operate.up import has_old_files, refuse_another_checkout

FOUND = [
    {
        "Id": "abc",
        "RestartCount": 2,
        "State": {"Status": "running", "Health": {"Status": "healthy"}},
        "Config": {
            "Labels": {
                "com.docker.compose.service": "ingest",
                "com.docker.compose.project.working_dir": "/srv/deidgate",
            }
        },
    },
    {
        "Id": "def",
        "State": {"Status": "exited"},
        "Config": {"Labels": {"com.docker.compose.service": "edge"}},
    },
]


def compose(answers, name="deidgate", root=Path("/srv/deidgate")):
    return Compose(
        ScriptedShell(answers),
        Engine("docker", ("docker", "compose"), has_buildkit=True),
        installation.find(root, name),
    )


def test_a_command_names_project_files_and_settings():
    words = compose({}, "test").command("up", "--detach")
    assert words[:2] == ["docker", "compose"]
    assert words[-2:] == ["up", "--detach"]
    assert words[words.index("-p") + 1] == "deidgate-test"
    assert words[words.index("--env-file") + 1] == "/srv/deidgate/.gateway/test/env"
    assert words[words.index("-f") + 1] == "/srv/deidgate/docker-compose.yml"


def test_containers_are_read_with_state_health_restarts_and_folder():
    there = compose({"docker ps": Outcome(0, "abc\ndef\n"), "docker inspect abc def": Outcome(0, json.dumps(FOUND))})
    edge, ingest = there.containers()
    assert ingest == Container("abc", "ingest", "running", "healthy", 2, "/srv/deidgate")
    assert ingest.is_up
    assert (edge.service, edge.state, edge.health) == ("edge", "exited", "")
    assert not edge.is_up


def test_no_containers_is_an_answer():
    assert compose({"docker ps": Outcome(0, "")}).containers() == ()


@pytest.mark.parametrize("service", ["edge", "worker"])
def test_a_command_for_a_service_that_does_not_run_says_so(service):
    there = compose({"docker ps": Outcome(0, "abc def"), "docker inspect": Outcome(0, json.dumps(FOUND))})
    with pytest.raises(Problem, match=f"the {service} does not run") as caught:
        there.require_running(service)
    assert caught.value.code == Exit.UNHEALTHY


def test_published_ports_are_read_whatever_the_engine_writes_around_them():
    lines = "127.0.0.1:14242->4242/tcp\n0.0.0.0:8443->8443/tcp, :::8443->8443/tcp\n\n8042/tcp, 4242/tcp\n"
    assert compose({"docker ps": Outcome(0, lines)}).published_ports() == frozenset({14242, 8443})


def test_files_are_handed_to_a_tool_for_reading_only():
    words = compose({}).in_tools("deidgate", "send", mounts=[("/srv/a b", "/send/0", False), ("/out", "/o", True)])
    assert words[words.index("run") :] == [
        *("run", "--rm", "--no-deps", "-T", "-v", "/srv/a b:/send/0:ro", "-v", "/out:/o:rw", "tools"),
        *("sh", "-c", 'exec "$@" 2>&1', "sh"),
        *("deidgate", "send"),
    ]


def test_containers_of_another_checkout_are_not_taken_over(tmp_path):
    other = Container("1", "ingest", "running", "healthy", 0, str(tmp_path))
    with pytest.raises(Problem, match="runs already, from"):
        refuse_another_checkout(installation.find(tmp_path / "mine"), (other,))


def test_containers_of_a_checkout_that_is_gone_may_be_taken_over(tmp_path):
    other = Container("1", "ingest", "running", "healthy", 0, str(tmp_path / "gone"))
    refuse_another_checkout(installation.find(tmp_path / "mine"), (other,))


def given(tmp_path, *, started):
    (tmp_path / "policies").mkdir(exist_ok=True)
    for name in ("routes.toml", "policies/basic.toml", "retention.toml", "gate.pem"):
        (tmp_path / name).write_text("x")
    mounted = (str(tmp_path), str(tmp_path / "gate.pem"), str(tmp_path / "gone"))
    return Container("1", "ingest", "running", "healthy", 0, "/x", started, mounted)


def test_a_container_that_was_given_files_which_changed_since_is_restarted(tmp_path):
    assert has_old_files(given(tmp_path, started=time.time() - 60))


def test_a_container_that_was_started_after_its_files_changed_is_left_alone(tmp_path):
    assert not has_old_files(given(tmp_path, started=time.time() + 60))


def test_a_file_that_is_read_whenever_it_changes_restarts_nothing(tmp_path):
    (tmp_path / "retention.toml").write_text("x")
    one = Container("1", "worker", "running", "healthy", 0, "/x", time.time() - 60, (str(tmp_path),))
    assert not has_old_files(one)


def test_the_engines_times_are_read():
    found = FOUND[0] | {
        "State": {"Status": "running", "StartedAt": "2026-11-21T06:41:10.123456789Z"},
        "Mounts": [{"Type": "bind", "Source": "/srv/x"}, {"Type": "volume", "Source": "/var/y"}],
    }
    there = compose({"docker ps": Outcome(0, "abc\n"), "docker inspect abc": Outcome(0, json.dumps([found]))})
    [one] = there.containers()
    assert (one.started, one.mounted) == (1795243270.0, ("/srv/x",))


def test_the_services_that_have_to_run_are_all_but_the_tools():
    one = compose({"docker compose": Outcome(0, "ingest\nworker\ntools\n")})
    assert one.services() == {"ingest", "worker"}


def test_a_list_of_services_that_cannot_be_had_is_no_empty_one():
    with pytest.raises(Problem, match="which services"):
        compose({"docker compose": Outcome(1, err="no such file")}).services()


def test_what_the_rest_depends_on_is_refused_when_compose_fails():
    with pytest.raises(Problem, match="could not be stopped") as caught:
        compose({"docker compose": Outcome(1, err="engine is away")}).must(
            "stop", "ingest", timeout_s=1, failed="ingest could not be stopped"
        )
    assert caught.value.code == Exit.FAILED
    assert caught.value.details == ("engine is away",)
