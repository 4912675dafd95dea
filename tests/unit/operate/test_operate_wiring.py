# SPDX-License-Identifier: Apache-2.0
"""What `docker-compose.yml`, the two `orthanc.json` and nginx promise."""

import json
import re
from pathlib import Path

import pytest
import yaml

from deidgate.operate.env_file import Settings, key_of
from deidgate.operate.images import IMAGES
from deidgate.operate.secret_files import NAMES

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
RESEARCH_SIDE = ("research", "ohif", "gate-research", "edge")
ORTHANCS = ("ingest", "research")


def orthanc(name):
    text = (ROOT / f"orthanc-{name}" / "orthanc.json").read_text(encoding="utf-8")
    return json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert "privileged" not in service
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "tools"])
def test_every_service_is_watched_started_again_and_runs_without_rights(name):
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"
    assert "cap_add" not in service
    assert "user" not in service


@pytest.mark.parametrize("image", sorted({service["image"] for service in SERVICES.values()}))
def test_every_image_is_one_that_up_builds(image):
    assert image in {one.tag for one in IMAGES}


@pytest.mark.parametrize("name", RESEARCH_SIDE)
def test_no_key_and_no_clinical_network_on_the_research_side(name):
    service = SERVICES[name]
    assert not {"pseudonym_key", "encryption_key", "mark_key", "ingest_password"} & set(service.get("secrets", []))
    assert "clinical" not in service["networks"]
    assert not any("ledger" in volume or "ingest" in volume for volume in service.get("volumes", []))


def test_only_the_worker_and_its_tools_stand_between_the_zones():
    between = {name for name, service in SERVICES.items() if "transfer" in service["networks"]}
    assert between == {"worker", "tools", "research"}
    assert {name for name in between if "clinical" in SERVICES[name]["networks"]} == {"worker", "tools"}


@pytest.mark.parametrize("network", ["transfer", "research"])
def test_inner_networks_have_no_way_out_and_none_to_the_host(network):
    found = COMPOSE["networks"][network]
    assert found["internal"] is True
    assert found["driver_opts"]["com.docker.network.bridge.inhibit_ipv4"] == "true"


def test_only_the_front_door_and_dicom_are_published():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.keys() == {"gate-dicom", "edge"}
    assert set(SERVICES["edge"]["networks"]) == {"edge", "research"}


def test_every_variable_is_a_setting_with_the_same_default():
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT):
        field = name.removeprefix("DEIDGATE_").lower()
        assert key_of(field) == name
        assert str(getattr(Settings(), field)) == default
    assert not re.findall(r"\$\{\w+\}", TEXT)


def test_every_secret_is_a_file_that_up_makes_and_is_used():
    files = {entry["file"].rsplit("/", 1)[1] for entry in COMPOSE["secrets"].values()}
    assert files <= set(NAMES)
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])


def test_the_authoritys_key_is_in_no_container():
    assert "ca.key" not in TEXT


@pytest.mark.parametrize("name", ORTHANCS)
def test_orthanc_is_hardened(name):
    settings = orthanc(name)
    for key in ("Echo", "Store", "Find", "FindWorklist", "Get", "Move"):
        assert settings[f"DicomAlwaysAllow{key}"] is False
    off = ("WebDavEnabled", "ExecuteLuaEnabled", "RestApiWriteToFileSystemEnabled", "HttpCompressionEnabled")
    on = (
        "AuthenticationEnabled",
        "SslEnabled",
        "DicomCheckCalledAet",
        "DeidentifyLogs",
        "HttpsVerifyPeers",
        "TcpNoDelay",
    )
    assert [settings[key] for key in off] == [False] * len(off)
    assert [settings[key] for key in (*on, "KeepAlive", "TcpNoDelay")] == [True] * (len(on) + 2)
    assert settings["MaximumStorageMode"] == "Reject"
    assert settings["Python"]["AllowThreads"] is True
    assert SERVICES[name]["environment"]["TCP_NODELAY"] == "1"


@pytest.mark.parametrize("name", ORTHANCS)
def test_no_password_of_orthanc_is_in_the_checkout(name):
    users = orthanc(name)["RegisteredUsers"]
    assert users
    assert all(re.fullmatch(r"\$\{\w+\}", password) for password in users.values())


def test_ingest_shows_no_pages():
    assert orthanc("ingest")["OrthancExplorerEnabled"] is False


@pytest.mark.parametrize("name", ORTHANCS)
def test_no_modality_may_ask_for_data(name):
    for modality in orthanc(name)["DicomModalities"].values():
        assert not any(modality[f"Allow{key}"] for key in ("Find", "FindWorklist", "Get", "Move"))


def test_nothing_that_writes_passes_the_research_gate():
    text = (ROOT / "nginx" / "research.conf").read_text(encoding="utf-8")
    proxied = re.findall(r"\n        location (?:[~=^]+ )?(\S+) \{(.*?)\n        \}", text, flags=re.DOTALL)
    to_orthanc = {where: block for where, block in proxied if "proxy.conf" in block or "proxy_pass" in block}
    assert len(to_orthanc) == 4
    for where, block in to_orthanc.items():
        methods = re.search(r"limit_except ([A-Z ]+)\{", block)
        assert methods is not None, where
        assert set(methods[1].split()) <= ({"GET", "POST"} if "tools/" in where else {"GET"})


def test_what_is_answered_without_a_password_is_never_taken_for_a_log_in():
    script = (ROOT / "nginx" / "log_in.js").read_text(encoding="utf-8")
    let_in = set(re.findall(r"\d+", re.search(r"const LET_IN = \[(.*?)\]", script)[1]))
    text = (ROOT / "nginx" / "research.conf").read_text(encoding="utf-8")
    # nginx returns before it asks for a password.
    returned = set(re.findall(r"return (\d+)", text))
    assert "200" in let_in
    assert returned & {"301", "404", "429"}
    assert not returned & let_in


def test_every_answer_of_the_research_gate_is_counted():
    text = (ROOT / "nginx" / "research.conf").read_text(encoding="utf-8")
    server = text.partition("listen 8443")[2]
    # A location with an `add_header` of its own would have none of the server's.
    assert re.findall(r"^( *)add_header Set-Cookie \$log_in_known always;", server, flags=re.MULTILINE) == [" " * 8]
    assert not re.findall(r"^ {12,}add_header", server, flags=re.MULTILINE)
    assert "worker_processes 1;" in text
