# SPDX-License-Identifier: Apache-2.0
"""Files into folders by a part of their name."""

from deidgate.files.split import carry_out, plan_split


def made(folder, *names):
    for name in names:
        (folder / name).write_text(name)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files_go_into_folders_named_by_the_part_before_the_delimiter(tmp_path):
    made(tmp_path, "P001_left.png", "P001_right.png", "P002_left.PNG", "P003_left.txt")
    for move in plan_split(tmp_path, tmp_path, ".png", "_"):
        carry_out(move, copy=False)
    assert names(tmp_path) == ["P001/P001_left.png", "P001/P001_right.png", "P002/P002_left.PNG", "P003_left.txt"]


def test_copying_leaves_the_originals(tmp_path):
    made(tmp_path, "P001_left.png")
    out = tmp_path / "out"
    for move in plan_split(tmp_path, out, ".png", "_"):
        carry_out(move, copy=True)
    assert names(tmp_path) == ["P001_left.png", "out/P001/P001_left.png"]


def test_a_name_without_the_delimiter_stays_and_is_told_of(tmp_path):
    made(tmp_path, "plain.png", "_nothing.png")
    moves = plan_split(tmp_path, tmp_path, ".png", "_")
    assert {move.source.name: move.code for move in moves} == {
        "plain.png": "no-delimiter",
        "_nothing.png": "no-delimiter",
    }
    assert all(move.target is None for move in moves)


def test_a_collision_stays_and_nothing_is_overwritten(tmp_path):
    made(tmp_path, "P001_left.png")
    (tmp_path / "P001").mkdir()
    (tmp_path / "P001" / "P001_left.png").write_text("old")
    (move,) = plan_split(tmp_path, tmp_path, ".png", "_")
    assert (move.target, move.code) == (None, "collision")
    assert (tmp_path / "P001" / "P001_left.png").read_text() == "old"


def test_a_collision_that_appears_after_the_plan_stays_too(tmp_path):
    made(tmp_path, "P001_left.png")
    (move,) = plan_split(tmp_path, tmp_path, ".png", "_")
    (tmp_path / "P001").mkdir()
    (tmp_path / "P001" / "P001_left.png").write_text("old")
    assert carry_out(move, copy=False).code == "collision"
    assert (tmp_path / "P001_left.png").exists()
    assert (tmp_path / "P001" / "P001_left.png").read_text() == "old"


def test_a_link_stays_and_still_leads_to_its_file(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    made(tmp_path, "real.png")
    (source / "P001_left.png").symlink_to("../real.png")
    (source / "P002_left.png").symlink_to("../nothing.png")
    (source / "P003_folder.png").symlink_to(tmp_path)
    moves = [carry_out(move, copy=False) for move in plan_split(source, source, ".png", "_")]
    assert [(move.target, move.code) for move in moves] == [(None, "link"), (None, "link")]
    assert (source / "P001_left.png").read_text() == "real.png"


def test_copied_is_what_a_link_leads_to(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    made(tmp_path, "real.png")
    (source / "P001_left.png").symlink_to("../real.png")
    (source / "P002_left.png").symlink_to("../nothing.png")
    moves = [carry_out(move, copy=True) for move in plan_split(source, tmp_path / "out", ".png", "_", copy=True)]
    assert [move.code for move in moves] == ["", "dangling-link"]
    copied = tmp_path / "out" / "P001" / "P001_left.png"
    assert copied.read_text() == "real.png" and not copied.is_symlink()


def test_a_file_in_the_way_of_a_folder_is_a_collision(tmp_path):
    made(tmp_path, "P001_left.png", "P001")
    moves = {move.source.name: move.code for move in plan_split(tmp_path, tmp_path, "*", "_")}
    assert moves["P001_left.png"] == "collision"


def test_dots_do_not_lead_outside(tmp_path):
    made(tmp_path, ".._x.png")
    assert [move.code for move in plan_split(tmp_path, tmp_path, ".png", "_")] == ["no-delimiter"]


def test_the_plan_changes_nothing(tmp_path):
    made(tmp_path, "P001_left.png")
    plan_split(tmp_path, tmp_path, ".png", "_")
    assert names(tmp_path) == ["P001_left.png"]
