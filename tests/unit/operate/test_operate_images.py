# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
from tests.unit.operate.scripted import ScriptedShell

from deidgate.operate import images
from deidgate.operate.engine import Engine
from deidgate.operate.images import IMAGES, TEST_IMAGES, Builder, Image
from deidgate.operate.problem import Problem
from deidgate.operate.shell import Outcome

CHECKOUT = Path(__file__).parents[3]
ENGINE = Engine("docker", ("docker-compose",), has_buildkit=False)
ONE = Image("one", "one/Dockerfile", "one", ("one",), ("base",))
TWO = Image("two", "two/Dockerfile", "two", ("two",), ("base", "one"))


@pytest.fixture
def root(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM x\n", encoding="utf-8")
    return tmp_path


def builder(root, labels, build=None):
    def label(tag):
        return Outcome(0, f"{labels[tag]}\n") if tag in labels else Outcome(1)

    answers = {
        f'docker image inspect --format {{{{ index .Config.Labels "{images.LABEL}" }}}} {tag}': label(tag)
        for tag in (ONE.tag, TWO.tag)
    }
    shell = ScriptedShell({**answers, "docker build": build or Outcome(0)})
    return shell, Builder(shell, ENGINE, root, root / "build.log", lambda _line: None)


def digests(root, base="b", arguments=()):
    known = {"base": base}
    for image in (ONE, TWO):
        known[image.name] = images.digest_of(root, image, known, dict(arguments))
    return known


def test_nothing_is_built_when_nothing_changed(root):
    known = digests(root)
    shell, made = builder(root, {ONE.tag: known["one"], TWO.tag: known["two"]})
    made.ensure((ONE, TWO), "b", {})
    assert not shell.did("docker build")


def test_a_missing_image_is_built_with_the_digest_of_what_went_into_it(root):
    known = digests(root)
    shell, made = builder(root, {ONE.tag: known["one"]})
    made.ensure((ONE, TWO), "b", {})
    [line] = [line for line in shell.ran if line.startswith("docker build")]
    assert f"--tag {TWO.tag} --label {images.LABEL}={known['two']}" in line


def test_a_change_below_builds_everything_above(root):
    known = digests(root)
    (root / "one" / "file").write_text("new", encoding="utf-8")
    shell, made = builder(root, {ONE.tag: known["one"], TWO.tag: known["two"]})
    made.ensure((ONE, TWO), "b", {})
    assert len([line for line in shell.ran if line.startswith("docker build")]) == 2


@pytest.mark.parametrize("change", ["content", "new file", "executable", "base", "argument"])
def test_every_input_decides(root, change):
    (root / "one" / "file").write_text("old", encoding="utf-8")
    before = digests(root)["one"]
    base, arguments = "b", {}
    if change == "content":
        (root / "one" / "file").write_text("new", encoding="utf-8")
    elif change == "new file":
        (root / "one" / "other").touch()
    elif change == "executable":
        (root / "one" / "file").chmod(0o755)
    elif change == "base":
        base = "c"
    else:
        arguments = {"PIP_INDEX_URL": "x"}
    assert digests(root, base, arguments.items())["one"] != before


def test_what_python_leaves_behind_decides_nothing(root):
    before = digests(root)
    (root / "one" / "__pycache__").mkdir()
    (root / "one" / "__pycache__" / "x.pyc").touch()
    assert digests(root) == before


def test_a_failed_build_shows_its_last_lines_and_the_log(root):
    _, made = builder(root, {}, Outcome(1, "Step 3/7\nE: no disk\n"))
    with pytest.raises(Problem, match=ONE.tag) as caught:
        made.ensure((ONE,), "b", {})
    assert caught.value.details[-1] == "E: no disk"
    assert "build.log" in caught.value.remedy


def test_every_image_stands_on_what_is_built_before_it():
    built = {"base"}
    for image in (*IMAGES, *TEST_IMAGES):
        assert set(image.stands_on) <= built, image.name
        built.add(image.name)


def test_every_image_names_in_its_dockerfile_what_it_says_it_stands_on():
    for image in (*IMAGES, *TEST_IMAGES):
        text = (CHECKOUT / image.dockerfile).read_text(encoding="utf-8")
        for below in image.stands_on:
            tag = "deidgate/base:forky" if below == "base" else f"deidgate/{below}:{images.TAG}"
            transitive = any(below in other.stands_on for other in IMAGES if other.name in image.stands_on)
            assert tag in text or transitive, f"{image.name} does not use {tag}"


def test_the_operators_files_are_in_no_image():
    for image in (*IMAGES, *TEST_IMAGES):
        names = [file.relative_to(CHECKOUT).as_posix() for file in images.files_of(CHECKOUT, image)]
        assert names
        assert not [
            name for name in names if name.startswith(("secrets/", ".gateway/", ".env", "plugins/deidgate/operate"))
        ]


def test_a_changed_policy_route_retention_or_destination_builds_nothing():
    ingest = next(image for image in IMAGES if image.name == "ingest")
    names = [file.relative_to(CHECKOUT).as_posix() for file in images.files_of(CHECKOUT, ingest)]
    assert "orthanc-ingest/orthanc.json" in names
    assert not [name for name in names if "policies/" in name or name.endswith(".toml")]
