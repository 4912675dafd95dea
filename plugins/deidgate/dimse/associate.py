# SPDX-License-Identifier: Apache-2.0
"""The two PDUs that a gate in front of an archive has to know: who asks, and the answer no.

Source: PS3.8 sections 9.3.2 (A-ASSOCIATE-RQ) and 9.3.4 (A-ASSOCIATE-RJ).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

ASSOCIATE_RQ = 0x01
ASSOCIATE_RJ = 0x03
HEADER_BYTES = 6
# Protocol version, reserved, called and calling AE title, 32 reserved: what precedes the variable items.
FIXED_BYTES = 68
# A request with hundreds of presentation contexts is some 60 kB; what is longer is not one.
LONGEST_REQUEST = 1 << 20


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """Who asks for an association, and whom.

    Attributes
    ----------
    called_aet, calling_aet : str
        AE titles without padding.
    """

    called_aet: str
    calling_aet: str


class Refusal(Enum):
    """Answers that refuse an association: result, source, reason (PS3.8 Table 9-21)."""

    NO_REASON_GIVEN = (1, 1, 1)
    CALLED_AE_NOT_RECOGNIZED = (1, 1, 7)
    CALLING_AE_NOT_RECOGNIZED = (1, 1, 3)
    TEMPORARY_CONGESTION = (2, 3, 1)
    LOCAL_LIMIT_EXCEEDED = (2, 3, 2)

    @property
    def code(self) -> str:
        """Its name in logs and figures."""
        return self.name.lower().replace("_", "-")

    def pdu(self) -> bytes:
        """The A-ASSOCIATE-RJ PDU, 10 bytes."""
        return struct.pack(">BBIBBBB", ASSOCIATE_RJ, 0, 4, 0, *self.value)


def request_length(header: bytes) -> int | None:
    """Bytes that follow the 6-byte `header` of an A-ASSOCIATE-RQ; None when it does not begin one."""
    kind, _, length = struct.unpack(">BBI", header)
    return length if kind == ASSOCIATE_RQ and FIXED_BYTES <= length <= LONGEST_REQUEST else None


def read_request(body: bytes) -> AssociateRequest:
    """The request whose PDU, without its 6-byte header, is `body` (at least 68 bytes)."""
    called, calling = struct.unpack_from(">4x16s16s", body)
    return AssociateRequest(_title(called), _title(calling))


def normalised(body: bytes, request: AssociateRequest) -> bytes:
    """`body` with the AE titles as `request` has them: who comes next must not read them in another way.

    Spaces around a title mean nothing (PS3.8 9.3.2); not every archive takes off those in front.
    """
    titles = (title.encode("ascii").ljust(16) for title in (request.called_aet, request.calling_aet))
    return body[:4] + b"".join(titles) + body[36:]


def _title(raw: bytes) -> str:
    # ISO 646 only (PS3.8 9.3.2); what is not, matches no site.
    return raw.decode("ascii", errors="replace").rstrip(" \0").lstrip(" ")
