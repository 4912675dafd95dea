# SPDX-License-Identifier: Apache-2.0
"""The request that carries out a plan in Orthanc, and what is done on its answer."""

import base64
import json

import pytest
from pydicom import DataElement
from tests.data.instances import dataset, elements, file_bytes, instance, read
from tests.data.policies import PSEUDONYMS, SHIPPED, shipped, with_options

from deidgate.apply.finish import finished
from deidgate.apply.rest import modify_request
from deidgate.errors import CannotDeidentify
from deidgate.plan.model import Action
from deidgate.plan.planner import plan
from deidgate.policy.model import Option


def request_for(header, policy):
    return modify_request(plan(header, policy, PSEUDONYMS), header)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_decision_is_in_the_request_by_its_full_path_and_nothing_else_is(name):
    item = elements(ReferencedSOPInstanceUID="1.2.3", PatientName="Doe^Jane")
    header = instance(StudyDescription="knee for Patient1", ReferencedImageSequence=[item, item])
    made = plan(header, shipped(name), PSEUDONYMS)
    body = modify_request(made, header)
    json.dumps(body)
    added = {one.path.orthanc() for one in made.added}
    removed = {d.path.orthanc() for d in made.decisions if d.action is Action.REMOVE}
    replaced = {d.path.orthanc() for d in made.decisions if d.value is not None or d.action is Action.EMPTY}
    assert set(body["Remove"]) == removed - added
    assert set(body["Replace"]) == replaced | added
    assert body["Force"] is True


def test_uids_are_given_or_kept_so_that_orthanc_invents_none():
    header = instance()
    replaced = request_for(header, shipped("basic"))
    assert {"0008,0018", "0020,000d", "0020,000e"} <= set(replaced["Replace"])
    assert replaced["Keep"] == []
    kept = request_for(header, with_options([Option.RETAIN_UIDS]))
    assert sorted(kept["Keep"]) == ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"]


def test_claims_are_json_with_their_items():
    body = request_for(instance(), shipped("basic"))
    assert body["Replace"]["0012,0064"] == [
        {
            "0008,0100": "113100",
            "0008,0102": "DCM",
            "0008,0104": "Basic Application Confidentiality Profile",
        }
    ]


def test_text_beyond_ascii_goes_as_bytes_of_its_own_item():
    item = elements(
        SpecificCharacterSet="ISO_IR 100", RequestedProcedureDescription="Knie rechts für Müller, Verlauf ähnlich"
    )
    header = instance(SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Jürgen", RequestAttributesSequence=[item])
    body = request_for(header, shipped("longitudinal"))
    spelled = body["Replace"]["0040,0275[0].0032,1060"]
    prefix = "data:application/octet-stream;base64,"
    assert spelled.startswith(prefix)
    text = base64.b64decode(spelled.removeprefix(prefix)).decode("latin-1")
    assert "ähnlich" in text and "Müller" not in text


def test_an_earlier_claim_is_replaced_and_not_removed():
    header = instance(PatientIdentityRemoved="NO", DeidentificationMethod="other")
    body = request_for(header, shipped("basic"))
    assert "0012,0062" not in body["Remove"] and body["Replace"]["0012,0062"] == "YES"


def test_the_answer_ends_with_its_pixel_data():
    made = dataset()
    whole = file_bytes(made)
    made.add(DataElement(0x7FE10010, "LO", "ACME"))
    made.add(DataElement(0xFFFCFFFC, "OB", b"Doe^"))
    assert finished(file_bytes(made)) == whole
    assert finished(whole) == whole
    assert read(finished(file_bytes(made))).PixelData == made.PixelData


def test_an_answer_that_is_no_file_is_refused():
    with pytest.raises(CannotDeidentify):
        finished(b'{"Details": "Doe"}')
