# SPDX-License-Identifier: Apache-2.0
"""Servers that answer from sets, for what looks at the ledger and at them."""

from deidgate.errors import CannotDeidentify, Unavailable
from deidgate.orthanc_io.client import Refused


def content(orthanc_id):
    """The file that is stored under an Orthanc ID, where nothing else is said."""
    return bytes(128) + b"DICM" + orthanc_id.encode()


class Listing:
    """An Orthanc that knows Orthanc IDs only."""

    def __init__(self, ids=()):
        self.ids = set(ids)
        self.deleted = []
        self.fails_after = None
        self.digests = {}
        self.files = {}

    def read(self, orthanc_id):
        if self.fails_after is not None and len(self.deleted) >= self.fails_after:
            raise Unavailable("server-unavailable")
        if orthanc_id not in self.ids:
            raise CannotDeidentify("original-missing")
        return self.files.get(orthanc_id, content(orthanc_id))

    def get_json(self, path):
        if path.startswith("/instances?"):
            since = int(path.partition("since=")[2].partition("&")[0])
            return sorted(self.ids)[since : since + 2]
        if path.rpartition("/")[2] in self.ids:
            return {}
        raise Refused("server", 404)

    def withdraw(self, orthanc_id):
        self.delete(orthanc_id)

    def delete(self, orthanc_id):
        if self.fails_after is not None and len(self.deleted) >= self.fails_after:
            raise Unavailable("server-unavailable")
        self.ids.discard(orthanc_id)
        self.deleted.append(orthanc_id)
        return True

    def holds(self, orthanc_id, md5):
        return self.digest_of(orthanc_id) == md5

    def digest_of(self, orthanc_id):
        return self.digests.get(orthanc_id, "r") if orthanc_id in self.ids else None
