# SPDX-License-Identifier: Apache-2.0
import pytest
from tests.unit.operate.scripted import ScriptedShell

from deidgate.operate import engine
from deidgate.operate.engine import Host
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.shell import Outcome

DEBIAN_ROOT = Host(is_root=True, is_debian=True, runs_systemd=False)
DEBIAN_USER = Host(is_root=False, is_debian=True, runs_systemd=True)
OTHER = Host(is_root=True, is_debian=False, runs_systemd=True)
ANSWERS = {"docker version --format": Outcome(0, "28.2.2\n")}
V2 = {"docker compose version": Outcome(0, "2.40.3\n")}
V1 = {"docker-compose version": Outcome(0, "1.29.2\n")}


def no_sleep(_seconds: float) -> None:
    pass


def silent(_line: str) -> None:
    pass


def yes(_what: str) -> bool:
    return True


class Machine:
    """A machine whose engine answers once it was installed and started."""

    def __init__(self, *, installed: bool = False, starts: bool = True) -> None:
        self.installed, self.started, self.starts = installed, False, starts

    def shell(self) -> ScriptedShell:
        return ScriptedShell(
            {
                "docker version --format": lambda: Outcome(0 if self.started else 1),
                "docker version": Outcome(1, err="Cannot connect to the Docker daemon"),
                "docker-compose version": lambda: Outcome(0, "1.29.2") if self.installed else Outcome(127),
                "env DEBIAN_FRONTEND=noninteractive apt-get -q update": Outcome(0),
                "env DEBIAN_FRONTEND=noninteractive apt-get -q install": self._install,
                "dockerd": self._start,
                "systemctl enable --now docker": self._start,
                "tail": Outcome(0, "failed to start daemon: iptables not found\n"),
            },
            programs=["dockerd"] if self.installed else [],
        )

    def _install(self) -> Outcome:
        self.installed = True
        return Outcome(0)

    def _start(self) -> Outcome:
        self.started = self.starts
        return Outcome(0)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (V2, ("docker", "compose")),
        (V1, ("docker-compose",)),
        (V1 | V2, ("docker", "compose")),
        ({"docker-compose version": Outcome(0, "v2.40.3\n")}, ("docker-compose",)),
        # A client without the plugin takes `compose` for an unknown word, or prints its own help with status 0.
        ({"docker compose": Outcome(0, "Usage:  docker [OPTIONS] COMMAND\n")} | V1, ("docker-compose",)),
        ({"docker compose": Outcome(125, err="unknown flag: --short")}, None),
        ({}, None),
    ],
)
def test_compose_of_either_version_is_found(answers, expected):
    assert engine.find_compose(ScriptedShell(answers)) == expected


def test_an_engine_that_is_there_is_used_and_nothing_is_installed():
    shell = ScriptedShell(ANSWERS | V2)
    found = engine.ensure(shell, DEBIAN_ROOT, silent, yes, no_sleep)
    assert found.compose == ("docker", "compose")
    assert not shell.did("env DEBIAN_FRONTEND")
    assert not shell.did("dockerd")


def test_buildkit_is_used_where_the_client_has_it():
    with_it = ScriptedShell(ANSWERS | V2 | {"docker buildx version": Outcome(0)})
    assert engine.ensure(with_it, DEBIAN_ROOT, silent, yes, no_sleep).has_buildkit
    assert not engine.ensure(ScriptedShell(ANSWERS | V2), DEBIAN_ROOT, silent, yes, no_sleep).has_buildkit


def test_root_on_debian_is_given_an_engine_and_is_told_so():
    said: list[str] = []
    shell = Machine().shell()
    shell.programs.add("dockerd")
    found = engine.ensure(shell, DEBIAN_ROOT, said.append, yes, no_sleep)
    assert found.compose == ("docker-compose",)
    assert any("installing" in line for line in said)
    assert any("starting" in line for line in said)


def test_nothing_is_installed_against_the_operators_will():
    shell = Machine().shell()
    with pytest.raises(Problem) as caught:
        engine.ensure(shell, DEBIAN_ROOT, silent, lambda _what: False, no_sleep)
    assert caught.value.code == Exit.FAILED
    assert not shell.did("env DEBIAN_FRONTEND")


@pytest.mark.parametrize("host", [DEBIAN_USER, OTHER])
def test_who_cannot_install_is_told_what_to_install(host):
    with pytest.raises(Problem) as caught:
        engine.ensure(ScriptedShell({}), host, silent, yes, no_sleep)
    assert "install Docker Engine" in caught.value.remedy
    assert caught.value.code == Exit.ENVIRONMENT


def test_a_user_outside_the_group_is_told_of_the_group_and_not_to_install():
    shell = ScriptedShell({"docker version": Outcome(1, err="permission denied while trying to connect")} | V2)
    with pytest.raises(Problem, match="may not use it") as caught:
        engine.ensure(shell, DEBIAN_USER, silent, yes, no_sleep)
    assert "group" in caught.value.remedy


def test_an_engine_that_does_not_start_is_reported_with_its_last_lines():
    with pytest.raises(Problem, match="does not answer after") as caught:
        engine.ensure(Machine(installed=True, starts=False).shell(), DEBIAN_ROOT, silent, yes, no_sleep)
    assert "iptables not found" in caught.value.details[0]


def test_systemd_starts_the_engine_where_it_runs():
    shell = Machine(installed=True).shell()
    engine.ensure(shell, Host(is_root=True, is_debian=True, runs_systemd=True), silent, yes, no_sleep)
    assert shell.did("systemctl enable --now docker")
    assert not shell.did("dockerd")


def test_a_command_that_only_looks_tells_a_user_of_the_group_too():
    shell = ScriptedShell({"docker version": Outcome(1, err="permission denied while trying to connect")} | V2)
    with pytest.raises(Problem, match="may not use it"):
        engine.require(shell)


def test_a_command_that_only_looks_installs_nothing():
    shell = Machine().shell()
    with pytest.raises(Problem, match="no Docker engine"):
        engine.require(shell)
    assert not shell.did("env DEBIAN_FRONTEND")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID=debian\n", True),
        ('ID=ubuntu\nID_LIKE="debian"\n', True),
        ('ID="linuxmint"\nID_LIKE="ubuntu debian"\n', True),
        ('ID="rhel"\nID_LIKE="fedora"\n', False),
        ("NAME=Debian\n", False),
    ],
)
def test_debian_and_what_is_made_of_it_are_known(tmp_path, text, expected):
    file = tmp_path / "os-release"
    file.write_text(text, encoding="utf-8")
    assert engine.read_host(file, 0).is_debian is expected


def test_a_failed_install_shows_the_package_managers_words():
    shell = ScriptedShell(
        {"env DEBIAN_FRONTEND=noninteractive apt-get -q install": Outcome(100, err="E: Unable to locate package x\n")}
    )
    with pytest.raises(Problem) as caught:
        engine.apt_install(shell, ("x",))
    assert caught.value.details == ("E: Unable to locate package x",)
