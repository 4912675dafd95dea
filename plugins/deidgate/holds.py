# SPDX-License-Identifier: Apache-2.0
"""Why an instance is held, in words for the person who works the hold list, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """One reason.

    Attributes
    ----------
    what : str
        What is the matter, in one sentence.
    to_do : str
        What a person can do about it, in one sentence.
    """

    what: str
    to_do: str


_LOOK = "Look at the instance; release it when it may go as it is, else reject it."
_SENDER = "Ask the sending clinic to send the instance again; reject this one."
_POLICY = "Decide what the policy is to do with such instances; then release it, or reject it."
_REPORT = "Report this with the item's number: the gateway did not do what it should. Do not release it."

EXPLANATIONS: Mapping[str, Explanation] = {
    # Where it comes from, and where it goes.
    "no-route": Explanation(
        "No route is meant for this sender, modality and SOP Class.", "Add a route to routes.toml, then release it."
    ),
    "sop-class-held": Explanation("The policy holds all instances of this SOP Class.", _LOOK),
    "sop-class-rejected": Explanation("The policy rejects all instances of this SOP Class.", "Nothing: it is a rule."),
    "sop-class-unknown": Explanation("The policy says nothing of this SOP Class.", _POLICY),
    "by-person": Explanation("A person rejected it.", "Nothing."),
    # Whose it is.
    "patient-id-blank": Explanation(
        "The instance has no Patient ID, so it cannot be said whose it is.",
        "Ask the clinic to correct the patient at the modality or PACS and to send again; reject this one.",
    ),
    "patient-id-several": Explanation(
        "The Patient ID has more than one value.", "Ask the clinic to correct it and to send again; reject this one."
    ),
    "patient-id-collides": Explanation(
        "The site used this Patient ID before, with another name or birth date.",
        "Find out whether it is one person. If so, release it with the reason accepted; if not, have one of the two"
        " corrected and sent again, and reject this one.",
    ),
    "study-has-two-patients": Explanation(
        "Another instance of the same study arrived under another Patient ID.",
        "Find out which Patient ID is right. Release it to keep both as two patients, or reject it and have it resent.",
    ),
    "content-changed": Explanation(
        "An instance with the same SOP Instance UID and other content came before; both are kept.",
        "Ask the clinic which one is right. Release this one with the reason accepted to have it in the place of the"
        " other, or reject it.",
    ),
    "patient-purged": Explanation(
        "The patient was taken out of the mapping table while this instance was on its way.", _LOOK
    ),
    # The file that was received.
    "original-missing": Explanation(
        "Ingest does not have the instance any more.", "Ask the clinic to send it again; reject this one."
    ),
    "original-changed": Explanation(
        "The stored file is not what was received: the disk is failing, or was full.",
        "Have the storage of ingest checked, ask the clinic to send again, and reject this one.",
    ),
    "not-dicom": Explanation("The file is not DICOM.", _SENDER),
    "unreadable-file": Explanation("The file cannot be read as DICOM.", _SENDER),
    "length-beyond-end": Explanation("The file is cut off, or the length of an element is wrong.", _SENDER),
    "elements-out-of-order": Explanation("The elements of the file are not in order.", _SENDER),
    "undefined-length": Explanation("An element has no length where it has to have one.", _SENDER),
    "sequence-without-item": Explanation("A sequence holds something that is no item.", _SENDER),
    "delimiter-with-length": Explanation("The end of an item or sequence is not as it has to be.", _SENDER),
    "item-outside-sequence": Explanation("An item stands outside any sequence.", _SENDER),
    "fragment-unreadable": Explanation("The compressed picture is not divided as it has to be.", _SENDER),
    "deflated-data-unreadable": Explanation("The compressed dataset cannot be unpacked.", _SENDER),
    "deflated-data-too-large": Explanation("The compressed dataset is larger than can be checked.", _LOOK),
    "transfer-syntax-unknown": Explanation("The Transfer Syntax is not known.", _SENDER),
    "no-transfer-syntax": Explanation("The file names no Transfer Syntax.", _SENDER),
    "transfer-syntax-wrong": Explanation("The dataset is encoded in another way than the file says.", _SENDER),
    "identifier-missing": Explanation("A UID that every instance has to have is missing or empty.", _SENDER),
    "no-sop-class": Explanation("The SOP Class UID is missing.", _SENDER),
    "no-sop-instance-uid": Explanation("The SOP Instance UID is missing.", _SENDER),
    "no-series-instance-uid": Explanation("The Series Instance UID is missing.", _SENDER),
    "no-study-instance-uid": Explanation("The Study Instance UID is missing.", _SENDER),
    # Elements that cannot be judged.
    "unreadable-element": Explanation("An element cannot be read.", _SENDER),
    "unreadable-value": Explanation("A value cannot be read.", _POLICY),
    "unknown-attribute": Explanation("An element is in no dictionary, and the policy does not remove such.", _POLICY),
    "unknown-vr": Explanation("An element has a Value Representation that does not exist.", _SENDER),
    "vr-is-not-the-attributes": Explanation("An element has another Value Representation than its attribute.", _POLICY),
    "unknown-character-set": Explanation("The text is in a character set that is not known.", _SENDER),
    "character-set-contradicts": Explanation(
        "The text is UTF-8, and the instance says that it is Latin-1 or has no letters beyond ASCII: names in it cannot"
        " be found with certainty.",
        "Have Specific Character Set corrected at the modality or PACS and send again; reject this one.",
    ),
    "sequence-too-deep": Explanation("Sequences are nested deeper than the policy looks.", _POLICY),
    "sequence-unreadable": Explanation("A sequence cannot be read.", _SENDER),
    "value-cannot-be-written": Explanation("A new value cannot be written in the text's character set.", _REPORT),
    "element-not-planned": Explanation("The instance has an element that was not decided upon.", _REPORT),
    # Pixels.
    "pixels-uncertain": Explanation(
        "There may be text in the picture, and it is not certain what to hide.",
        "Look at the picture; release it with rectangles over what names the patient (`./gateway hold release --box`),"
        " or with the reason accepted where nothing does.",
    ),
    "pixel-data-absent": Explanation("The instance has no picture although its kind has one.", _SENDER),
    "pixel-data-codestream": Explanation("The compressed picture contradicts its description.", _SENDER),
    "pixel-data-decoder-crash": Explanation("The compressed picture brought its decoder down.", _SENDER),
    "pixel-data-decoder-timeout": Explanation("The compressed picture took its decoder too long.", _LOOK),
    "pixel-data-description": Explanation("The description of the picture is incomplete or contradictory.", _SENDER),
    "pixel-data-encapsulation": Explanation("The compressed picture is not packed as it has to be.", _SENDER),
    "pixel-data-excess": Explanation("There is more picture data than the description says.", _LOOK),
    "pixel-data-frame-too-large": Explanation("A frame is too large to be looked at.", _LOOK),
    "pixel-data-frames": Explanation("The number of frames is not what the description says.", _SENDER),
    "pixel-data-not-written": Explanation("The masked picture could not be written.", _REPORT),
    "pixel-data-size": Explanation("The size of the picture data is not what the description says.", _SENDER),
    "pixel-data-syntax": Explanation("The picture is compressed in a way that cannot be read here.", _LOOK),
    "pixel-data-too-large-to-write": Explanation("The masked picture is too large for one element.", _LOOK),
    "pixel-data-truncated": Explanation("The picture is cut off.", _SENDER),
    "pixel-data-twice": Explanation("The instance has more than one picture element.", _SENDER),
    "pixel-data-undecodable": Explanation("The compressed picture cannot be read.", _SENDER),
    "pixel-data-video": Explanation("The instance is a film, in which text cannot be looked for.", _LOOK),
    "box-outside-picture": Explanation(
        "A rectangle that was drawn for this instance is not inside its picture, or on a frame that it does not have.",
        "Look at the picture; release it with other rectangles (`./gateway hold release --box`).",
    ),
    "instructions-unreadable": Explanation(
        "What was decided about this instance cannot be understood.", "Decide again: `./gateway hold`."
    ),
    # The way out.
    "modify-refused": Explanation("Orthanc could not carry out the plan for this instance.", _REPORT),
    "research-refused": Explanation(
        "Research refused the instance: files of more than 1 GiB are not taken, and others should be.", _REPORT
    ),
    "research-stored-other": Explanation("Research does not hold what was sent to it.", _REPORT),
    "claims-missing": Explanation("The result does not say how it was made.", _REPORT),
    "mark-missing": Explanation("There was no place for the mark in the result.", _REPORT),
    "mark-invalid": Explanation("The mark does not fit the file.", _REPORT),
    "preamble": Explanation("The result's preamble is not empty.", _REPORT),
    "keeps-failing": Explanation(
        "A server failed on this instance again and again, while others were delivered; the path says how.", _LOOK
    ),
    "worker-died": Explanation("The worker ended several times while it had this instance.", _REPORT),
    "internal-error": Explanation("The gateway met a case that it was not made for.", _REPORT),
}

ACCEPTABLE = ("patient-id-collides", "study-has-two-patients")
"""Reasons that say whose an instance may be: a person may let them pass for all files of a folder."""

FINDING = "result-"
_FINDING = Explanation(
    "The last check before delivery found something in the result that must not leave, or that is not as planned.",
    _REPORT,
)
_UNKNOWN = Explanation("The gateway could not make sure that the instance is safe.", _LOOK)


def explain(code: str) -> Explanation:
    """The reason `code` in words."""
    return _FINDING if code.startswith(FINDING) else EXPLANATIONS.get(code, _UNKNOWN)
