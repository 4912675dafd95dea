# SPDX-License-Identifier: Apache-2.0
"""What a code in a report means, and what to do about it.

Codes of the engine (`deidgate.errors`, verify) that are not listed here speak for themselves and get the general
advice.
"""

from __future__ import annotations

from dataclasses import dataclass

from deidgate.convert.missing import how_to_install
from deidgate.files.refusals import REFUSALS
from deidgate.holds import ACCEPTABLE, EXPLANATIONS, FINDING, explain


@dataclass(frozen=True)
class Meaning:
    """A sentence each, without a value of any element."""

    what: str
    do: str


MEANINGS: dict[str, Meaning] = {
    # Input that was not read.
    "input-missing": Meaning("there is no such file or folder", "check the path"),
    "unreadable-file": Meaning("the file cannot be read", "see that this user may read it, and that it is whole"),
    "unreadable-folder": Meaning("the folder cannot be opened", "give this user the right to read it, and run again"),
    "vanished": Meaning("the file went away while the folder was read", "run again if it should be there"),
    "changed-while-read": Meaning(
        "somebody wrote to the file while it was read", "run again when nobody writes to the input any more"
    ),
    "dangling-link": Meaning("the link leads nowhere", "remove the link or restore what it names"),
    "symlink-loop": Meaning("the link leads back into the input", "nothing: what it names is visited in its own place"),
    "not-a-regular-file": Meaning("a pipe, socket, device or link", "nothing: it holds no image"),
    "empty-file": Meaning("the file has no bytes", "export it again from its source"),
    # Input that is not DICOM.
    "not-dicom": Meaning(
        "the file is not DICOM",
        "give DICOM; `deidgate run --copy-other` copies other files as they are (nothing in them is cleaned)",
    ),
    "not-dicom-picture": Meaning("a picture, not DICOM", "turn it into DICOM with `deidgate convert` first"),
    "not-dicom-nifti": Meaning("a NIfTI volume, not DICOM", "turn it into DICOM with `deidgate convert` first"),
    "not-dicom-pdf": Meaning("a PDF, not DICOM", "use `deidgate redact-pdf` on forms"),
    "copied-other": Meaning("copied as it is: nothing in it was cleaned", "look at it before it is given away"),
    # Archives.
    "archive-unsupported": Meaning("an archive of a kind that is not read", "unpack it and run on the folder"),
    "password-protected": Meaning(
        "the archive or member is encrypted", "unpack it with its password and run on the folder"
    ),
    "path-traversal": Meaning(
        "the member's name leads outside the archive", "do not trust this archive; unpack what you know by hand"
    ),
    "compression-unsupported": Meaning(
        "compressed in a way that is not read", "pack it again with deflate, or unpack it"
    ),
    "damaged-archive": Meaning(
        "the archive is damaged or cut off", "get it again; members before the damage were done"
    ),
    "damaged-archive-member": Meaning("the member is damaged", "get the archive again"),
    "archive-too-large": Meaning(
        "the archive unfolds to more than the limits allow",
        "unpack it by hand if you trust it, or raise --max-unfolded",
    ),
    "archive-incomplete": Meaning("not every member could be done", "see the lines of its members"),
    "archive-without-dicom": Meaning("the archive holds no DICOM", "nothing"),
    "archive-not-written": Meaning("the result archive could not be written", "see the line of the archive"),
    # DICOM that cannot be done.
    "patient-id-blank": Meaning(
        "the file has no Patient ID, so it cannot be said whose it is",
        "give it one with `deidgate edit IN.dcm NEW.dcm --add PatientID=...` (or, when it is made, `deidgate convert"
        " --patient-id`), and run on the new file",
    ),
    "identifier-missing": Meaning(
        "a UID that every instance has to have is missing or empty",
        "export it again from its source; `deidgate edit IN.dcm NEW.dcm --new-uids` makes an instance of its own of it",
    ),
    "vr-is-not-the-attributes": Meaning(
        "an element has another Value Representation than its attribute",
        "export it again from its source, or take the element out with `deidgate edit IN.dcm NEW.dcm --delete ADDRESS`",
    ),
    "unreadable-value": Meaning(
        "a value cannot be read",
        "export it again from its source, or take the element out with `deidgate edit IN.dcm NEW.dcm --delete ADDRESS`",
    ),
    "dicomdir": Meaning("the directory of the medium", "nothing: it is made anew for the results"),
    "dicomdir-dropped": Meaning(
        "the directory of a medium, and none is made for its results",
        "unpack an archive to have one made, or use `deidgate dicomdir rebuild`",
    ),
    "dicomdir-redacted": Meaning(
        "the directory of a medium: identifying values are overwritten in their places",
        "`deidgate dicomdir redact --list` names them; look at it before it is given away",
    ),
    "dicomdir-of-another": Meaning(
        "done, but on no DICOMDIR: the one that is there is not of this run, and was not touched",
        "move that one away and run again, or choose another output",
    ),
    "not-in-dicomdir": Meaning(
        "done, but not in the DICOMDIR: it lies too deep, or its name is no File ID", "use --layout patient-index"
    ),
    "unreadable-dicom": Meaning("the file begins as DICOM and cannot be read", "export it again from its source"),
    "length-beyond-end": Meaning("an element is longer than the file: it was cut off", "export it again"),
    "unknown-vr": Meaning("an element has no valid Value Representation", "export it again from its source"),
    "elements-out-of-order": Meaning("elements are not in order; readers differ in what they see", "export it again"),
    "transfer-syntax-unknown": Meaning("its Transfer Syntax is private or unknown", "convert it at its source"),
    "fast-path-contradicts": Meaning("two ways to the result differ", "report it; nothing was written"),
    "duplicate": Meaning("the same instance, with the same content, was done already", "nothing"),
    "same-uid-different-content": Meaning(
        "another file with the same SOP Instance UID gave another result",
        "decide which one is right and run it alone, or use --layout mirror",
    ),
    "destination-exists": Meaning(
        "a file of the result's name is there already; it was not touched", "choose another output"
    ),
    "disk-full": Meaning("no space left on the output", "free space and run again: finished files are not done twice"),
    "output-not-writable": Meaning(
        "the output cannot be written", "give this user the right to write, or choose another output"
    ),
    "output-inside-input": Meaning("the output lies inside an input", "choose an output outside every input"),
    "input-inside-output": Meaning("an input lies inside the output", "choose an output that holds no input"),
    "output-is-a-file": Meaning("the output is a file", "name a folder, or a new .zip"),
    "worker-died": Meaning(
        "the program that worked on this file was ended (often: out of memory)", "run it alone, with --jobs 1"
    ),
    "worker-cannot-start": Meaning(
        "a process for the work ends before it begins",
        "run with --jobs 0 to see why; a script of yours has to stand below `if __name__ == '__main__':`, or to say"
        " jobs=0",
    ),
    # Originals that are encrypted in a result.
    "certificate-unreadable": Meaning(
        "the file holds no certificate", "give it with --certificate, or put it beside the key in one file"
    ),
    "key-unreadable": Meaning("the file holds no private key, or the password is wrong", "check the file, try again"),
    "key-not-rsa": Meaning("the key is no RSA key, and for no other is anything encrypted", "take the broker's key"),
    "key-of-another-certificate": Meaning("key and certificate do not belong together", "take the key made with it"),
    "nothing-encrypted": Meaning(
        "the file holds no encrypted originals", "nothing: its policy has no [encrypt_originals]"
    ),
    "nothing-encrypted-for-this-key": Meaning(
        "the originals are encrypted for another key, or damaged", "take the key of the policy's certificate"
    ),
    "encrypted-content-damaged": Meaning("what was encrypted is no DICOM", "take an undamaged copy of the file"),
    "pixels-need-extra": Meaning(
        "its pixels must be looked at, and the decoder is not installed", how_to_install("pixels")
    ),
    "out-of-memory": Meaning("not enough memory for this file", "run it alone, with --jobs 1"),
    "internal-error": Meaning("an unforeseen error", "report it with the name of the error that this line has"),
}

_GENERAL = Meaning("held by the policy or the final check", "look at `deidgate explain` for this file")


def told(code: str, at: str = "") -> str:
    """`code`, where, what it means and what to do, for a line; the code and the place alone where nobody has said."""
    said = f"{code} at {at}" if at else code
    about = advice(code)
    if about is not None:
        return f"{said}: {about.what}; {about.do}"
    return f"{said}: {explain(code).what}" if code in EXPLANATIONS else said


def advice(code: str) -> Meaning | None:
    """What this module says itself of `code`; None if it says nothing."""
    # The parser's words stand behind some codes.
    for one in (code, code.partition(": ")[0]):
        if one in MEANINGS:
            return MEANINGS[one]
        if one in REFUSALS:
            return Meaning(*REFUSALS[one])
    return None


def meaning(code: str) -> Meaning:
    """What `code` means and what to do; for codes of other parts a general advice."""
    about = advice(code)
    if about is not None:
        return about
    if code in ACCEPTABLE:
        return Meaning(explain(code).what, f"if it is right as it is, run again with --accept {code}")
    if code in EXPLANATIONS or code.startswith(FINDING):
        return Meaning(explain(code).what, "decide what is right for this file; what is doubtful is held")
    return _GENERAL
