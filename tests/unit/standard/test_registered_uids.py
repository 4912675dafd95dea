# SPDX-License-Identifier: Apache-2.0
"""Which UIDs are the standard's own."""

import pytest

from deidgate.standard.families import family_of_sop_class
from deidgate.standard.uids import is_registered


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.1.2.1",  # a Transfer Syntax
        "1.2.840.10008.1.4.1.1",  # a well-known frame of reference
        "1.2.840.10008.1.5.1",  # a well-known instance
        "1.2.840.10008.2.16.4",  # a coding scheme
        "1.2.840.10008.6.1.7",  # a context group
        *family_of_sop_class(),
    ],
)
def test_a_uid_of_the_standards_tables_is_registered(uid):
    assert is_registered(uid)


@pytest.mark.parametrize(
    "uid",
    ["", "1.2.840.10008", "1.2.840.10008.", "1.2.840.10008.5.1.4.1.1.2.1.1", "1.2.840.10008.6.1.20190517", "2.25.1"],
)
def test_what_only_begins_like_one_is_not(uid):
    assert not is_registered(uid)
