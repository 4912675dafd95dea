# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from deidgate.errors import ConfigurationError
from deidgate.policy.retention import load_retention

SHIPPED = Path(__file__).parents[3] / "orthanc-ingest" / "retention.toml"


def test_nothing_is_purged_unless_somebody_writes_it(tmp_path):
    assert load_retention(SHIPPED) == {}
    assert load_retention(tmp_path / "absent.toml") == {}


def test_the_example_in_the_shipped_file_is_right(tmp_path):
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    example = lines[lines.index("# [[project]]") :]
    (tmp_path / "r.toml").write_text("\n".join(line.removeprefix("# ") for line in example), encoding="utf-8")
    assert load_retention(tmp_path / "r.toml") == {"demo": 90}


@pytest.mark.parametrize(
    "text",
    [
        '[[project]]\nname = "a"',
        '[[project]]\nname = "a"\npurge_after_days = -1',
        '[[project]]\nname = "a"\npurge_after_days = "1"',
        '[[project]]\nname = "a"\npurge_after_days = true',
        '[[project]]\nname = "a"\npurge_after_days = 1\nand = 2',
        '[[project]]\nname = "a"\npurge_after_days = 1\n[[project]]\nname = "a"\npurge_after_days = 2',
        f'[[project]]\nname = "{"p" * 65}"\npurge_after_days = 1',
        "purge_after_days = 1",
        "not toml",
    ],
)
def test_a_file_that_is_wrong_purges_nothing(tmp_path, text):
    (tmp_path / "retention.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError):
        load_retention(tmp_path / "retention.toml")
