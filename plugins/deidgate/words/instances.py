# SPDX-License-Identifier: Apache-2.0
"""Codes about one instance: why the gateway holds it, or why the toolbox does not do it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from deidgate.words.model import Words

# With files and the toolbox.
_AGAIN = "export it again from its source"
_ELEMENT = (
    "export it again from its source, or take the element out with `deidgate edit IN.dcm NEW.dcm --delete ADDRESS`"
)
_FATE = "if it is to be done, say so under [sop_classes] or [families] in a policy of your own (`deidgate policy copy`)"
_DECOMPRESS = "decompress it first, for example with dcmdjpeg, dcmdjpls or dcmdrle, or export it again from its source"
_REPORT = "report it with this line: the program did not do what it should"
# At the gateway.
_LOOK = "look at the instance; release it when it may go as it is, else reject it"
_SENDER = "ask the sending clinic to send the instance again; reject this one"
_POLICY = "decide what the policy is to do with such instances; then release it, or reject it"
_TO_US = "report this with the item's number: the gateway did not do what it should. Do not release it"

INSTANCES: Mapping[str, Words] = MappingProxyType(
    {
        # Where it comes from, and where it goes.
        "no-route": Words(
            "no route is meant for this sender, modality and SOP Class",
            "",
            "add a route to routes.toml, then release it",
        ),
        "sop-class-held": Words("the policy holds all instances of this SOP Class", _FATE, _LOOK),
        "sop-class-rejected": Words(
            "the policy rejects all instances of this SOP Class", _FATE, "nothing: it is a rule"
        ),
        "sop-class-unknown": Words("the policy says nothing of this SOP Class", _FATE, _POLICY),
        "by-person": Words("a person rejected it", "", "nothing"),
        # Whose it is.
        "patient-id-blank": Words(
            "the instance has no Patient ID, so it cannot be said whose it is",
            "give it one with `deidgate edit IN.dcm NEW.dcm --add PatientID=...` (or, when it is made, `deidgate"
            " convert --patient-id`), and run on the new file",
            "ask the clinic to correct the patient at the modality or PACS and to send again; reject this one",
        ),
        "patient-id-several": Words(
            "the Patient ID has more than one value",
            "give it one with `deidgate edit IN.dcm NEW.dcm --set PatientID=...`, and run on the new file",
            "ask the clinic to correct it and to send again; reject this one",
        ),
        "patient-id-collides": Words(
            "this Patient ID was used before, with another name or birth date",
            "if it is right as it is, run again with --accept patient-id-collides",
            "find out whether it is one person. If so, release it with the reason accepted; if not, have one of the"
            " two corrected and sent again, and reject this one",
        ),
        "study-has-two-patients": Words(
            "another instance of the same study came under another Patient ID",
            "if it is right as it is, run again with --accept study-has-two-patients",
            "find out which Patient ID is right. Release it to keep both as two patients, or reject it and have it"
            " resent",
        ),
        "content-changed": Words(
            "an instance with the same SOP Instance UID and other content came before; both are kept",
            "",
            "ask the clinic which one is right. Release this one with the reason accepted to have it in the place of"
            " the other, or reject it",
        ),
        "patient-purged": Words(
            "the patient was taken out of the mapping table while this instance was on its way", "", _LOOK
        ),
        # The file that was received.
        "original-missing": Words(
            "ingest does not have the instance any more", "", "ask the clinic to send it again; reject this one"
        ),
        "original-changed": Words(
            "the stored file is not what was received: the disk is failing, or was full",
            "",
            "have the storage of ingest checked, ask the clinic to send again, and reject this one",
        ),
        "not-dicom": Words(
            "the file is not DICOM",
            "give DICOM; `deidgate run --copy-other` copies other files as they are (nothing in them is cleaned)",
            _SENDER,
        ),
        "unreadable-file": Words(
            "the file cannot be read", "see that this user may read it, and that it is whole", _SENDER
        ),
        "length-beyond-end": Words("the file is cut off, or the length of an element is wrong", _AGAIN, _SENDER),
        "elements-out-of-order": Words("the elements of the file are not in order", _AGAIN, _SENDER),
        "undefined-length": Words("an element has no length where it has to have one", _AGAIN, _SENDER),
        "sequence-without-item": Words("a sequence holds something that is no item", _AGAIN, _SENDER),
        "delimiter-with-length": Words("the end of an item or sequence is not as it has to be", _AGAIN, _SENDER),
        "item-outside-sequence": Words("an item stands outside any sequence", _AGAIN, _SENDER),
        "fragment-unreadable": Words("the compressed picture is not divided as it has to be", _AGAIN, _SENDER),
        "deflated-data-unreadable": Words("the compressed dataset cannot be unpacked", _AGAIN, _SENDER),
        "deflated-data-too-large": Words(
            "the compressed dataset is larger than can be checked", "inflate it first, for example with dcmconv", _LOOK
        ),
        "transfer-syntax-unknown": Words(
            "its Transfer Syntax is private or not known", "convert it at its source", _SENDER
        ),
        "no-transfer-syntax": Words("the file names no Transfer Syntax", _AGAIN, _SENDER),
        "transfer-syntax-wrong": Words("the dataset is encoded in another way than the file says", _AGAIN, _SENDER),
        "identifier-missing": Words(
            "a UID that every instance has to have is missing or empty",
            "export it again from its source; `deidgate edit IN.dcm NEW.dcm --new-uids` makes an instance of its own"
            " of it",
            _SENDER,
        ),
        "no-sop-class": Words("the SOP Class UID is missing", _AGAIN, _SENDER),
        "no-sop-instance-uid": Words("the SOP Instance UID is missing", _AGAIN, _SENDER),
        "no-series-instance-uid": Words("the Series Instance UID is missing", _AGAIN, _SENDER),
        "no-study-instance-uid": Words("the Study Instance UID is missing", _AGAIN, _SENDER),
        # Elements that cannot be judged.
        "unreadable-element": Words("an element cannot be read", _ELEMENT, _SENDER),
        "unreadable-value": Words("a value cannot be read", _ELEMENT, _POLICY),
        "unknown-attribute": Words(
            "an element is in no dictionary, and the policy does not remove such",
            "let `unknown` under [defaults] of the policy remove it, or take the element out with `deidgate edit"
            " IN.dcm NEW.dcm --delete ADDRESS`",
            _POLICY,
        ),
        "unknown-vr": Words("an element has a Value Representation that does not exist", _AGAIN, _SENDER),
        "vr-is-not-the-attributes": Words(
            "an element has another Value Representation than its attribute", _ELEMENT, _POLICY
        ),
        "unknown-character-set": Words(
            "the text is in a character set that is not known",
            "export it again from its source, or set Specific Character Set to what the text is in with `deidgate edit"
            " IN.dcm NEW.dcm --set SpecificCharacterSet=...`",
            _SENDER,
        ),
        "character-set-contradicts": Words(
            "the text is UTF-8, and the instance says that it is Latin-1 or has no letters beyond ASCII: names in it"
            " cannot be found with certainty",
            "export it again from its source with the right Specific Character Set, or change that alone with a tool"
            " that leaves the text as it is, such as dcmodify",
            "have Specific Character Set corrected at the modality or PACS and send again; reject this one",
        ),
        "sequence-too-deep": Words(
            "sequences are nested deeper than the policy looks",
            "raise `depth` under [defaults] of the policy (64 at most), or let `deep` remove what lies deeper",
            _POLICY,
        ),
        "sequence-unreadable": Words("a sequence cannot be read", _ELEMENT, _SENDER),
        "value-cannot-be-written": Words("a new value cannot be written in the text's character set", _REPORT, _TO_US),
        "element-not-planned": Words("the instance has an element that was not decided upon", _REPORT, _TO_US),
        # Pixels.
        "pixels-uncertain": Words(
            "there may be text in the picture, or it could not be looked at, and it is not certain what to hide",
            "look at the picture: hide what names the patient with `deidgate blank`, and run on the new file with a"
            " policy without clean-pixel-data",
            "look at the picture; release it with rectangles over what names the patient (`./gateway hold release"
            " --box`), or with the reason accepted where nothing does",
        ),
        "box-outside-picture": Words(
            "a rectangle is not inside the picture, or on a frame that it does not have",
            "it is top left bottom right, half-open",
            "look at the picture; release it with other rectangles (`./gateway hold release --box`)",
        ),
        "pixel-data-absent": Words(
            "the instance has no picture although its kind has one",
            "nothing, if it is to have none; else export it again from its source",
            _SENDER,
        ),
        "pixel-data-codestream": Words("the compressed picture contradicts its description", _AGAIN, _SENDER),
        "pixel-data-decoder-crash": Words("the compressed picture brought its decoder down", _AGAIN, _SENDER),
        "pixel-data-decoder-timeout": Words("the compressed picture took its decoder too long", _DECOMPRESS, _LOOK),
        "pixel-data-description": Words(
            "the description of the picture is incomplete or contradictory", _AGAIN, _SENDER
        ),
        "pixel-data-encapsulation": Words("the compressed picture is not packed as it has to be", _AGAIN, _SENDER),
        "pixel-data-excess": Words(
            "there is more picture data than the description says",
            "correct Rows, Columns or Number of Frames with `deidgate edit`, or export it again from its source",
            _LOOK,
        ),
        "pixel-data-frame-too-large": Words(
            "a frame is too large to be looked at", "make its frames smaller at the source", _LOOK
        ),
        "pixel-data-frames": Words("the number of frames is not what the description says", _AGAIN, _SENDER),
        "pixel-data-not-written": Words("the masked picture could not be written", _REPORT, _TO_US),
        "pixel-data-size": Words("the size of the picture data is not what the description says", _AGAIN, _SENDER),
        "pixel-data-syntax": Words("the picture is compressed in a way that cannot be read here", _DECOMPRESS, _LOOK),
        "pixel-data-too-large-to-write": Words(
            "the masked picture is too large for one element", "compress it first, or split it at its source", _LOOK
        ),
        "pixel-data-truncated": Words("the picture is cut off", _AGAIN, _SENDER),
        "pixel-data-twice": Words("the instance has more than one picture element", _AGAIN, _SENDER),
        "pixel-data-undecodable": Words("the compressed picture cannot be read", _DECOMPRESS, _SENDER),
        "pixel-data-video": Words(
            "the instance is a film, in which text cannot be looked for",
            "take its frames out with a program for films; here a film is neither shown nor changed",
            _LOOK,
        ),
        "instructions-unreadable": Words(
            "what was decided about this instance cannot be understood", "", "decide again: `./gateway hold`"
        ),
        # The way out.
        "modify-refused": Words("Orthanc could not carry out the plan for this instance", "", _TO_US),
        "research-refused": Words(
            "research refused the instance: files of more than 1 GiB are not taken, and others should be", "", _TO_US
        ),
        "research-stored-other": Words("research does not hold what was sent to it", "", _TO_US),
        "claims-missing": Words("the result does not say how it was made", _REPORT, _TO_US),
        "mark-missing": Words("there was no place for the mark in the result", _REPORT, _TO_US),
        "mark-invalid": Words("the mark does not fit the file", _REPORT, _TO_US),
        "preamble": Words("the result's preamble is not empty", _REPORT, _TO_US),
        "keeps-failing": Words(
            "a server failed on this instance again and again, while others were delivered; the path says how",
            "",
            _LOOK,
        ),
        "worker-died": Words(
            "the program that worked on it was ended, more than once (often: out of memory)",
            "run it alone, with --jobs 1",
            _TO_US,
        ),
        "internal-error": Words(
            "the program met a case that it was not made for",
            "report it with the name of the error that this line has",
            _TO_US,
        ),
    }
)
"""Code: its words."""

ACCEPTABLE = ("patient-id-collides", "study-has-two-patients")
"""Reasons that say whose an instance may be: a person may let them pass for all files of a folder."""

FINDING = "result-"
"""What codes of the last check begin with."""

ABOUT_FINDINGS = Words(
    "the last check found something in the result that must not leave, or that is not as planned", _REPORT, _TO_US
)
