# SPDX-License-Identifier: Apache-2.0
"""Content trees made by code, and decisions carried out on them in the plainest way."""

from copy import deepcopy

from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.sequence import Sequence
from tests.data.instances import code

from deidgate.plan.dates import Shift
from deidgate.plan.model import Action
from deidgate.plan.structured import structured_decisions
from deidgate.pseudonym.model import Pseudonyms

PSEUDONYMS = Pseudonyms(patient_id="P-NEW", patient_name="P-NEW", shift_days=10, uid_key=b"k" * 32)
EVERYTHING = frozenset(str(code) for code in range(113103, 113113))
CLEAN = frozenset({"113104", "113105"})
ORIGINAL_UID = "1.2.826.0.1.3680043.8.498.7"


def item(value_type, concept=None, children=(), **values):
    ds = Dataset()
    ds.RelationshipType = "CONTAINS"
    ds.ValueType = value_type
    if concept is not None:
        ds.ConceptNameCodeSequence = Sequence([concept])
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    if children:
        ds.ContentSequence = Sequence(children)
    return ds


def valued(value_type, concept=None, children=()):
    """A content item of that type with a value that says something."""
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", ORIGINAL_UID
    measured = Dataset()
    measured.NumericValue = "-42.5"
    measured.MeasurementUnitsCodeSequence = Sequence([code("a", "UCUM", "year")])
    values = {
        "TEXT": {"TextValue": "Frobnicated"},
        "PNAME": {"PersonName": "Frobnicator^X"},
        "DATE": {"Date": "20010705"},
        "TIME": {"Time": "101530"},
        "DATETIME": {"DateTime": "20010705101530"},
        "UIDREF": {"UID": ORIGINAL_UID},
        "CODE": {"ConceptCodeSequence": Sequence([code("M", "DCM", "Frobnicated")])},
        "NUM": {"MeasuredValueSequence": Sequence([measured])},
        "CONTAINER": {"ContinuityOfContent": "SEPARATE"},
        "IMAGE": {"ReferencedSOPSequence": Sequence([reference])},
        "COMPOSITE": {"ReferencedSOPSequence": Sequence([reference])},
        "WAVEFORM": {"ReferencedSOPSequence": Sequence([reference])},
    }
    return item(value_type, concept, children, **values[value_type])


def tree(*items):
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ContentSequence = Sequence(items)
    buffer = DicomBytesIO()
    ds.save_as(buffer, implicit_vr=False, little_endian=True)
    buffer.seek(0)
    return dcmread(buffer, force=True)


def decide(ds, options=CLEAN, dates=None, clean=lambda text, vr: text.replace("Frobnicated", "").strip()):
    return list(structured_decisions(ds, frozenset(options), PSEUDONYMS, dates or Shift(-10), clean))


def carried_out(ds, decisions):
    """The dataset with the decisions carried out, element by element."""
    result = deepcopy(ds)
    for decision in sorted(decisions, key=lambda d: d.path.depth, reverse=True):
        at = result
        for tag, number in decision.path.parents:
            at = at[tag].value[number]
        if decision.action is Action.REMOVE:
            del at[decision.path.tag]
        elif decision.action is Action.EMPTY:
            at[decision.path.tag].value = Sequence() if decision.vr == "SQ" else ""
        elif decision.value is not None:
            at[decision.path.tag].value = decision.value
    return result


def result_of(ds, options=CLEAN, **how):
    return carried_out(ds, decide(ds, options, **how))


def shape(ds):
    """The tree without its values: how many items, of which type, under which parent."""
    return [(i.get("ValueType"), i.get("RelationshipType"), shape(i)) for i in ds.get("ContentSequence", ())]


def elements(ds, parents=(), tag=0x0040A730):
    """Path of every element at and below the sequence."""
    yield parents, tag
    for number, one in enumerate(ds[tag].value):
        here = (*parents, (tag, number))
        for element in one:
            if element.VR == "SQ":
                yield from elements(one, here, int(element.tag))
            else:
                yield here, int(element.tag)
