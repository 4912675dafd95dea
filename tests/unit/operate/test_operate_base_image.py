# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
from tests.unit.operate.scripted import ScriptedShell

from deidgate.operate import base_image
from deidgate.operate.engine import Engine, Host
from deidgate.operate.env_file import Settings
from deidgate.operate.problem import Problem
from deidgate.operate.shell import Outcome

ENGINE = Engine("docker", ("docker-compose",), has_buildkit=False)
ROOT = Host(is_root=True, is_debian=True, runs_systemd=False)
USER = Host(is_root=False, is_debian=True, runs_systemd=False)
MIRROR = "http://mirror.example/debian"


def silent(_line: str) -> None:
    pass


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deb http://mirror.example/debian bookworm main\n", MIRROR),
        (
            "deb [signed-by=/usr/share/k.gpg] https://mirror.example/debian/ forky main\n",
            "https://mirror.example/debian",
        ),
        ("Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\n", MIRROR),
        ("deb http://mirror.example/debian-security bookworm-security main\n", None),
        ("deb http://mirror.example/ubuntu noble main\n", None),
        ("deb https://vendor.example/node_20.x nodistro main\n", None),
        ("deb-src http://mirror.example/debian bookworm main\n", None),
        ("# deb http://mirror.example/debian bookworm main\n", None),
        ("", None),
    ],
)
def test_only_a_whole_debian_mirror_counts(text, expected):
    assert base_image.mirror_in([text]) == expected


def test_the_first_mirror_of_several_files_is_taken():
    assert base_image.mirror_in(["deb https://vendor.example/x y z\n", f"deb {MIRROR} bookworm main\n"]) == MIRROR


def test_the_operators_mirror_is_before_the_machines_own(tmp_path):
    (tmp_path / "sources.list").write_text("deb http://other.example/debian bookworm main\n", encoding="utf-8")
    settings = replace(Settings(), debian_mirror=f"{MIRROR}/")
    assert base_image.find_mirror(settings, tmp_path) == MIRROR
    assert base_image.find_mirror(Settings(), tmp_path) == "http://other.example/debian"


def test_an_image_that_is_here_is_neither_pulled_nor_built():
    shell = ScriptedShell({f"docker image inspect {base_image.ROOT_FILESYSTEM}": Outcome(0)})
    found = base_image.ensure_root_filesystem(shell, ENGINE, USER, None, silent)
    assert found == base_image.ROOT_FILESYSTEM
    assert not shell.did("docker pull")


def test_an_image_that_can_be_pulled_is_not_built():
    shell = ScriptedShell({"docker image inspect": Outcome(1), "docker pull": Outcome(0)})
    assert base_image.ensure_root_filesystem(shell, ENGINE, USER, MIRROR, silent) == base_image.PULLED


def test_without_registry_and_mirror_the_setting_is_named():
    shell = ScriptedShell({"docker image inspect": Outcome(1), "docker pull": Outcome(1)})
    with pytest.raises(Problem) as caught:
        base_image.ensure_root_filesystem(shell, ENGINE, ROOT, None, silent)
    assert "DEIDGATE_DEBIAN_MIRROR" in caught.value.remedy


def test_without_registry_a_user_is_told_that_root_is_needed_once():
    shell = ScriptedShell({"docker image inspect": Outcome(1), "docker pull": Outcome(1)})
    with pytest.raises(Problem, match="needs root"):
        base_image.ensure_root_filesystem(shell, ENGINE, USER, MIRROR, silent)


def test_without_registry_root_builds_from_the_mirror():
    shell = ScriptedShell(
        {
            "docker image inspect": Outcome(1),
            "docker pull": Outcome(1),
            "debootstrap": Outcome(0),
            "tar": Outcome(0),
            "docker import": Outcome(0),
        },
        programs=["debootstrap"],
    )
    assert base_image.ensure_root_filesystem(shell, ENGINE, ROOT, MIRROR, silent) == base_image.ROOT_FILESYSTEM
    made = next(line for line in shell.ran if line.startswith("debootstrap"))
    assert " forky " in made
    assert made.endswith(f"{MIRROR} {base_image.DEBOOTSTRAP_SCRIPT}")


def test_a_mirror_that_does_not_answer_is_named_with_the_last_lines():
    shell = ScriptedShell(
        {
            "docker image inspect": Outcome(1),
            "docker pull": Outcome(1),
            "debootstrap": Outcome(1, err="E: Failed getting release file\n"),
        },
        programs=["debootstrap"],
    )
    with pytest.raises(Problem, match=MIRROR) as caught:
        base_image.ensure_root_filesystem(shell, ENGINE, ROOT, MIRROR, silent)
    assert caught.value.details == ("E: Failed getting release file",)


def test_a_new_authority_of_this_machine_makes_the_base_out_of_date(tmp_path):
    (tmp_path / "a.crt").write_text("one", encoding="utf-8")
    before = base_image.certificates_digest(base_image.certificates(tmp_path))
    (tmp_path / "b.crt").write_text("two", encoding="utf-8")
    assert base_image.certificates_digest(base_image.certificates(tmp_path)) != before
