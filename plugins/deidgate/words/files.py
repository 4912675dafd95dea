# SPDX-License-Identifier: Apache-2.0
"""Codes about files, archives and folders, and about a run as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from deidgate.convert.missing import how_to_install
from deidgate.words.model import Words

FILES: Mapping[str, Words] = MappingProxyType(
    {
        # Input that was not read.
        "input-missing": Words("there is no such file or folder", "check the path"),
        "unreadable-folder": Words("the folder cannot be opened", "give this user the right to read it, and run again"),
        "changed-while-read": Words(
            "somebody wrote to the file while it was read", "run again when nobody writes to the input any more"
        ),
        "vanished": Words("the file went away while the folder was read", "run again if it should be there"),
        "dangling-link": Words("the link leads nowhere", "remove the link or restore what it names"),
        "symlink-loop": Words(
            "the link leads back into the input", "nothing: what it names is visited in its own place"
        ),
        "not-a-regular-file": Words("a pipe, socket, device or link", "nothing: it holds no image"),
        "empty-file": Words("the file has no bytes", "export it again from its source"),
        # Input that is not DICOM.
        "not-dicom-picture": Words("a picture, not DICOM", "turn it into DICOM with `deidgate convert` first"),
        "not-dicom-nifti": Words("a NIfTI volume, not DICOM", "turn it into DICOM with `deidgate convert` first"),
        "not-dicom-pdf": Words("a PDF, not DICOM", "use `deidgate redact-pdf` on forms"),
        "copied-other": Words("copied as it is: nothing in it was cleaned", "look at it before it is given away"),
        # Archives.
        "archive-unsupported": Words("an archive of a kind that is not read", "unpack it and run on the folder"),
        "password-protected": Words(
            "the archive or member is encrypted", "unpack it with its password and run on the folder"
        ),
        "path-traversal": Words(
            "the member's name leads outside the archive", "do not trust this archive; unpack what you know by hand"
        ),
        "compression-unsupported": Words(
            "compressed in a way that is not read", "pack it again with deflate, or unpack it"
        ),
        "damaged-archive": Words(
            "the archive is damaged or cut off", "get it again; members before the damage were done"
        ),
        "damaged-archive-member": Words("the member is damaged", "get the archive again"),
        "archive-too-large": Words(
            "the archive unfolds to more than the limits allow",
            "unpack it by hand if you trust it, or raise --max-unfolded",
        ),
        "archive-incomplete": Words("not every member could be done", "see the lines of its members"),
        "archive-without-dicom": Words("the archive holds no DICOM", "nothing"),
        "archive-not-written": Words("the result archive could not be written", "see the line of the archive"),
        # DICOM that cannot be done.
        "dicomdir": Words("the directory of the medium", "nothing: it is made anew for the results"),
        "dicomdir-dropped": Words(
            "the directory of a medium, and none is made for its results",
            "unpack an archive to have one made, or use `deidgate dicomdir rebuild`",
        ),
        "dicomdir-redacted": Words(
            "the directory of a medium: identifying values are overwritten in their places",
            "`deidgate dicomdir redact --list` names them; look at it before it is given away",
        ),
        "dicomdir-of-another": Words(
            "done, but on no DICOMDIR: the one that is there is not of this run, and was not touched",
            "move that one away and run again, or choose another output",
        ),
        "not-in-dicomdir": Words(
            "done, but not in the DICOMDIR: it lies too deep, or its name is no File ID", "use --layout patient-index"
        ),
        "unreadable-dicom": Words("the file begins as DICOM and cannot be read", "export it again from its source"),
        "fast-path-contradicts": Words("two ways to the result differ", "report it; nothing was written"),
        "duplicate": Words("the same instance, with the same content, was done already", "nothing"),
        "same-uid-different-content": Words(
            "another file with the same SOP Instance UID gave another result",
            "decide which one is right and run it alone, or use --layout mirror",
        ),
        "destination-exists": Words(
            "a file of the result's name is there already; it was not touched", "choose another output"
        ),
        "disk-full": Words(
            "no space left on the output", "free space and run again: finished files are not done twice"
        ),
        "output-not-writable": Words(
            "the output cannot be written", "give this user the right to write, or choose another output"
        ),
        "output-inside-input": Words("the output lies inside an input", "choose an output outside every input"),
        "input-inside-output": Words("an input lies inside the output", "choose an output that holds no input"),
        "output-is-a-file": Words("the output is a file", "name a folder, or a new .zip"),
        "worker-cannot-start": Words(
            "a process for the work ends before it begins",
            "run with --jobs 0 to see why; a script of yours has to stand below `if __name__ == '__main__':`, or to say"
            " jobs=0",
        ),
        # Originals that are encrypted in a result.
        "certificate-unreadable": Words(
            "the file holds no certificate", "give it with --certificate, or put it beside the key in one file"
        ),
        "key-unreadable": Words("the file holds no private key, or the password is wrong", "check the file, try again"),
        "key-not-rsa": Words("the key is no RSA key, and for no other is anything encrypted", "take the broker's key"),
        "key-of-another-certificate": Words("key and certificate do not belong together", "take the key made with it"),
        "nothing-encrypted": Words(
            "the file holds no encrypted originals", "nothing: its policy has no [encrypt_originals]"
        ),
        "nothing-encrypted-for-this-key": Words(
            "the originals are encrypted for another key, or damaged", "take the key of the policy's certificate"
        ),
        "encrypted-content-damaged": Words("what was encrypted is no DICOM", "take an undamaged copy of the file"),
        "pixels-need-extra": Words(
            "its pixels must be looked at, and the decoder is not installed", how_to_install("pixels")
        ),
        "out-of-memory": Words("not enough memory for this file", "run it alone, with --jobs 1"),
    }
)
"""Code: its words."""
