# SPDX-License-Identifier: Apache-2.0
"""What the running containers can reach, may do and know: asked of them, not of their configuration."""

import json
import re
import socket
import subprocess
from pathlib import Path

import pytest

RESEARCH_SIDE = ("research", "ohif", "gate-research")
SERVICES = (*RESEARCH_SIDE, "edge", "gate-dicom", "ingest", "worker")
KEYS = ("pseudonym_key", "encryption_key", "mark_key")

# Each connection in a process of its own, all at once: an address that answers nothing takes its whole time.
TRY = """
for target in "$@"; do
    ( timeout 3 bash -c "exec 3<>/dev/tcp/${target%:*}/${target##*:}" 2>/dev/null && echo "$target" ) &
done
wait
"""


def inspect(gateway, service):
    done = subprocess.run(["docker", "inspect", gateway.container(service)], capture_output=True, check=True)
    return json.loads(done.stdout)[0]


def addresses(gateway, service):
    return [network["IPAddress"] for network in inspect(gateway, service)["NetworkSettings"]["Networks"].values()]


def reached(gateway, service, targets):
    """Which of `targets`, each host:port, take a connection from inside the service's container."""
    done = subprocess.run(
        ["docker", "exec", "-i", gateway.container(service), "bash", "-s", "--", *targets],
        input=TRY.encode(),
        capture_output=True,
        check=True,
    )
    return set(done.stdout.decode().split())


@pytest.fixture(scope="module")
def this_machine():
    """All IPv4 addresses of the machine that the containers run on, but the one that means oneself."""
    routes = Path("/proc/net/fib_trie").read_text(encoding="ascii")
    found = set(re.findall(r"([0-9.]+)\n\s+/32 host LOCAL", routes))
    return sorted(name for name in found if not name.startswith("127."))


def published_ports(gateway):
    return gateway.dicom_port, gateway.credentials["dicom"]["tls_port"]


@pytest.fixture(scope="module")
def clinical(gateway, this_machine):
    """Every way to say the address of something clinical."""
    ports = (2762, 4242, 8042, 9100, 9102)
    services = ("gate-dicom", "ingest", "worker")
    inner = [*services, *(address for service in services for address in addresses(gateway, service))]
    published = [f"{address}:{port}" for address in this_machine for port in published_ports(gateway)]
    return [*published, *(f"{name}:{port}" for name in inner for port in ports)]


def test_the_addresses_that_are_tried_do_answer_those_who_may(gateway, clinical):
    reachable = reached(gateway, "worker", clinical)
    assert {"ingest:4242", "ingest:8042"} <= reachable
    assert len(reachable & {f"{address}:4242" for address in addresses(gateway, "ingest")}) == 1
    for port in published_ports(gateway):
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass


def test_the_gate_of_the_clinics_reaches_ingest_and_no_other_container(gateway):
    assert reached(gateway, "gate-dicom", ["ingest:4242", "worker:9100"]) == {"ingest:4242"}


@pytest.mark.parametrize("service", RESEARCH_SIDE)
def test_nothing_clinical_answers_the_research_side(gateway, clinical, service):
    assert reached(gateway, service, clinical) == set()


def test_the_front_door_reaches_no_clinical_container(gateway, clinical):
    inner = {target for target in clinical if int(target.rpartition(":")[2]) not in published_ports(gateway)}
    names = {target for target in inner if not target[0].isdigit()}
    assert reached(gateway, "edge", sorted(names)) == set()


def test_the_front_door_cannot_be_used_as_a_way_to_the_gates_orthanc_or_the_engine(gateway):
    assert reached(gateway, "edge", ["gate-research:8443"]) == {"gate-research:8443"}
    assert not subprocess.run(
        ["docker", "exec", gateway.container("edge"), "ls", "/run/secrets"], capture_output=True, check=False
    ).stdout


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_no_more_rights_than_it_needs(gateway, service):
    found = inspect(gateway, service)
    host = found["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert not host["Privileged"]
    status = subprocess.run(
        ["docker", "exec", gateway.container(service), "cat", "/proc/1/status"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert lines["Uid"].split() == ["10001"] * 4
    assert int(lines["CapEff"], 16) == int(lines["CapBnd"], 16) == 0
    assert lines["NoNewPrivs"] == "1"


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_cannot_write_where_its_programs_are(gateway, service):
    done = subprocess.run(
        ["docker", "exec", gateway.container(service), "sh", "-c", "touch /opt/x || touch /usr/x || touch /etc/x"],
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0


@pytest.mark.parametrize("service", (*RESEARCH_SIDE, "edge"))
def test_no_key_is_on_the_research_side(gateway, service):
    mounts = {mount["Destination"] for mount in inspect(gateway, service)["Mounts"]}
    assert not mounts & {f"/run/secrets/{name}" for name in KEYS}
    assert "/var/lib/deidgate" not in mounts


@pytest.mark.parametrize("service", SERVICES)
def test_the_engine_knows_no_password(gateway, service):
    found = inspect(gateway, service)
    assert gateway.credentials["research"]["password"] not in json.dumps(found)
    names = [variable.split("=")[0] for variable in found["Config"]["Env"]]
    assert names
    assert not [name for name in names if name.endswith(("PASSWORD", "SECRET", "TOKEN", "KEY"))]
