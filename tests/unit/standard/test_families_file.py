# SPDX-License-Identifier: Apache-2.0
"""The file of SOP Class families."""

import tomllib
from pathlib import Path

from pydicom.uid import UID_dictionary

import deidgate.standard.families as module

FILE = Path(module.__file__).with_name("families.toml")


def test_every_uid_stands_in_one_list_only():
    content = tomllib.loads(FILE.read_text(encoding="utf-8"))
    listed = [tail for tails in content["families"].values() for tail in tails]
    listed += [uid for uids in content["families_elsewhere"].values() for uid in uids]
    assert len(listed) == len(set(listed))


def test_every_storage_sop_class_that_pydicom_knows_has_a_family():
    storage = {
        uid
        for uid, (name, kind, _info, _retired, _keyword) in UID_dictionary.items()
        if kind == "SOP Class" and " Storage" in name and uid.startswith("1.2.840.10008.5.1.4.1.1.")
    }
    assert len(storage) > 150
    assert storage <= set(module.family_of_sop_class())
