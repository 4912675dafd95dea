# SPDX-License-Identifier: Apache-2.0
"""Nothing that a sender was answered success for is thrown away because its UID was known."""

import threading
from io import BytesIO

import pytest
from pydicom import dcmread
from tests.data.fake_orthanc import SUCCESS, FakeOrthanc, FakeOrthancError
from tests.data.instances import dataset, file_bytes

from deidgate.dicom.second import first_name
from deidgate.dicom.status import OUT_OF_RESOURCES, PROCESSING_FAILURE
from deidgate.orthanc_io.ingest.conflicts import Conflicts
from deidgate.orthanc_io.ingest.stored import IngestIndex


def a_file(number=1, **keywords):
    return file_bytes(dataset(1, 1, 1, number, **keywords))


class Guarded(FakeOrthanc):
    """An Orthanc with the plugin's callbacks."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.admits = SUCCESS
        self.conflicts = Conflicts(self, IngestIndex(self), clock=lambda: self.now)
        self.RegisterReceivedInstanceCallback(self.conflicts.received)
        self.RegisterIncomingCStoreInstanceFilter(lambda one: self.conflicts.c_store(one, lambda _: self.admits))
        self.RegisterOnStoredInstanceCallback(lambda _one, _name: self.conflicts.stored())


@pytest.fixture
def orthanc():
    return Guarded()


def contents(orthanc):
    """All that was received, as it was sent."""
    return {first_name(one.data) or one.data for one in orthanc.instances.values()}


def test_what_is_new_is_stored_as_it_is(orthanc):
    assert orthanc.c_store(a_file(1)) == orthanc.c_store(a_file(2)) == SUCCESS
    assert {one.data for one in orthanc.instances.values()} == {a_file(1), a_file(2)}


def test_the_same_again_is_one(orthanc):
    for _ in range(3):
        assert orthanc.c_store(a_file()) == SUCCESS
    assert len(orthanc.instances) == 1
    assert orthanc.conflicts.kept == 0


def test_the_same_from_another_sender_is_one(orthanc):
    orthanc.c_store(a_file())
    made = dcmread(BytesIO(a_file()))
    made.file_meta.SourceApplicationEntityTitle = "ELSEWHERE"
    out = BytesIO()
    made.save_as(out)
    assert orthanc.c_store(out.getvalue()) == SUCCESS
    assert len(orthanc.instances) == 1


def test_other_contents_of_one_uid_are_kept_beside_the_first_each_once(orthanc):
    files = [a_file(PatientComments=text) for text in ("first", "second", "third")]
    for file in (*files, *reversed(files)):
        assert orthanc.c_store(file, "MR", "GATE") == SUCCESS
    assert contents(orthanc) == set(files)
    assert len(orthanc.instances) == 3
    assert [one.data for one in orthanc.instances.values()].count(files[0]) == 1
    assert {(one.calling_aet, one.called_aet) for one in orthanc.instances.values()} == {("MR", "GATE")}
    assert len([change for change in orthanc.changes if change[1] == "NewInstance"]) == 3


def test_over_rest_it_is_the_same(orthanc):
    files = [a_file(PatientComments=text) for text in ("first", "second")]
    assert [orthanc.rest_store(file) for file in files] == ["Success", "Success"]
    assert contents(orthanc) == set(files)


def test_what_cannot_be_kept_is_refused_by_every_door(orthanc, monkeypatch):
    orthanc.c_store(a_file(PatientComments="first"))

    def fails(uri):
        raise FakeOrthancError(uri)

    with monkeypatch.context() as patched:
        patched.setattr(orthanc, "RestApiGet", fails)
        assert orthanc.c_store(a_file(PatientComments="second")) == PROCESSING_FAILURE
        assert orthanc.rest_store(a_file(PatientComments="second")) == "FilteredOut"
    assert orthanc.conflicts.refused == 2
    assert contents(orthanc) == {a_file(PatientComments="first")}
    # One refusal is not another's.
    assert orthanc.c_store(a_file(2)) == SUCCESS
    assert orthanc.c_store(a_file(PatientComments="second")) == SUCCESS


def test_two_contents_of_one_new_uid_at_once_are_not_both_answered_with_success(orthanc):
    first, second = (a_file(PatientComments=text) for text in ("first", "second"))
    orthanc.conflicts.received(first, orthanc.InstanceOrigin.DICOM_PROTOCOL)
    answers = []
    # Another association, while the first is between callback and store.
    other = threading.Thread(target=lambda: answers.append(orthanc.c_store(second)))
    other.start()
    other.join()
    assert answers == [OUT_OF_RESOURCES]
    assert orthanc.c_store(first) == SUCCESS
    other = threading.Thread(target=lambda: answers.append(orthanc.c_store(second)))
    other.start()
    other.join()
    assert answers[1:] == [SUCCESS]
    assert contents(orthanc) == {first, second}


def test_one_that_never_arrived_keeps_nobody_waiting_for_long(orthanc):
    answers = []

    def bring():
        answers.append(orthanc.c_store(a_file()))

    orthanc.conflicts.received(a_file(), orthanc.InstanceOrigin.DICOM_PROTOCOL)
    threads = [threading.Thread(target=bring) for _ in range(2)]
    threads[0].start()
    threads[0].join()
    orthanc.now = 31.0
    threads[1].start()
    threads[1].join()
    assert answers == [OUT_OF_RESOURCES, SUCCESS]


def test_what_admission_refuses_is_not_under_way(orthanc):
    answers = []
    orthanc.admits = OUT_OF_RESOURCES
    assert orthanc.c_store(a_file()) == OUT_OF_RESOURCES
    orthanc.admits = SUCCESS
    other = threading.Thread(target=lambda: answers.append(orthanc.c_store(a_file())))
    other.start()
    other.join()
    assert answers == [SUCCESS]
