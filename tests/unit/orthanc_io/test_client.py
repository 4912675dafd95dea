# SPDX-License-Identifier: Apache-2.0
"""The REST client answers with something valid or raises; delivery counts only what the server holds."""

import hashlib
import socket
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deidgate.errors import CannotDeidentify, Unavailable, VerificationFailed
from deidgate.orthanc_io.client import OrthancClient, Refused, Server
from deidgate.orthanc_io.originals import IngestOriginals
from deidgate.orthanc_io.research_store import ResearchStore


class Orthanc(BaseHTTPRequestHandler):
    """Answers what the test has put into `server.answers`: (status, body) by method and path, in turn."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        self.server.asked.append((self.command, self.path, body, self.headers.get("Authorization")))
        answers = self.server.answers.get((self.command, self.path), [(404, b"")])
        status, content = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) + self.server.lie))
        self.end_headers()
        self.wfile.write(content)
        if self.server.lie:
            self.close_connection = True

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 -- named by the base class

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Orthanc)
    server.answers, server.asked, server.lie = {}, [], 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(server):
    opened = OrthancClient(Server("ingest", f"http://127.0.0.1:{server.server_port}", "u", "p", "", timeout_s=2))
    yield opened
    opened.close()


def test_a_body_comes_whole_and_with_the_credentials(server, client):
    server.answers["GET", "/x"] = [(200, b"\0\1" * 50_000)]
    assert client.get_bytes("/x") == b"\0\1" * 50_000
    assert server.asked[0][3] == "Basic dTpw"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_error_of_the_server_is_unavailability(server, client, status):
    server.answers["GET", "/x"] = [(status, b"{}")]
    with pytest.raises(Unavailable) as error:
        client.get_json("/x")
    assert error.value.code == "ingest-error"


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_password_is_unavailability_and_no_reason_to_hold(server, client, status):
    server.answers["GET", "/x"] = [(status, b"")]
    with pytest.raises(Unavailable) as error:
        client.get_json("/x")
    assert error.value.code == "ingest-forbids"


def test_no_is_told_with_its_status(server, client):
    with pytest.raises(Refused) as error:
        client.get_json("/nothing")
    assert error.value.status == 404


def test_a_server_that_is_not_there_is_unavailable():
    nowhere = OrthancClient(Server("research", "http://127.0.0.1:9", "u", "p", "", timeout_s=1))
    with pytest.raises(Unavailable) as error:
        nowhere.get_json("/x")
    assert error.value.code == "research-unavailable"


def test_an_answer_that_breaks_off_is_unavailability(server, client):
    server.answers["GET", "/x"] = [(200, b"half")]
    server.lie = 100
    with pytest.raises(Unavailable):
        client.get_bytes("/x")


@contextmanager
def half_a_body(end):
    """A server that begins a body, and what `end` does with the connection then; the client's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + bytes(50))
            end(connection)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        client = OrthancClient(Server("ingest", url, "u", "p", "", timeout_s=0.3))
        try:
            yield client
        finally:
            client.close()
            thread.join()


def resets(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def stalls(connection):
    # Until the client has given it up.
    with connection:
        connection.recv(1)


@pytest.mark.parametrize("end", [resets, stalls])
@pytest.mark.parametrize("call", [lambda c: c.get_bytes("/x"), lambda c: c.post_for_bytes("/x", {})])
def test_a_connection_that_breaks_or_stalls_in_the_middle_of_a_body_is_unavailability(end, call):
    with half_a_body(end) as client, pytest.raises(Unavailable) as error:
        call(client)
    assert error.value.code == "ingest-unavailable"


def test_an_answer_that_is_no_json_is_unavailability(server, client):
    server.answers["GET", "/x"] = [(200, b"<html>")]
    with pytest.raises(Unavailable) as error:
        client.get_json("/x")
    assert error.value.code == "ingest-answer-unreadable"


def test_no_password_and_no_body_is_in_an_error(server, client):
    server.answers["GET", "/x"] = [(500, b"Doe^John")]
    with pytest.raises(Unavailable) as error:
        client.get_json("/x")
    assert "Doe" not in str(error.value)
    assert "'p'" not in repr(Server("ingest", "http://x", "u", "p", ""))


def test_an_original_that_is_gone_is_held(server, client):
    with pytest.raises(CannotDeidentify) as error:
        IngestOriginals(client).read("0a")
    assert error.value.code == "original-missing"


def test_an_original_that_the_disk_has_cut_off_is_held_for_that(server, client):
    server.answers["GET", "/instances/0a/attachments/dicom/data"] = [(400, b"")]
    with pytest.raises(CannotDeidentify) as error:
        IngestOriginals(client).read("0a")
    assert error.value.code == "original-changed"


def test_an_original_that_orthanc_will_not_modify_is_held(server, client):
    server.answers["POST", "/instances/0a/modify"] = [(400, b"")]
    with pytest.raises(CannotDeidentify) as error:
        IngestOriginals(client).modify("0a", {})
    assert error.value.code == "modify-refused"


# -- delivery -----------------------------------------------------------------------------

FILE = b"the file"
MD5 = hashlib.md5(FILE, usedforsecurity=False).hexdigest()
HELD = "/instances/0a/attachments/dicom/md5"
READ = "/instances/0a/attachments/dicom/verify-md5"
WHOLE = [(200, b"{}")]


def post(status, name="0a"):
    return (200, f'{{"ID": "{name}", "Status": "{status}"}}'.encode())


def deliver(client):
    ResearchStore(client).deliver(FILE, "0a", MD5)


def asked(server, method):
    return [path for verb, path, *_ in server.asked if verb == method]


@pytest.mark.parametrize("status", ["Success", "AlreadyStored"])
def test_what_research_holds_is_delivered(server, client, status):
    server.answers = {
        ("POST", "/instances"): [post(status)],
        ("GET", HELD): [(200, MD5.encode())],
        ("POST", READ): WHOLE,
    }
    deliver(client)
    assert asked(server, "DELETE") == []


def test_another_rendering_is_replaced(server, client):
    server.answers = {
        ("POST", "/instances"): [post("AlreadyStored"), post("Success")],
        ("GET", HELD): [(200, b"0" * 32), (200, MD5.encode())],
        ("POST", READ): WHOLE,
        ("DELETE", "/instances/0a"): [(200, b"{}")],
    }
    deliver(client)
    assert asked(server, "DELETE") == ["/instances/0a"]


def test_a_success_that_stored_nothing_is_no_delivery(server, client):
    server.answers = {("POST", "/instances"): [post("Success")], ("GET", HELD): [(404, b"")]}
    with pytest.raises(Unavailable) as error:
        deliver(client)
    assert error.value.code == "research-forgets"


@pytest.mark.parametrize("damage", [(400, b""), (500, b"")], ids=["cut off", "gone"])
def test_a_file_that_research_cannot_read_is_sent_again(server, client, damage):
    server.answers = {
        ("POST", "/instances"): [post("Success"), post("Success")],
        ("GET", HELD): [(200, MD5.encode())],
        ("POST", READ): [damage, *WHOLE],
        ("DELETE", "/instances/0a"): [(200, b"{}")],
    }
    deliver(client)
    assert asked(server, "DELETE") == ["/instances/0a"]


def test_a_research_server_that_damages_everything_is_tried_again_later(server, client):
    server.answers = {
        ("POST", "/instances"): [post("Success")],
        ("GET", HELD): [(200, MD5.encode())],
        ("POST", READ): [(400, b"")],
        ("DELETE", "/instances/0a"): [(200, b"{}")],
    }
    with pytest.raises(Unavailable) as error:
        deliver(client)
    assert error.value.code == "research-damages"
    assert asked(server, "DELETE")[-1] == "/instances/0a", "what cannot be read is not left there"


def test_a_success_that_stored_something_else_is_no_delivery(server, client):
    server.answers = {("POST", "/instances"): [post("Success")], ("GET", HELD): [(200, b"0" * 32)]}
    with pytest.raises(VerificationFailed):
        deliver(client)


def test_a_success_under_another_id_is_no_delivery(server, client):
    server.answers = {("POST", "/instances"): [post("Success", "0b")]}
    with pytest.raises(VerificationFailed) as error:
        deliver(client)
    assert error.value.code == "research-stored-other"


@pytest.mark.parametrize("answer", [post("FilteredOut"), post("Failure"), (200, b"[]"), (400, b"{}"), (413, b"")])
def test_a_refusal_is_no_delivery(server, client, answer):
    server.answers = {("POST", "/instances"): [answer]}
    with pytest.raises(VerificationFailed) as error:
        deliver(client)
    assert error.value.code == "research-refused"


def test_withdrawing_what_is_not_there_is_done(server, client):
    ResearchStore(client).withdraw("0a")
    assert asked(server, "DELETE") == ["/instances/0a"]
