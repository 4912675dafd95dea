# SPDX-License-Identifier: Apache-2.0
"""A small Orthanc in memory: the part of the Python SDK and of the REST API that Deidgate uses.

It fails where the real one fails: the received-instance callback fails open, the C-STORE filter and the HTTP filter
fail closed, a callback after storing is lost without a word. `tests/integration` compares it with the real one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from deidgate.gateway.orthanc_id import instance_id

SUCCESS = 0x0000
REFUSED = 0xA700


class FakeOrthancError(Exception):
    """What the SDK raises."""


@dataclass
class FakeInstance:
    """An instance on its way into the store, or in it."""

    data: bytes
    calling_aet: str = ""
    called_aet: str = ""

    def GetInstanceRemoteAet(self) -> str:
        return self.calling_aet

    def GetInstanceData(self) -> bytes:
        return self.data


@dataclass
class FakeOutput:
    """Where a REST callback answers."""

    content: str = ""
    mime: str = ""

    def AnswerBuffer(self, content: str, mime: str) -> None:
        self.content, self.mime = content, mime


@dataclass
class FakeOrthanc:
    """The module `orthanc`, with an empty store behind it."""

    ReceivedInstanceAction = SimpleNamespace(KEEP_AS_IS=1, MODIFY=2, DISCARD=3)
    InstanceOrigin = SimpleNamespace(UNKNOWN=1, DICOM_PROTOCOL=2, REST_API=3, PLUGIN=4, LUA=5, WEB_DAV=6)
    HttpMethod = SimpleNamespace(GET=1, POST=2, PUT=3, DELETE=4)
    StorageCommitmentFailureReason = SimpleNamespace(SUCCESS=0, PROCESSING_FAILURE=1, NO_SUCH_OBJECT_INSTANCE=2)
    ChangeType = SimpleNamespace(ORTHANC_STARTED=10, ORTHANC_STOPPED=11)
    OrthancException = FakeOrthancError

    instances: dict[str, FakeInstance] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    callbacks: dict[str, Callable[..., Any]] = field(default_factory=dict)
    routes: dict[str, Callable[..., None]] = field(default_factory=dict)
    changes: list[tuple[int, str, str]] = field(default_factory=list)
    received: str = "20260115T101500"
    put: dict[str, Any] = field(default_factory=dict)
    deaf: bool = False
    """Stored-instance callbacks are lost, as after a crash between commit and callback."""

    def RegisterIncomingCStoreInstanceFilter(self, callback: Callable[..., int]) -> None:
        self.callbacks["c-store"] = callback

    def RegisterReceivedInstanceCallback(self, callback: Callable[..., Any]) -> None:
        self.callbacks["received"] = callback

    def RegisterOnStoredInstanceCallback(self, callback: Callable[..., None]) -> None:
        self.callbacks["stored"] = callback

    def RegisterOnChangeCallback(self, callback: Callable[..., None]) -> None:
        self.callbacks["change"] = callback

    def RegisterIncomingHttpRequestFilter(self, callback: Callable[..., bool]) -> None:
        self.callbacks["http"] = callback

    def RegisterStorageCommitmentScpCallback(self, callback: Callable[..., Any], lookup: Callable[..., Any]) -> None:
        self.callbacks["commitment"] = callback
        self.callbacks["commitment-of"] = lookup

    def RegisterRestCallback(self, uri: str, callback: Callable[..., None]) -> None:
        self.routes[uri] = callback

    def LogWarning(self, message: str) -> None:
        self.log.append(message)

    # -- the doors ---------------------------------------------------------------------

    def c_store(self, data: bytes, calling_aet: str = "DEMO", called_aet: str = "DEIDGATE") -> int:
        """The DIMSE status that the sender gets."""
        kept = self._received(data, self.InstanceOrigin.DICOM_PROTOCOL)
        if kept is None:
            return SUCCESS  # what the real one answers for an instance that it throws away
        if orthanc_id_of(kept) in self.instances:
            return SUCCESS  # and the filter is not asked
        instance = FakeInstance(kept, calling_aet, called_aet)
        try:
            status = self.callbacks.get("c-store", lambda _: SUCCESS)(instance)
        except Exception:  # noqa: BLE001 -- as the real one
            return REFUSED
        if status == SUCCESS:
            self._store(instance)
        return int(status)

    def rest_store(self, data: bytes) -> str:
        """The status that ``POST /instances`` answers."""
        kept = self._received(data, self.InstanceOrigin.REST_API)
        return "FilteredOut" if kept is None else self._store(FakeInstance(kept))

    def http(self, user: str, method: str, uri: str) -> bool:
        """Whether a request passes the filter."""
        token = base64.b64encode(f"{user}:secret".encode()).decode()
        request = {"method": getattr(self.HttpMethod, method), "headers": {"authorization": f"Basic {token}"}}
        try:
            return bool(self.callbacks["http"](uri, **request))
        except Exception:  # noqa: BLE001 -- as the real one
            return False

    def ask(self, uri: str) -> str:
        """What a REST callback answers."""
        output = FakeOutput()
        self.routes[uri](output, uri, method=self.HttpMethod.GET)
        return output.content

    def delete(self, orthanc_id: str) -> None:
        """Delete an instance; its changes go with it, as in the real index."""
        del self.instances[orthanc_id]
        self.changes = [change for change in self.changes if change[2] != orthanc_id]

    # -- REST from inside ----------------------------------------------------------------

    def RestApiGet(self, uri: str) -> bytes:
        path, _, query = uri.partition("?")
        asked = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
        parts = path.strip("/").split("/")
        if parts == ["changes"]:
            return self._changes(asked)
        if parts == ["instances"]:
            since, limit = int(asked["since"]), int(asked["limit"])
            return json.dumps(sorted(self.instances)[since : since + limit]).encode()
        if parts[0] == "instances" and parts[1] in self.instances:
            return self._instance(self.instances[parts[1]], parts[2:])
        raise FakeOrthancError(uri)

    def RestApiPost(self, uri: str, body: str | bytes) -> bytes:
        if uri != "/tools/lookup":
            raise FakeOrthancError(uri)
        uids = {
            name: dcmread(BytesIO(one.data), stop_before_pixels=True).SOPInstanceUID
            for name, one in self.instances.items()
        }
        return json.dumps([{"Type": "Instance", "ID": name} for name, uid in uids.items() if uid == body]).encode()

    def RestApiPut(self, uri: str, body: str | bytes) -> bytes:
        self.put[uri] = json.loads(body)
        return b"{}"

    def _changes(self, asked: dict[str, str]) -> bytes:
        last = self.changes[-1][0] if self.changes else 0
        if "last" in asked:
            return json.dumps({"Changes": [], "Last": last, "Done": True}).encode()
        since, limit = int(asked["since"]), int(asked["limit"])
        found = [change for change in self.changes if change[0] > since]
        page = [{"Seq": seq, "ChangeType": kind, "ID": name} for seq, kind, name in found[:limit]]
        reached = page[-1]["Seq"] if page else since
        return json.dumps({"Changes": page, "Last": reached, "Done": len(found) <= limit}).encode()

    def _instance(self, instance: FakeInstance, rest: list[str]) -> bytes:
        header = dcmread(BytesIO(instance.data), stop_before_pixels=True)
        if not rest:
            tags = {name: str(header.get(name, "")) for name in ("StudyInstanceUID", "SOPInstanceUID")}
            return json.dumps({"RequestedTags": tags}).encode()
        if rest == ["metadata"]:
            told = {"RemoteAET": instance.calling_aet, "ReceptionDate": self.received}
            return json.dumps(told | ({"CalledAET": instance.called_aet} if instance.called_aet else {})).encode()
        if rest == ["attachments", "dicom", "info"]:
            return json.dumps(
                {"UncompressedMD5": hashlib.md5(instance.data, usedforsecurity=False).hexdigest()}
            ).encode()
        if rest == ["attachments", "dicom", "data"]:
            return instance.data
        raise FakeOrthancError("/".join(rest))

    def _received(self, data: bytes, origin: int) -> bytes | None:
        """What the received-instance callback keeps; None when it discards. Fails open."""
        try:
            action, instead = self.callbacks.get("received", lambda *_: (self.ReceivedInstanceAction.KEEP_AS_IS, None))(
                data, origin
            )
        except Exception:  # noqa: BLE001 -- as the real one
            return data
        if action == self.ReceivedInstanceAction.DISCARD:
            return None
        return instead if action == self.ReceivedInstanceAction.MODIFY else data

    def _store(self, instance: FakeInstance) -> str:
        name = orthanc_id_of(instance.data)
        if name in self.instances:
            return "AlreadyStored"
        self.instances[name] = instance
        last = self.changes[-1][0] if self.changes else 0
        self.changes += [(last + 1, "NewInstance", name), (last + 2, "NewSeries", "series")]
        if not self.deaf and "stored" in self.callbacks:
            self.callbacks["stored"](instance, name)
        return "Success"


def orthanc_id_of(data: bytes) -> str:
    """The Orthanc ID of a file."""
    header = dcmread(BytesIO(data), stop_before_pixels=True)
    names = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    return instance_id(*(str(header.get(name, "")) for name in names))


def modify(data: bytes, request: dict[str, Any]) -> bytes:
    """What ``POST /instances/{id}/modify`` answers."""
    dataset = dcmread(BytesIO(data))
    for path in request["Remove"]:
        where, tag = _find(dataset, path)
        if where is not None and tag in where:
            del where[tag]
    for path, value in request["Replace"].items():
        where, tag = _find(dataset, path)
        if where is not None:
            _set(where, tag, value)
    dataset.preamble = b"\0" * 128
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    for keyword in ("SourceApplicationEntityTitle", "ImplementationVersionName"):
        dataset.file_meta.pop(keyword, None)
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _find(dataset: Dataset, path: str) -> tuple[Dataset | None, Any]:
    *parents, last = path.split(".")
    for step in parents:
        name, _, number = step.rstrip("]").partition("[")
        tag = Tag("0x" + name.replace(",", ""))
        if tag not in dataset:
            return None, None
        dataset = dataset[tag].value[int(number)]
    return dataset, Tag("0x" + last.replace(",", ""))


def _set(dataset: Dataset, tag: Any, value: Any) -> None:
    vr = dataset[tag].VR if tag in dataset else dictionary_VR(tag)
    if isinstance(value, list):
        items = []
        for item in value:
            items.append(Dataset())
            for path, inner in item.items():
                _set(items[-1], Tag("0x" + path.replace(",", "")), inner)
        dataset.add_new(tag, "SQ", Sequence(items))
    elif value.startswith("data:"):
        dataset.add_new(tag, vr, base64.b64decode(value.partition("base64,")[2]))
    else:
        dataset.add_new(tag, vr, value.split("\\") if "\\" in value else value)
