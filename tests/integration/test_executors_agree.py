# SPDX-License-Identifier: Apache-2.0
"""One plan, two executors, one dataset: a real Orthanc and pydicom do the same with the same plan."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
import requests
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from tests.data.policies import PSEUDONYMS, SHIPPED, shipped
from tests.data.rich import rich_files

from deidgate.apply.elements import apply
from deidgate.apply.finish import finished
from deidgate.apply.rest import modify_request
from deidgate.dicom.dictionary import dictionary_vr
from deidgate.dicom.structure import check_structure
from deidgate.errors import CannotDeidentify
from deidgate.plan.claims import finish_claims
from deidgate.plan.planner import plan

_CONFIGURATION = json.dumps(
    {
        "HttpPort": 8042,
        "RemoteAccessAllowed": True,
        "AuthenticationEnabled": False,
        "StorageDirectory": "/tmp/orthanc",
        "IndexDirectory": "/tmp/orthanc",
        "OverwriteInstances": True,
        "Plugins": [],
    }
)
RICH = dict(rich_files())
PYDICOM = sorted(
    path
    for path in (Path(pydicom.__file__).parent / "data").rglob("*")
    if path.is_file() and path.read_bytes()[128:132] == b"DICM"
)


@pytest.fixture(scope="module")
def orthanc(gateway: Any) -> Iterator[str]:
    """The address of an Orthanc of the image that ingest runs, without its plugins and without its files."""
    ingest = gateway.container("ingest")
    image = _docker("inspect", "--format", "{{.Image}}", ingest)
    script = f"echo '{_CONFIGURATION}' > /tmp/orthanc.json && exec Orthanc /tmp/orthanc.json"
    name = _docker("run", "--detach", "--publish", "127.0.0.1::8042", "--entrypoint", "sh", image, "-c", script)
    try:
        address = f"http://{_docker('port', name, '8042').splitlines()[0]}"
        for _ in range(120):
            try:
                requests.get(f"{address}/system", timeout=2).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.5)
        yield address
    finally:
        _docker("rm", "--force", name)


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.strip()


def flat(dataset: Dataset, path: str = "") -> dict[str, Any]:
    """Every element at every depth: VR and bytes without padding."""
    found: dict[str, Any] = {}
    for element in dataset.values():
        where = f"{path}({element.tag:08x})"
        vr = element.VR or (dictionary_vr(int(element.tag)) == "SQ" and "SQ") or None
        if vr == "SQ":
            items = dataset[element.tag].value
            found[where] = ("SQ", len(items))
            for number, item in enumerate(items):
                found |= flat(item, f"{where}[{number}]")
        else:
            value = element.value
            padded = isinstance(element, RawDataElement) and isinstance(value, bytes)
            found[where] = (vr, value.rstrip(b" \0") if padded else value)
    return found


def both(data: bytes, name: str, address: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What pydicom and what Orthanc make of one plan."""
    header = dcmread(BytesIO(data), stop_before_pixels=True)
    made = finish_claims(plan(header, shipped(name), PSEUDONYMS), pixels_checked=True)
    body = modify_request(made, header)
    syntax = header.file_meta.TransferSyntaxUID
    if syntax == DeflatedExplicitVRLittleEndian:
        # As the gateway does: a deflated file cannot be signed in place.
        body["Transcode"] = str(ExplicitVRLittleEndian)
    stored = requests.post(f"{address}/instances", data=data, timeout=60)
    stored.raise_for_status()
    instance = f"{address}/instances/{stored.json()['ID']}"
    answer = requests.post(f"{instance}/modify", json=body, timeout=60)
    requests.delete(instance, timeout=60).raise_for_status()
    assert answer.status_code == 200, answer.text
    target = BytesIO()
    apply(dcmread(BytesIO(data)), made).save_as(target, enforce_file_format=True)
    ours, theirs = target.getvalue(), finished(answer.content, made)
    check_structure(ours, whole=True)
    check_structure(theirs, whole=True)
    assert theirs[:128] == ours[:128] == b"\0" * 128
    return flat(dcmread(BytesIO(ours))), flat(dcmread(BytesIO(theirs)))


@pytest.mark.parametrize("kind", RICH)
@pytest.mark.parametrize("name", SHIPPED)
def test_both_make_the_same_of_everything_that_has_to_be_written(orthanc: str, name: str, kind: str) -> None:
    ours, theirs = both(RICH[kind], name, orthanc)
    assert ours == theirs


@pytest.mark.parametrize("name", ["basic", "longitudinal"])
def test_both_make_the_same_of_every_file_of_pydicom_that_orthanc_stores(orthanc: str, name: str) -> None:
    compared = 0
    for path in PYDICOM:
        data = path.read_bytes()
        if requests.post(f"{orthanc}/instances", data=data, timeout=60).status_code != 200:
            continue
        try:
            check_structure(data)
            ours, theirs = both(data, name, orthanc)
        except CannotDeidentify:
            # Held before either executor runs.
            continue
        assert ours == theirs, path.name
        compared += 1
    assert compared > 100


@pytest.mark.shared
def test_both_make_the_same_of_the_sample(orthanc: str, shared: Path) -> None:
    for path in sorted((shared / "sample" / "pseudo-phi").glob("*.dcm")):
        ours, theirs = both(path.read_bytes(), "longitudinal", orthanc)
        assert ours == theirs, path.name
