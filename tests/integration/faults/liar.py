# SPDX-License-Identifier: Apache-2.0
"""Stands in the place of research, with its certificate, and passes on what it likes.

What it does is in the file ``/tmp/mode``:

* ``error``: answers 500 to everything
* ``hang``: answers nothing
* ``success``: answers that it stored, and stores nothing
* ``forget``: stores, and drops the connection instead of answering
* ``cut``: stores, and breaks off in the middle of its answer
* ``thief``: as ``success``, and answers for the digest as well: nothing on the way can tell
"""

import hashlib
import http.client
import json
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from deidgate.gateway.orthanc_id import instance_id

MODE = Path("/tmp/mode")
PASSED_ON = {"authorization", "content-type"}
TAKEN: dict[str, str] = {}
"""MD5 of what was taken and not stored, by Orthanc ID."""


class Liar(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.lie(b"")

    def do_DELETE(self) -> None:
        self.lie(b"")

    def do_POST(self) -> None:
        self.lie(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def lie(self, body: bytes) -> None:
        mode = MODE.read_text(encoding="ascii") if MODE.exists() else ""
        storing = self.command == "POST" and self.path == "/instances"
        if mode == "error":
            self.reply(500, b"{}")
        elif mode == "hang":
            while MODE.read_text(encoding="ascii") == "hang":
                time.sleep(0.2)
            self.close_connection = True
        elif mode in ("success", "thief") and storing:
            self.reply(200, json.dumps({"ID": taken(body, mode), "Status": "Success"}).encode())
        elif mode == "thief" and (digest := TAKEN.get(self.path.split("/")[2])):
            self.reply(200, digest.encode())
        else:
            status, answer = self.pass_on(body)
            if mode == "forget" and storing:
                self.close_connection = True
            elif mode == "cut" and storing:
                self.reply(status, answer[: len(answer) // 2], len(answer))
                self.close_connection = True
            else:
                self.reply(status, answer)

    def pass_on(self, body: bytes) -> tuple[int, bytes]:
        context = ssl.create_default_context(cafile="/run/secrets/ca")
        context.check_hostname = False
        connection = http.client.HTTPSConnection("truth", 8042, context=context, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def reply(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def taken(body: bytes, mode: str) -> str:
    found = dcmread(BytesIO(body), stop_before_pixels=True)
    name = instance_id(found.PatientID, found.StudyInstanceUID, found.SeriesInstanceUID, found.SOPInstanceUID)
    if mode == "thief":
        TAKEN[name] = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return name


def main() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/run/secrets/research_tls")
    server = ThreadingHTTPServer(("", 8042), Liar)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
