# SPDX-License-Identifier: Apache-2.0
"""STOW-RS counts when the answer names the instance; a real HTTP server takes the request apart."""

import base64
import json
import socket
import threading
from contextlib import contextmanager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pydicom
import pytest
from tests.unit.destinations.certificates import Authority
from tests.unit.destinations.parcels import Shelf

from deidgate.destinations.sender import NotNow
from deidgate.destinations.stow import StowSender
from deidgate.dimse.tls import server_context
from deidgate.errors import ConfigurationError, Unavailable
from deidgate.policy.destinations import DicomWeb, Tls
from deidgate.store.forward_model import Confirmed, Refused


class Web:
    """A DICOMweb server in memory. What it answers is changed by its fields."""

    def __init__(self) -> None:
        self.received = {}
        self.headers = []
        self.failures = {}
        self.status = None
        self.body = None
        self.location = None
        self.port = 0

    def answer(self, headers, body):
        """Status and body for one request."""
        self.headers.append(headers)
        if self.status is not None:
            return self.status, self.body if self.body is not None else b""
        message = BytesParser().parsebytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        assert message.get_content_type() == "multipart/related"
        assert message.get_param("type") == "application/dicom"
        good, bad = [], []
        for part in parts(body, message.get_boundary()):
            ds = pydicom.dcmread(BytesIO(part))
            item = {
                "00081150": {"vr": "UI", "Value": [ds.SOPClassUID]},
                "00081155": {"vr": "UI", "Value": [ds.SOPInstanceUID]},
            }
            reason = self.failures.get(ds.SOPInstanceUID)
            if reason:
                item["00081197"] = {"vr": "US", "Value": [reason]}
            else:
                self.received[ds.SOPInstanceUID] = part
            (bad if reason else good).append(item)
        named = {"00081199": {"vr": "SQ", "Value": good}} if good else {}
        if bad:
            named["00081198"] = {"vr": "SQ", "Value": bad}
        return (409 if not good else 202 if bad else 200), json.dumps(named).encode()


def parts(body, boundary):
    """The files of a multipart body, byte for byte. Source: RFC 2046 5.1.1."""
    mark = b"--" + boundary.encode()
    first, *rest = body.split(mark)
    assert first == b""
    assert rest[-1] == b"--\r\n"
    for part in rest[:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        assert head == b"Content-Type: application/dicom"
        assert content.endswith(b"\r\n")
        yield content[:-2]


@contextmanager
def running(web, tls=None):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/dicom-web/studies"
            status, content = web.answer(self.headers, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(content)))
            if web.location:
                self.send_header("Location", web.location)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def web():
    with running(Web()) as started:
        yield started


def sender(web, *, scheme="http", timeout_s=5, **more):
    return StowSender(DicomWeb(f"{scheme}://localhost:{web.port}/dicom-web", **more), timeout_s)


def test_what_the_answer_names_as_stored_is_confirmed_and_arrived_byte_for_byte(web, shelf):
    parcels = [shelf.parcel(number) for number in (1, 2)]
    assert list(sender(web).send(parcels, shelf)) == [Confirmed(parcel, "stow-referenced") for parcel in parcels]
    assert list(web.received.values()) == [shelf.files[1], shelf.files[2]]
    assert {headers["Accept"] for headers in web.headers} == {"application/dicom+json"}


@pytest.mark.parametrize(
    ("reason", "end"), [(0x0110, NotNow), (0xA700, NotNow), (0xA900, Refused), (0xC122, Refused), (0x0122, Refused)]
)
def test_what_the_answer_names_as_failed_is_tried_again_or_held_by_its_reason(web, shelf, reason, end):
    failed, good = shelf.parcel(1), shelf.parcel(2)
    web.failures[failed.sop_instance_uid] = reason
    assert list(sender(web).send([failed, good], shelf)) == [
        end(failed, "stow-failed", f"{reason:04X}"),
        Confirmed(good, "stow-referenced"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"{}",
        b"[]",
        b'{"00081199": {"vr": "SQ"}}',
        b'{"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["2.25.1"]}}]}}',
        b'{"00081199": {"vr": "SQ", "Value": "2.25.1"}}',
    ],
)
def test_a_success_that_does_not_name_the_instance_confirms_nothing(web, shelf, body):
    web.status, web.body = 200, body
    parcel = shelf.parcel(1)
    assert list(sender(web).send([parcel], shelf)) == [NotNow(parcel, "stow-answer-unreadable")]


def test_what_is_named_as_stored_and_as_failed_is_failed(web, shelf):
    parcel = shelf.parcel(1)
    item = {"00081155": {"vr": "UI", "Value": [parcel.sop_instance_uid]}}
    web.status, web.body = 200, json.dumps({tag: {"vr": "SQ", "Value": [item]} for tag in ("00081198", "00081199")})
    web.body = web.body.encode()
    assert list(sender(web).send([parcel], shelf)) == [Refused(parcel, "stow-failed", "0000")]


@pytest.mark.parametrize("status", [400, 409, 413, 415])
def test_a_request_that_is_refused_holds_its_instance(web, shelf, status):
    web.status = status
    parcel = shelf.parcel(1)
    assert list(sender(web).send([parcel], shelf)) == [Refused(parcel, "stow-refused", str(status))]


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503])
def test_a_server_that_forbids_or_fails_is_unavailable(web, shelf, status):
    web.status = status
    with pytest.raises(Unavailable):
        list(sender(web).send([shelf.parcel(1)], shelf))


def test_what_a_server_failed_on_is_known_and_nothing_else_is_blamed(web, shelf):
    made, first, second = sender(web), shelf.parcel(1), shelf.parcel(2)
    endings = made.send([first, second], shelf)
    assert next(endings) == Confirmed(first, "stow-referenced")
    assert made.hand.parcel is None
    web.status = 500
    with pytest.raises(Unavailable, match="stow-error"):
        next(endings)
    assert made.hand.parcel == second


def test_a_redirection_is_not_followed(web, shelf):
    with running(Web()) as other:
        web.status, web.location = 307, f"http://localhost:{other.port}/dicom-web/studies"
        with pytest.raises(Unavailable):
            list(sender(web).send([shelf.parcel(1)], shelf))
        assert other.received == {}


def test_a_server_that_is_away_is_unavailable(shelf):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        web = Web()
        web.port = probe.getsockname()[1]
    with pytest.raises(Unavailable, match="stow-unavailable"):
        list(sender(web).send([shelf.parcel(1)], shelf))


def test_a_server_that_never_answers_is_given_up(shelf):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        web = Web()
        web.port = silent.getsockname()[1]
        with pytest.raises(Unavailable, match="stow-unavailable"):
            list(sender(web, timeout_s=0.3).send([shelf.parcel(1)], shelf))


def test_a_password_and_a_token_come_from_files(web, shelf, tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    list(sender(web, user="gate", password=tmp_path / "secret").send([shelf.parcel(1)], shelf))
    list(sender(web, token=tmp_path / "secret").send([shelf.parcel(2)], shelf))
    basic, bearer = (headers["Authorization"] for headers in web.headers)
    assert basic == "Basic " + base64.b64encode(b"gate:s3cret").decode()
    assert bearer == "Bearer s3cret"


def test_a_secret_that_is_not_there_is_said_by_the_files_name(web, tmp_path):
    with pytest.raises(ConfigurationError, match=r"secret-unreadable at cloud\.token"):
        sender(web, token=tmp_path / "cloud.token")


def test_no_secret_of_the_machine_is_sent(web, shelf, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine localhost login me password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    list(sender(web).send([shelf.parcel(1)], shelf))
    assert web.headers[0]["Authorization"] is None


def test_over_tls_both_sides_are_known_to_each_other(shelf, tmp_path):
    authority = Authority(tmp_path)
    parcel = shelf.parcel(1)
    with running(Web(), server_context(authority.files("web"))) as web:
        good = Tls(authority.pem, authority.certificate("gate"))
        ended = list(sender(web, scheme="https", tls=good).send([parcel], shelf))
        assert ended == [Confirmed(parcel, "stow-referenced")]
        for bad in (Tls(authority.pem), Tls(None, authority.certificate("gate"))):
            with pytest.raises(Unavailable, match="stow-"):
                list(sender(web, scheme="https", tls=bad).send([parcel], shelf))
    assert len(web.headers) == 1


def test_what_research_does_not_have_any_more_is_not_posted(web, shelf):
    gone, good = shelf.parcel(1), shelf.parcel(2)
    del shelf.files[1]
    assert list(sender(web).send([gone, good], shelf)) == [
        NotNow(gone, "research-gone"),
        Confirmed(good, "stow-referenced"),
    ]


def test_stow_takes_nothing_back(web, shelf):
    assert not sender(web).take_back(shelf.parcel(1))
