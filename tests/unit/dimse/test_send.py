# SPDX-License-Identifier: Apache-2.0
"""Files reach a receiver by C-STORE as they are, and what became of each is told."""

import itertools
import tracemalloc
from io import BytesIO
from threading import Event, Timer

import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)
from pynetdicom import AE, AllStoragePresentationContexts, _config, evt
from pynetdicom.association import Association
from tests.data.instances import dataset, file_bytes, read, uid

from deidgate.dimse.dispatch import Effort, dispatch
from deidgate.dimse.link import MAX_CONTEXTS, Peer
from deidgate.dimse.send import read_letter
from deidgate.errors import Unavailable

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SYNTAXES = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    JPEGBaseline8Bit,
]


class Receiver:
    """A node that keeps what it is sent."""

    def __init__(self, classes=(CT, MR)):
        self.kept = []
        self.syntaxes = []
        self.associations = 0
        self.status = 0x0000
        entity = AE(ae_title="RECEIVER")
        entity.require_called_aet = True
        for sop_class in classes:
            entity.add_supported_context(sop_class, SYNTAXES)
        self.hears = lambda handler: self._server.bind(evt.EVT_PDU_RECV, handler)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_ESTABLISHED, self._established)]
        self._server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = self._server.socket.getsockname()[1]

    def _store(self, event):
        if event.request.DataSet is not None:
            self.kept.append((str(event.request.AffectedSOPInstanceUID), event.request.DataSet.getvalue()))
            self.syntaxes.append(event.context.transfer_syntax)
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
    dispatch(Peer("127.0.0.1", receiver.port, called, "SENDER", timeout_s=10), paths, Effort(tries=1), sent.append)
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


def said_to_be(data, syntax):
    """The file `data`, its file meta naming another Transfer Syntax."""
    meta, offset = parted(data)
    before = meta.TransferSyntaxUID.encode()
    length = (len(before) + 1) // 2 * 2
    element = b"\2\0\x10\0UI" + length.to_bytes(2, "little") + before.ljust(length, b"\0")
    head = data[:offset]
    assert head.count(element) == 1
    length = (len(syntax) + 1) // 2 * 2
    other = b"\2\0\x10\0UI" + length.to_bytes(2, "little") + syntax.encode().ljust(length, b"\0")
    group_length = meta.FileMetaInformationGroupLength + len(other) - len(element)
    head = head[:140] + group_length.to_bytes(4, "little") + head[144:]
    return head.replace(element, other) + data[offset:]


def parted(data):
    """File meta of the file `data`, and where its dataset begins."""
    meta = read(data).file_meta
    return meta, 132 + 12 + meta.FileMetaInformationGroupLength


def odd_datasets():
    """Datasets that a library would write in another way than they are."""
    whole = file_bytes(dataset())
    start = parted(whole)[1]
    meta, body = whole[:start], whole[start:]
    sequence = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    sequence += b"\x08\0\x50\x11UI\x04\x001.2\0" + b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    middle = body.index(b"\x10\0\x10\0PN")
    return {
        "undefined lengths": meta + body[:middle] + sequence + body[middle:],
        "group lengths": meta + b"\x08\0\0\0UL\x04\0\x99\0\0\0" + body,
        "trailing padding": meta + body + b"\xfc\xff\xfc\xffOB\0\0\x08\0\0\0" + bytes(8),
        "bytes behind the end": meta + body + b"\0\0\0",
        "values of odd length": meta
        + body[:middle]
        + b"\x10\0\x10\0PN\x03\0A^B"
        + body[body.index(b"\x10\0\x20\0LO") :],
        "padded with the wrong filling": meta + body.replace(b"CS\x02\0CT", b"CS\x04\0CT\0 "),
        "numbers in a way of their own": meta + body.replace(b"IS\x02\x001 ", b"IS\x04\0+01 "),
        "elements without order": meta + body[middle:] + body[:middle],
        "cut off": meta + body[:-5],
        "implicit VR": file_bytes(dataset(), ImplicitVRLittleEndian),
        "big endian": file_bytes(dataset(), ExplicitVRBigEndian),
        "deflated": file_bytes(dataset(), DeflatedExplicitVRLittleEndian),
        "compressed": said_to_be(whole, JPEGBaseline8Bit),
    }


@pytest.mark.parametrize("name", odd_datasets())
def test_an_odd_dataset_arrives_byte_by_byte_in_the_transfer_syntax_that_it_has(receiver, tmp_path, name):
    data = odd_datasets()[name]
    assert data != file_bytes(dataset())
    [sent] = deliver(receiver, write(tmp_path, "odd.dcm", data))
    assert sent.ok
    meta, start = parted(data)
    assert receiver.kept == [(uid(1, 1, 1, 1), data[start:])]
    assert receiver.syntaxes == [meta.TransferSyntaxUID]


@pytest.mark.parametrize(
    ("syntax", "said"),
    [
        (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
        (ImplicitVRLittleEndian, JPEGBaseline8Bit),
        (ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian),
        (ImplicitVRLittleEndian, ExplicitVRBigEndian),
        (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian),
        (ExplicitVRLittleEndian, ExplicitVRBigEndian),
        (ExplicitVRBigEndian, ExplicitVRLittleEndian),
        (ExplicitVRBigEndian, ImplicitVRLittleEndian),
        (DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian),
    ],
)
def test_a_file_whose_meta_names_a_transfer_syntax_that_it_has_not_is_not_sent(receiver, tmp_path, syntax, said):
    false = write(tmp_path, "a", said_to_be(file_bytes(dataset(), syntax), said))
    good = write(tmp_path, "b", file_bytes(dataset(2)))
    assert [sent.code for sent in deliver(receiver, false, good)] == ["not-dicom", "sent"]
    assert [name for name, _ in receiver.kept] == [uid(2, 1, 1, 1)]


def test_explicit_vr_that_is_said_to_be_implicit_is_sent_as_what_it_is(receiver, tmp_path):
    data = file_bytes(dataset())
    [sent] = deliver(receiver, write(tmp_path, "a", said_to_be(data, ImplicitVRLittleEndian)))
    assert sent.ok
    assert receiver.kept == [(uid(1, 1, 1, 1), data[parted(data)[1] :])]
    assert receiver.syntaxes == [ExplicitVRLittleEndian]


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
def test_a_dataset_without_a_name_is_not_sent_under_that_of_its_meta(receiver, tmp_path, keyword):
    nameless = read(file_bytes(dataset()))
    delattr(nameless, keyword)
    out = BytesIO()
    nameless.save_as(out)
    assert [sent.code for sent in deliver(receiver, write(tmp_path, "a", out.getvalue()))] == ["not-dicom"]
    assert receiver.kept == []


def named(data, keyword, value):
    """The file `data`, its dataset having the bytes `value` for a UID."""
    tag = {"SOPClassUID": b"\x08\0\x16\0UI", "SOPInstanceUID": b"\x08\0\x18\0UI"}[keyword]
    start = data.index(tag, parted(data)[1])
    end = start + 8 + int.from_bytes(data[start + 6 : start + 8], "little")
    return data[:start] + tag + len(value).to_bytes(2, "little") + value + data[end:]


@pytest.mark.parametrize("value", [b"1.2." + b"3" * 70, b"\xc3\xa4", b"1.2\\1.3 "])
@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
def test_a_file_with_a_name_that_nobody_can_be_told_does_not_end_the_others(receiver, tmp_path, keyword, value):
    bad = write(tmp_path, "a", named(file_bytes(dataset()), keyword, value))
    good = write(tmp_path, "b", file_bytes(dataset(2)))
    told = {sent.path.name: sent.code for sent in deliver(receiver, bad, good)}
    # What is no UID in its instance alone is for the receiver to refuse.
    expected = "sent" if (keyword, value) == ("SOPInstanceUID", b"\xc3\xa4") else "not-dicom"
    assert told == {"a": expected, "b": "sent"}


def test_a_file_that_ends_anywhere_is_read_without_an_error(tmp_path):
    for syntax in (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian):
        whole = file_bytes(dataset(), syntax)
        for length in range(len(whole)):
            read_letter(write(tmp_path, "cut", whole[:length]))


def large(folder, name="large.dcm", number=1, size=48 << 20):
    """A file with much of nothing in it, that takes no room on the disk."""
    data = file_bytes(dataset(number=number, PixelData=None))
    path = write(folder, name, data + b"\xe0\x7f\x10\0OW\0\0" + size.to_bytes(4, "little"))
    with path.open("ab") as stream:
        stream.truncate(path.stat().st_size + size)
    return path


def test_a_large_file_is_at_no_time_in_memory_as_a_whole(receiver, tmp_path, monkeypatch):
    # The receiver of this test is in the same memory: it shall not keep the dataset there either.
    monkeypatch.setattr(_config, "STORE_RECV_CHUNKED_DATASET", True)
    path = large(tmp_path)
    tracemalloc.start()
    try:
        [sent] = deliver(receiver, path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent.ok
    assert most < 16 << 20


def test_a_file_that_is_gone_when_its_turn_comes_does_not_end_the_association(receiver, tmp_path):
    paths = [write(tmp_path, f"{number}", file_bytes(dataset(number=number))) for number in (1, 2, 3)]
    told = []

    def tell(sent):
        told.append(sent.code)
        paths[1].unlink(missing_ok=True)

    dispatch(Peer("127.0.0.1", receiver.port, "RECEIVER", "SENDER", 10), paths, Effort(tries=1), tell)
    assert told == ["sent", "not-dicom", "sent"]
    assert receiver.associations == 1


def test_a_receiver_that_goes_away_in_the_middle_of_a_dataset_gets_it_again(receiver, tmp_path):
    paths = [large(tmp_path), write(tmp_path, "b", file_bytes(dataset(2)))]
    parts = itertools.count()

    def heard(event):
        if next(parts) == 40:
            event.assoc.dul.socket.socket.close()

    receiver.hears(heard)
    told = []
    peer = Peer("127.0.0.1", receiver.port, "RECEIVER", "SENDER", timeout_s=10)
    dispatch(peer, paths, Effort(tries=2, wait_s=0.1), told.append)
    assert [sent.code for sent in told] == ["sent", "sent"]
    assert [len(body) > 48 << 20 for _, body in receiver.kept] == [True, False]
    assert receiver.associations == 2


def test_a_receiver_that_listens_no_more_is_given_up(receiver, tmp_path):
    parts, goes_on = itertools.count(), Event()
    receiver.hears(lambda _event: next(parts) == 40 and goes_on.wait(20))
    timer = Timer(3, goes_on.set)
    timer.start()
    told = []
    peer = Peer("127.0.0.1", receiver.port, "RECEIVER", "SENDER", timeout_s=1)
    dispatch(peer, [large(tmp_path)], Effort(tries=1), told.append)
    timer.cancel()
    assert [(sent.code, sent.status) for sent in told] == [("no-answer", None)]


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
