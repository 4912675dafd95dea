# SPDX-License-Identifier: Apache-2.0
"""Orthanc's REST API: a call gives a valid answer or raises.

One client is for one thread: connections are kept and used again. `requests` (urllib3) sets TCP_NODELAY on them,
without which every answer waits for a delayed acknowledgement.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from deidgate.errors import DeidgateError, Unavailable

_LOST_AFTER_S = 12
"""A peer whose machine or network is gone is given up after so long; one that is slow is waited for `timeout_s`."""

_SOCKET_OPTIONS = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _LOST_AFTER_S // 3),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _LOST_AFTER_S // 3),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _LOST_AFTER_S * 1000),
]


class _Adapter(HTTPAdapter):
    """Connections that find out by themselves when nobody is there any more."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named, socket_options=_SOCKET_OPTIONS)


class Refused(DeidgateError):
    """Orthanc answered, and the answer is no: the HTTP status is in `status`."""

    def __init__(self, server: str, status: int) -> None:
        super().__init__(f"{server}-refused", str(status))
        self.status = status


@dataclass(frozen=True, slots=True)
class Server:
    """Where an Orthanc is and how to speak to it."""

    name: str
    """For codes of errors: ``ingest`` or ``research``."""
    url: str
    user: str
    password: str
    ca: str
    """Path of the certificate that the server's own has to be signed by."""
    timeout_s: float = 60.0
    """Seconds for an answer to begin, and between two parts of it."""

    def __repr__(self) -> str:
        return f"Server({self.name!r}, {self.url!r})"


class OrthancClient:
    """One kept-alive connection to one Orthanc."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session = requests.Session()
        self._session.auth = (server.user, server.password)
        self._session.verify = server.ca
        # A machine's proxy settings are for the internet; both servers are next door.
        self._session.trust_env = False
        self._session.mount(server.url, _Adapter(pool_connections=1, pool_maxsize=1, max_retries=0))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def get_bytes(self, path: str) -> bytes:
        """The body at `path`.

        Raises
        ------
        Refused
            The status is 4xx.
        Unavailable
            No answer in time, or the status is 5xx.
        """
        with self._answer("GET", path, stream=True) as answer:
            return _body(answer)

    def get_json(self, path: str) -> Any:
        """The JSON at `path`; raises as `get_bytes`."""
        with self._answer("GET", path) as answer:
            return answer.json()

    def post_json(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer to a JSON question; raises as `get_bytes`."""
        with self._answer("POST", path, json=body) as answer:
            return answer.json()

    def post_for_bytes(self, path: str, body: Mapping[str, Any]) -> bytes:
        """The bytes that answer a JSON question; raises as `get_bytes`."""
        with self._answer("POST", path, json=body, stream=True) as answer:
            return _body(answer)

    def post_bytes(self, path: str, body: bytes) -> Any:
        """The JSON that answers a file; raises as `get_bytes`."""
        with self._answer("POST", path, data=body, headers={"Content-Type": "application/dicom"}) as answer:
            return answer.json()

    def delete(self, path: str) -> None:
        """Delete what is at `path`; raises as `get_bytes`."""
        with self._answer("DELETE", path):
            pass

    @contextmanager
    def _answer(self, method: str, path: str, **arguments: Any) -> Iterator[requests.Response]:
        name = self._server.name
        try:
            answer = self._session.request(
                method, self._server.url + path, timeout=(10.0, self._server.timeout_s), **arguments
            )
            with answer:
                if answer.status_code >= 500:
                    raise Unavailable(f"{name}-error", str(answer.status_code))
                if answer.status_code in (401, 403):
                    # A wrong password is the operator's matter and passes; the instance has no part in it.
                    raise Unavailable(f"{name}-forbids", str(answer.status_code))
                if answer.status_code >= 400:
                    raise Refused(name, answer.status_code)
                yield answer
        except requests.exceptions.SSLError:
            raise Unavailable(f"{name}-certificate") from None
        except requests.exceptions.JSONDecodeError:
            raise Unavailable(f"{name}-answer-unreadable") from None
        # Of a body that is read from the connection itself (`_body`), the errors are not those of `requests`.
        except (requests.exceptions.RequestException, HTTPError) as error:
            raise Unavailable(f"{name}-unavailable", type(error).__name__) from None


def _body(answer: requests.Response) -> bytes:
    """The whole body, read into memory once where its length is known: a file may be as large as a gigabyte."""
    length = int(answer.headers.get("Content-Length", -1))
    if length < 0 or answer.headers.get("Content-Encoding"):
        return answer.content
    body = answer.raw.read(length)
    if len(body) != length:
        raise requests.exceptions.ConnectionError
    return bytes(body)
