# SPDX-License-Identifier: Apache-2.0
"""Files reach a receiver by C-STORE as they are, and what became of each is told."""

from io import BytesIO
from threading import Event

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.association import Association
from tests.data.instances import dataset, file_bytes, read, uid

from deidgate.dimse.send import MAX_CONTEXTS, Peer, send
from deidgate.errors import Unavailable

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"


class Receiver:
    """A node that keeps what it is sent."""

    def __init__(self, classes=(CT, MR)):
        self.kept = []
        self.associations = 0
        self.status = 0x0000
        entity = AE(ae_title="RECEIVER")
        entity.require_called_aet = True
        for sop_class in classes:
            entity.add_supported_context(sop_class, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_ESTABLISHED, self._established)]
        self._server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = self._server.socket.getsockname()[1]

    def _store(self, event):
        self.kept.append((str(event.request.AffectedSOPInstanceUID), event.request.DataSet.getvalue()))
        return self.status

    def _established(self, _event):
        self.associations += 1

    def stop(self):
        self._server.shutdown()


@pytest.fixture
def receiver():
    started = Receiver()
    yield started
    started.stop()


def deliver(receiver, *paths, called="RECEIVER"):
    sent = []
    send(Peer("127.0.0.1", receiver.port, called, "SENDER", timeout_s=10), paths, sent.append)
    return sent


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


def test_the_dataset_arrives_byte_by_byte(receiver, tmp_path):
    data = file_bytes(dataset())
    [sent] = deliver(receiver, write(tmp_path, "a.dcm", data))
    assert sent.ok
    [(_, body)] = receiver.kept
    assert data.endswith(body)
    assert len(body) > 500


def test_one_association_serves_all_kinds_of_files(receiver, tmp_path):
    paths = [
        write(tmp_path, "a", file_bytes(dataset(1))),
        write(tmp_path, "b", file_bytes(dataset(2), ImplicitVRLittleEndian)),
        write(tmp_path, "c", file_bytes(dataset(3, sop_class=MR))),
    ]
    assert [sent.code for sent in deliver(receiver, *paths)] == ["sent"] * 3
    assert receiver.associations == 1


def test_an_answer_that_the_associations_own_thread_took_is_not_lost(receiver, tmp_path, monkeypatch):
    # As if it were paused, always: as it is taken for when it has only just gone on.
    always = property(lambda _self: True, lambda _self, _value: None)
    monkeypatch.setattr(Association, "_is_paused", always, raising=False)
    monkeypatch.setattr(Event, "clear", lambda _self: None)
    paths = [write(tmp_path, f"{number}.dcm", file_bytes(dataset(number=number))) for number in range(1, 60)]
    assert [one.ok for one in deliver(receiver, *paths)] == [True] * len(paths)


def test_folders_are_walked_and_what_is_not_dicom_is_told_of(receiver, tmp_path):
    (tmp_path / "inner").mkdir()
    write(tmp_path / "inner", "a.dcm", file_bytes(dataset()))
    write(tmp_path, "notes.txt", b"no DICOM")
    codes = {sent.path.name: sent.code for sent in deliver(receiver, tmp_path)}
    assert codes == {"a.dcm": "sent", "notes.txt": "not-dicom"}


def test_a_file_whose_meta_names_another_instance_is_sent_as_what_it_is(receiver, tmp_path):
    odd = read(file_bytes(dataset(1, 1, 1, 7)))
    odd.file_meta.MediaStorageSOPInstanceUID = uid(9, 9)
    out = BytesIO()
    odd.save_as(out)
    [sent] = deliver(receiver, write(tmp_path, "odd.dcm", out.getvalue()))
    assert sent.ok
    assert receiver.kept[0][0] == uid(1, 1, 1, 7)


def test_a_class_that_the_receiver_does_not_take_is_told_of_and_the_rest_arrives(tmp_path):
    receiver = Receiver(classes=(CT,))
    try:
        paths = [
            write(tmp_path, "a", file_bytes(dataset(1, sop_class=MR))),
            write(tmp_path, "b", file_bytes(dataset(2))),
        ]
        assert [sent.code for sent in deliver(receiver, *paths)] == ["context-refused", "sent"]
    finally:
        receiver.stop()


@pytest.mark.parametrize(("status", "ok"), [(0xA700, False), (0x0124, False), (0xB000, True)])
def test_the_answer_of_the_receiver_is_told(receiver, tmp_path, status, ok):
    receiver.status = status
    [sent] = deliver(receiver, write(tmp_path, "a", file_bytes(dataset())))
    assert (sent.status, sent.ok) == (status, ok)


def test_nobody_there_is_unavailability(receiver, tmp_path):
    path = write(tmp_path, "a", file_bytes(dataset()))
    with pytest.raises(Unavailable) as error:
        deliver(receiver, path, called="SOMEBODY")
    assert error.value.code == "association-refused"


def test_more_kinds_than_an_association_has_room_for_go_in_several(tmp_path):
    classes = [str(context.abstract_syntax) for context in AllStoragePresentationContexts][: MAX_CONTEXTS + 2]
    assert len(classes) == MAX_CONTEXTS + 2
    receiver = Receiver(classes=classes)
    try:
        paths = [
            write(tmp_path, f"{number:04d}", file_bytes(dataset(1, 1, 1, number, sop_class=sop_class)))
            for number, sop_class in enumerate(classes)
        ]
        assert {sent.code for sent in deliver(receiver, *paths)} == {"sent"}
        assert receiver.associations == 2
    finally:
        receiver.stop()


def test_a_file_that_is_cut_off_does_not_end_the_others(receiver, tmp_path):
    whole = file_bytes(dataset())
    paths = [write(tmp_path, "a", whole[:300]), write(tmp_path, "b", whole)]
    sent = deliver(receiver, *paths)
    assert sent[1].ok
    assert dcmread(paths[1]).SOPInstanceUID == receiver.kept[-1][0]
