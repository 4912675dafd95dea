# SPDX-License-Identifier: Apache-2.0
"""Every code of a finding, with what it means, the gravest first: the first finding is the reason of a hold.

A fault in the bytes of an original has the code of the fault with ``original-`` before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BYTES: Mapping[str, str] = MappingProxyType(
    {
        "not-part-10": "The bytes are no DICOM file.",
        "transfer-syntax-missing": "The file does not say how it is encoded.",
        "transfer-syntax-unknown": "The file names a transfer syntax that the standard does not know.",
        "deflated-stream-broken": "The deflated dataset ends too early or is damaged.",
        "deflated-stream-too-large": "The deflated dataset inflates beyond every bound.",
        "length-beyond-end": "An element claims to be longer than what holds it.",
        "element-cut-off": "The file ends inside the header of an element.",
        "bytes-left-over": "Bytes are left that are no element.",
        "vr-unknown": "An element has a value representation that does not exist.",
        "undefined-length-not-allowed": "An element that must say its length does not.",
        "nested-too-deep": "Sequences are nested deeper than any reader should follow.",
        "too-many-elements": "The file has more elements than any instance needs.",
        "item-expected": "A sequence holds something that is no item.",
        "item-beyond-sequence": "An item claims to be longer than its sequence.",
        "sequence-not-closed": "A sequence does not end.",
        "delimiter-missing": "An item does not end.",
        "delimiter-out-of-place": "A delimiter stands where nothing is to be ended.",
        "delimiter-with-length": "A delimiter claims to have a value.",
        "fragments-not-closed": "Encapsulated pixel data do not end.",
        "fragment-expected": "Encapsulated pixel data hold something that is no fragment.",
        "offset-table-missing": "Encapsulated pixel data have no offset table.",
    }
)
"""What a reader cannot step over."""

FINDINGS: Mapping[str, str] = MappingProxyType(
    {
        **BYTES,
        "name-left": "A person's name of the original is in the result.",
        "short-name-left": "A short name of the patient is in a text of the result.",
        "identifier-left": "An identifier, address or number of the original is in the result.",
        "uid-left": "A UID of the original is in the result.",
        "date-left": "A date of the original is in a text of the result.",
        "birth-date-left": "A birth date that is not kept can be read from another attribute.",
        "age-left": "A content item tells an age over 89.",
        "birth-year-left": "A year of birth tells an age over 89, which the policy does not tell.",
        "device-left": "A device or application of the original is named in the result.",
        "name-kept": "A person's name that no rule speaks about was kept.",
        "uid-kept": "A UID that no rule speaks about was kept.",
        "content-not-cleaned": "A content item still says what Table E.3.4-1 does not let stay.",
        "row-not-met": "An attribute has more left than Table E.1-1 permits under the claimed codes.",
        "date-not-modified": "A date is unchanged although modified dates are claimed.",
        "private-left": "A private attribute is left although none is claimed to be retained.",
        "private-not-safe": "A private attribute is left that neither the standard nor the policy calls safe.",
        "private-without-creator": "A private attribute stands in a block that nobody reserved.",
        "private-creator-changed": "A private block has another creator than in the original.",
        "overlay-left": "An overlay plane is left.",
        "overlay-bits-left": "An overlay is left in unused bits of the pixels.",
        "preamble-not-zero": "The preamble holds something.",
        "file-meta-extra": "The file meta information holds what a new one does not have.",
        "codestream-metadata": "A compressed picture carries metadata, or bytes behind its end.",
        "codestream-text": "A compressed picture carries a text that nobody needs to decode it.",
        "picture-beyond-frames": "A compressed picture is there that no frame or no offset table names.",
        "pixels-uncertain": "What stands in the pixels is not certain.",
        "mask-not-constant": "A masked box is not blank on every frame and plane.",
        "pixels-changed": "Pixels outside of masks are not those of the original.",
        "pixels-not-decodable": "The pixels cannot be decoded.",
        "frame-count-changed": "The number of frames is not that of the original.",
        "pixel-format-changed": "Size or bits of the pixels are not those of the original.",
        "pixel-data-lost": "The pixels are gone.",
        "pixel-data-added": "The result has pixels that the original has not.",
        "not-removed": "An element is left that the plan removes.",
        "not-as-planned": "An element has another value than the plan says.",
        "not-in-plan": "An element is left that the plan does not know.",
        "lost": "An element is gone that the plan keeps or adds.",
        "element-added": "The result has an element that the original and the plan do not have.",
        "items-changed": "A sequence has another number of items.",
        "kept-value-changed": "A kept element has another value.",
        "vr-changed": "A kept element has another value representation.",
        "identity-not-as-planned": "A UID of the instance is not the planned one.",
        "identity-missing": "The result lacks its SOP Class or SOP Instance UID.",
        "uid-not-consistent": "One UID became two.",
        "uid-not-unique": "Two UIDs became one.",
        "uid-count-changed": "A list of UIDs has another length.",
        "uid-malformed": "A new UID is none.",
        "standard-uid-changed": "A UID of the standard was replaced.",
        "type-1-missing": "A Type 1 attribute was lost.",
        "type-1-empty": "A Type 1 attribute was emptied.",
        "type-2-missing": "A Type 2 attribute was lost.",
        "claim-too-bold": "The result claims more than was done.",
        "claim-contradicts": "Two claims contradict each other.",
        "claim-wrong": "A claim is not true.",
        "claim-not-planned": "A method code is claimed that the plan does not have.",
        "claim-missing": "A claim is missing.",
        "claim-repeated": "A claim is made twice.",
        "claim-code-wrong": "A method code has not its own meaning.",
        "claim-too-long": "A de-identification method is too long for its value representation.",
        "charset-contradicted": "A text is in UTF-8 although another character set is declared.",
        "charset-unknown": "A text is in a character set that the standard does not know.",
        "unknown-element": "An element is in no dictionary.",
        "vr-wrong": "An element has not its own value representation.",
        "group-not-allowed": "An element does not belong into a dataset.",
        "group-length-left": "A group length is left.",
        "element-order": "Elements are not in order, or one stands twice.",
        "odd-length": "A value has an odd length.",
        "reserved-bytes-used": "Reserved bytes hold something.",
        "bytes-behind-deflated-stream": "Bytes follow the deflated dataset.",
        "file-meta-missing": "The file meta information lacks an element.",
        "file-meta-differs": "The file meta information names another instance than the dataset.",
        "file-meta-length-wrong": "The length of the file meta information is wrong.",
        "file-meta-version-wrong": "The version of the file meta information is wrong.",
    }
)
"""All codes but those of originals, the gravest first."""

ORIGINALS: Mapping[str, str] = MappingProxyType(
    {f"original-{code}": f"In the original: {text[0].lower()}{text[1:]}" for code, text in BYTES.items()}
)
"""Codes of originals that the gate cannot read."""

_GRAVITY: Mapping[str, int] = MappingProxyType({code: place for place, code in enumerate((*ORIGINALS, *FINDINGS))})


def gravity(code: str) -> int:
    """Place of `code` among all, the gravest first."""
    return _GRAVITY[code]
