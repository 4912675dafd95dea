# SPDX-License-Identifier: Apache-2.0
"""Every command in the operator's guide is one that the program takes."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from deidgate.custody.backup import CONFIG_FILES
from deidgate.operate.main import parser

ROOT = Path(__file__).parents[3]
GUIDES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("docs/operate.md", "README.md")}
# Names in a table, which stand for all that is under them.
GROUPS = {"sites", "hold", "mapping", "research", "approvals", "audit", "destinations"}
IN_TABLES = {"send", "backup", "restore", "recall", "reprocess", "rotate-encryption-key"}
IN_TABLES |= {
    "hold show",
    "hold original",
    "hold release",
    "hold reject",
    "mapping export",
    "mapping look-up",
    "approvals ask",
}
IN_TABLES |= {"destinations retry", "destinations withdrawn"}
IN_TABLES |= {
    "sites add",
    "sites certificate",
    "sites trust",
    "sites revoke",
    "approvals approve",
    "approvals require",
    "approvals require-no-more",
}


def blocks(text):
    """Commands of the indented blocks, which somebody types as they stand."""
    return re.findall(r"^    \./gateway (.+)$", text, flags=re.MULTILINE)


def mentions(text):
    """Commands in the running text and in tables."""
    return re.findall(r"`\./gateway ([^`]+)`", text)


def takes(line):
    try:
        parser().parse_args(shlex.split(line, comments=True))
    except SystemExit as end:
        return end.code == 0
    return True


@pytest.mark.parametrize("line", sorted({line for text in GUIDES.values() for line in blocks(text)}))
def test_every_command_to_be_typed_is_taken(line):
    assert takes(line)


@pytest.mark.parametrize("line", sorted({line for text in GUIDES.values() for line in mentions(text)}))
def test_every_command_that_is_mentioned_exists(line):
    if "…" in line or line in GROUPS | IN_TABLES:
        with pytest.raises(SystemExit) as end:
            parser().parse_args([*shlex.split(line.partition(" --")[0]), "--help"])
        assert end.value.code == 0
    elif line != "COMMAND --help":
        assert takes(line)


def test_the_guide_is_not_empty_of_commands():
    assert len(blocks(GUIDES["docs/operate.md"])) > 20


def test_the_diagram_shows_the_services_that_hold_the_ports():
    diagram = re.search(r"(?ms)^      clinical zone.*?(?=^## )", GUIDES["README.md"])[0]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published
    for name, ports in published.items():
        assert name in diagram
        assert all(f":{port.rpartition(':')[2]}" in diagram for port in ports)


def test_the_guide_names_every_file_of_the_configuration_that_a_backup_holds():
    section = GUIDES["docs/operate.md"].partition("## Back up and restore")[2].partition("\n## ")[0]
    folder = ROOT / "orthanc-ingest"
    kept = {path.relative_to(folder) for pattern in CONFIG_FILES for path in folder.glob(pattern)}
    assert kept
    assert all(f"`{path}`" in section for path in kept if path.parent == Path())
    assert "the policies" in section and any(path.parent == Path("policies") for path in kept)
