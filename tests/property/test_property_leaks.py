# SPDX-License-Identifier: Apache-2.0
"""No needle of a random nested dataset survives any policy.

What is delivered is what the engine made and the gate let pass. Beside that, the engine alone never makes a result
that is wrong in itself: all that the gate may hold it for is an identity in a value that an option retains.
"""

from __future__ import annotations

import re
import unicodedata
from io import BytesIO

import pytest
from hypothesis import HealthCheck, event, given, settings
from pydicom import dcmread
from pydicom.dataset import FileDataset
from tests.property.datasets import Person, instances, to_bytes
from tests.property.engine import deidentify, names, policy

from deidgate.errors import CannotDeidentify
from deidgate.verify.gate import verify

pytestmark = pytest.mark.filterwarnings("ignore")


OF_NEEDLES = {"name-left", "short-name-left", "identifier-left", "device-left", "date-left"}


def folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def everything_readable(data: bytes) -> str:
    """The bytes in every encoding in which somebody could read them; a search of its own, that trusts nobody."""
    codecs = ("latin_1", "utf_8", "gb18030", "iso8859_2", "iso8859_5", "utf_16_le", "utf_16_be", "shift_jis")
    return "\n".join(folded(data.decode(codec, "ignore")) for codec in codecs)


@pytest.mark.parametrize("name", names())
@given(made=instances())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_no_identity_survives_in_what_is_delivered(name: str, made: tuple[Person, FileDataset]) -> None:
    person, ds = made
    original = to_bytes(ds)
    try:
        plan, result = deidentify(original, policy(name))
    except CannotDeidentify as held:
        event(f"held: {held.code}")
        return
    findings = verify(original, result, plan).findings
    assert {finding.code for finding in findings} <= OF_NEEDLES, [str(finding) for finding in findings]
    event("held by the gate" if findings else "delivered")
    if findings:
        return
    text = everything_readable(result)
    for secret in person.secrets():
        word = re.escape(folded(secret))
        assert not re.search(rf"(?<![0-9a-z.]){word}(?![0-9a-z])", text), f"{name}: something of the person is left"
    assert dcmread(BytesIO(result)).PatientID == plan.patient_id
