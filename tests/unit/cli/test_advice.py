# SPDX-License-Identifier: Apache-2.0
"""Who types a command on files is not told what only a gateway's people can do."""

import pytest
from click.testing import CliRunner
from tests.data.toolbox_series import ct, encoded
from tests.data.typed import deidgate

from deidgate.cli import main
from deidgate.errors import CannotDeidentify
from deidgate.words.lookup import Reader, meaning, words


def changed(**keywords: object) -> bytes:
    """A file of a CT image with other attributes; None removes one."""
    made = ct(1, 1, 1, 1, rows=16)
    for keyword, value in keywords.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return encoded(made)


# Code, the file that brings it about, and what is typed.
MET = [
    ("pixel-data-truncated", changed(Rows=99), ("export", "file.dcm", "out.png")),
    ("pixel-data-truncated", changed(Rows=99), ("crop", "file.dcm", "out.dcm", "--box", 0, 0, 4, 4)),
    ("pixel-data-truncated", changed(Rows=99), ("blank", "file.dcm", "out.dcm", "--box", 0, 0, 4, 4)),
    ("pixel-data-description", changed(BitsStored=None), ("export", "file.dcm", "out.png")),
    ("pixel-data-absent", changed(PixelData=None), ("export", "file.dcm", "out.png")),
    ("pixels-uncertain", changed(Rows=99), ("run", "--policy", "longitudinal", "--jobs", 0, "file.dcm", "out")),
    ("patient-id-several", changed(PatientID=["A", "B"]), ("run", "--policy", "basic", "--jobs", 0, "file.dcm", "out")),
    ("sop-class-unknown", changed(SOPClassUID="1.2.3.4"), ("run", "--policy", "basic", "--jobs", 0, "file.dcm", "out")),
]


@pytest.mark.usefixtures("own_place")
@pytest.mark.parametrize(("code", "content", "typed"), MET, ids=[f"{one[2][0]} {one[0]}" for one in MET])
def test_a_command_on_files_advises_what_its_user_can_do(own_place, code, content, typed):
    (own_place / "file.dcm").write_bytes(content)
    said = deidgate(*typed, code=3 if typed[0] == "run" else 1)
    assert code in said and meaning(code).to_do in said
    assert not any(word in said for word in ("clinic", "release", "reject"))


@pytest.mark.parametrize(("command", "reader"), [("worker", Reader.GATEWAY), ("standard", Reader.TOOLBOX)])
def test_the_advice_is_that_for_who_types_the_command(monkeypatch, command, reader):
    def refuse(*_: object) -> None:
        raise CannotDeidentify("pixel-data-truncated", "PixelData")

    monkeypatch.setattr(main.get_command(None, command), "invoke", refuse)
    said = CliRunner().invoke(main, [command, "show", "PatientID"] if command == "standard" else [command]).output
    assert words("pixel-data-truncated", reader).to_do in said
