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
_REPORT = "Report this with the item's number: the gateway did not do what it should. Do not release it."

EXPLANATIONS: Mapping[str, Explanation] = {
    # Where it comes from, and where it goes.
    "no-route": Explanation(
        "No route is meant for this sender, modality and SOP Class.", "Add a route to routes.toml, then release it."
    ),
    # Whose it is.
    "patient-id-blank": Explanation(
        "The instance has no Patient ID, so it cannot be said whose it is.",
        "Ask the clinic to correct the patient at the modality or PACS and to send again; reject this one.",
    ),
    "patient-id-several": Explanation(
        "The Patient ID has more than one value.", "Ask the clinic to correct it and to send again; reject this one."
    ),
    "study-has-two-patients": Explanation(
        "Another instance of the same study arrived under another Patient ID.",
        "Find out which Patient ID is right. Release it to keep both as two patients, or reject it and have it resent.",
    ),
    "content-changed": Explanation(
        "An instance with the same SOP Instance UID and other content was delivered before.",
        "Compare the two. Release it to replace what research has, or reject it.",
    ),
    # What was read.
    "original-missing": Explanation(
        "Ingest does not have the instance any more.", "Ask the clinic to send it again; reject this one."
    ),
    "original-changed": Explanation(
        "The stored file is not what was received: the disk may be failing.",
        "Have the storage of ingest checked, ask the clinic to send again, and reject this one.",
    ),
    "unreadable-file": Explanation("The file cannot be read as DICOM.", _SENDER),
    "unreadable-element": Explanation("An element cannot be read.", _SENDER),
    "identifier-missing": Explanation("A UID that every instance has to have is missing or empty.", _SENDER),
    # Pixels.
    "pixels-uncertain": Explanation(
        "There may be text in the picture, and it is not certain what to hide.",
        "Look at the picture, draw rectangles over what names the patient, and release it.",
    ),
    "instructions-unreadable": Explanation(
        "What was decided about this instance cannot be understood.", "Decide again in the console."
    ),
    # The way out.
    "modify-refused": Explanation("Orthanc could not carry out the plan for this instance.", _REPORT),
    "research-refused": Explanation("Research refused the instance.", _REPORT),
    "research-stored-other": Explanation("Research does not hold what was sent to it.", _REPORT),
    "claims-missing": Explanation("The result does not say how it was made.", _REPORT),
    "mark-missing": Explanation("There was no place for the mark in the result.", _REPORT),
    "mark-invalid": Explanation("The mark does not fit the file.", _REPORT),
    "not-dicom": Explanation("The result is not a DICOM file.", _REPORT),
    "preamble": Explanation("The result's preamble is not empty.", _REPORT),
    "keeps-failing": Explanation("Orthanc failed on this instance again and again.", _LOOK),
    "worker-died": Explanation("The worker ended several times while it had this instance.", _REPORT),
    "internal-error": Explanation("The gateway met a case that it was not made for.", _REPORT),
}

_UNKNOWN = Explanation("The gateway could not make sure that the instance is safe.", _LOOK)


def explain(code: str) -> Explanation:
    """The reason `code` in words."""
    return EXPLANATIONS.get(code, _UNKNOWN)
