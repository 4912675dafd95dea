# SPDX-License-Identifier: Apache-2.0
"""Codes with which a command of the toolbox does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from deidgate.convert.missing import how_to_install
from deidgate.words.model import Words

REFUSALS: Mapping[str, Words] = MappingProxyType(
    {
        # Places.
        "no-such-file": Words("there is no such file", "check the path"),
        "no-pairs": Words(
            "the run's report names no finished file whose original lies below the ORIGINAL given",
            "name an IN and the OUT of `deidgate run`, or give two files",
        ),
        "nothing-to-list": Words(
            "no DICOM file here has a name that a DICOMDIR can refer to, so none was written",
            "rename them (at most 8 of A to Z, 0 to 9 and _, no extension), or use"
            " `deidgate run --layout patient-index --dicomdir always`",
        ),
        "layout-needs-file-ids": Words(
            "a DICOMDIR cannot refer to names that are UIDs",
            "use --layout patient-index or mirror with --dicomdir always",
        ),
        "beside-is-for-files": Words(
            "--beside takes files, and this is a folder", "give its files, or leave --beside out"
        ),
        "resume-with-other-settings": Words(
            "this output was begun with other settings",
            "use the same settings, or another output",
        ),
        # Files that stay where they are.
        "no-delimiter": Words(
            "its name has no delimiter with something before it", "name another one with --delimiter"
        ),
        "collision": Words("there is a file of that name where it would go", "move one of the two by hand"),
        "link": Words("links are not moved", "use --copy to copy what it leads to"),
        # Policy, mapping table and keys.
        "not-toml": Words(
            "the file is no TOML, the language of policies",
            "give a policy file; `deidgate policy copy basic mine.toml` makes one to begin with",
        ),
        "unknown-value": Words("the key cannot have this value", "take one that is accepted"),
        "missing-key": Words("the file lacks a key", "add it, with a value of the kind that is accepted"),
        "wrong-kind": Words("the key has a value of another kind", "write one of the kind that is accepted"),
        "identity-is-not-a-matter-of-lines": Words(
            "who and what an instance is gets replaced whatever a policy says", "take the line out"
        ),
        "private-attribute": Words("private elements are not kept by lines of [elements]", "name them in [[private]]"),
        "option-not-implemented": Words("nothing does what this option claims", "take it out"),
        "pseudonym-not-ascii": Words("pseudonyms are of ASCII letters", "write prefix and alphabet with such"),
        "pseudonym-character-means-something": Words(
            "a character of the pseudonyms means something else in DICOM", "take another one"
        ),
        "pseudonym-alphabet": Words(
            "the alphabet of pseudonyms is too small or repeats itself", "give it three characters or more, each once"
        ),
        "pseudonym-alphabet-even-with-check": Words(
            "with a check character the alphabet needs an odd number of characters",
            "add one, take one out, or do without",
        ),
        "pseudonym-length": Words(
            "pseudonyms of this length do not exist, or do not fit into Patient ID", "choose another length"
        ),
        "no-shift-in-range": Words("no shift of dates lies between these days", "widen the range"),
        "nul-in-name": Words("the project's name has a character that no name has", "write it without"),
        "project-without-name": Words("the project has no name", "give it one"),
        "policy-unknown": Words("there is no such policy", "see `deidgate policy list`, or name a TOML file"),
        "options-contradict": Words(
            "the policy asks for true dates and for shifted ones",
            "take one of the two options out",
        ),
        "private-without-option": Words(
            "the policy keeps private elements without the option that says so",
            "add the option, or take the elements out",
        ),
        "certificate-key": Words(
            "the certificate's key is of a kind that is not used",
            "use a certificate with an RSA key of at least 2048 bits",
        ),
        "dates-contradict-options": Words("the policy's dates are not what its options say", "make the two agree"),
        "no-certificate": Words("the file holds no certificate", "name a PEM file with one"),
        "mapping-absent": Words(
            "there is no mapping table here yet", "check --mapping; the first `deidgate run` makes one"
        ),
        "mapping-without-keys": Words(
            "the mapping table's keys are not beside it",
            "restore the folder from its backup, or name it with --keys",
        ),
        "keys-folder-needed": Words(
            "a mapping table on a server has no place for keys", "name their folder with --keys"
        ),
        "ledger-unavailable": Words(
            "the mapping table cannot be opened or written",
            "see that it is there, that this user may write it, and that its disk is not full; nothing was done",
        ),
        "ledger-url": Words("this is no address of a database", "give a file, or postgresql://user@host/name"),
        "ledger-damaged": Words("the mapping table is damaged", "restore it from its backup"),
        "ledger-newer-than-program": Words("the mapping table was made by a newer deidgate", "install that version"),
        "approval-missing": Words(
            "two people are needed for this, and nobody has approved it",
            "`approvals ask`, have another person `approvals approve` it, and give its number with --approval",
        ),
        "approval-unknown": Words("nothing was asked for under this number", "see `approvals list`"),
        "approval-given": Words("this was approved already", "give its number with --approval"),
        "approval-by-same-person": Words("who asked cannot approve", "have another person approve it"),
        "approval-used": Words("this approval was used already", "ask anew"),
        "approval-expired": Words("an approval holds for a day", "ask anew"),
        "approval-for-other": Words(
            "this approval is for another person, action or project",
            "have the one who asked do exactly what was asked for, or ask anew",
        ),
        "audit-head-missing": Words(
            "somebody has removed the end of the audit trail, so nothing is done that it would have to tell of",
            "restore the mapping table from its backup; `deidgate audit` reads what is left",
        ),
        "audit-head-changed": Words(
            "somebody has changed the end of the audit trail, so nothing is done that it would have to tell of",
            "restore the mapping table from its backup; `deidgate audit` reads what is left",
        ),
        "mark-key-unreadable": Words("the key for marks cannot be read", "restore it from its backup"),
        "mark-key-kind": Words("the key for marks is of another kind", "restore it from its backup"),
        "day-not-in-every-month": Words("not every month has the day that dates are cut to", "take one from 1 to 28"),
        "device-table": Words("the table of devices has an entry that means nothing", "correct what `at` names"),
        "text-model-missing": Words("what finds text in pictures is not installed", how_to_install("pixels")),
        "mapping-row-vanished": Words("somebody purged the patient meanwhile", "run again"),
        "pseudonyms-exhausted": Words("no free pseudonym was found", "make the policy's pseudonyms longer"),
        "pseudonym-key-differs": Words(
            "the key is not the one that this mapping table was made with",
            "put the right keys beside it; another key would give every patient another identity",
        ),
        "ciphertext-damaged": Words("an encrypted entry of the mapping table is damaged", "restore it from its backup"),
        "encryption-key-missing": Words("a key of the mapping table is missing", "restore the keys from their backup"),
        "encryption-key-retired": Words(
            "the mapping table has got another encryption key since this program was started",
            "start it again with the present keys; nothing more is written under the old one",
        ),
        "key-length": Words("the key file has the wrong length", "restore it from its backup"),
        "key-exists": Words("there is a key already", "nothing: a key is never overwritten"),
        "key-readable-by-others": Words("other users can read the key", "chmod 600 the file, chmod 700 its folder"),
        "snapshot-by-server": Words("the database is on a server", "back it up there, with pg_dump"),
        "snapshot-exists": Words("there is a file of that name", "choose another name"),
        "snapshot-unwritable": Words("the copy cannot be written", "check rights and space"),
        "csv-unreadable": Words(
            "the table is no CSV, or a field has more than 131,072 letters", "save it as CSV UTF-8"
        ),
        "csv-is-not-utf-8": Words("the table is not UTF-8 text", "save it as CSV UTF-8"),
        "csv-header-wrong": Words("the first line has to be id_old,id_new", "put it there"),
        # Tables and pictures to be converted.
        "not-a-picture-volume-or-slide": Words(
            "nothing that can be turned into DICOM",
            "give JPEG, PNG, BMP, TIFF, NIfTI or a slide",
        ),
        "volumes-are-ct-or-mr": Words("a volume becomes CT or MR", "say which with --modality"),
        "not-a-table": Words("neither CSV nor XLSX", "give a table with a header line"),
        "table-without-column-file": Words("no column says which file a row is about", "name that column `file`"),
        "unknown-column": Words(
            "no column of the table may have this name",
            "use the names that `deidgate convert --help` lists (patient_id, study_date, ...)",
        ),
        "table-row-too-long": Words(
            "the row has more cells than the first line has names",
            'put cells with a comma in quotes ("DOE, J")',
        ),
        "file-without-row": Words(
            "the table has no row for this file, so it was not converted",
            "add one, with the file's name or its path below the folder",
        ),
        "file-with-several-rows": Words(
            "the table has several rows for this file, so it was not converted",
            "leave the right one",
        ),
        "row-of-several-files": Words(
            "the name in the table is that of several files, so none of them was converted",
            "write their paths below the folder",
        ),
        "row-without-file": Words(
            "the folder has no file of this row",
            "correct the name in the column `file`, or take the row out",
        ),
        "backslash-in-value": Words("a backslash separates values in DICOM", "write the value without it"),
        "not-a-date": Words("not a date", "write it as YYYYMMDD"),
        "sex-is-not-m-f-o": Words("sex is M, F or O", "use one of them, or leave it empty"),
        "burned-in-annotation-is-not-yes-no": Words(
            "burned-in annotation is YES or NO",
            "say NO when somebody has seen that there is no text in the picture",
        ),
        "laterality-is-not-l-r": Words("laterality is L or R", "use one of them, or leave it empty"),
        "series-number-is-not-a-number": Words("the series number is no number", "write digits"),
        "picture-unreadable": Words("the picture is damaged or of a kind that is not read", "save it again as PNG"),
        "picture-pages-differ": Words("pages of the file differ in size or kind", "split the file into its pages"),
        "picture-kind": Words(
            "samples of the picture are of a kind that no IOD takes",
            "save it with 8 or 16 bits, gray or RGB",
        ),
        "picture-too-large": Words(
            "the picture is larger than DICOM allows", "scale it to 65535 rows and columns at most"
        ),
        "slide-unreadable": Words("the slide cannot be read", "see that its whole file or folder is there"),
        "nifti-kind": Words("values of the volume are of a kind that is not taken", "save it as integers or floats"),
        "nifti-dimensions": Words("the volume has not three or four dimensions", "split it"),
        "nifti-without-place": Words("the file does not say where the volume lies", "set its sform or qform"),
        "nifti-sheared": Words("its axes are not at right angles", "resample it first"),
        "nifti-unreadable": Words("the volume is damaged or cut off", "get it again"),
        # Changes by hand.
        "address": Words("this names no element", "write a keyword, 0010,0010, or Sequence[0].Keyword"),
        "value": Words("the element cannot have this value", "see its Value Representation"),
        "element-absent": Words("the file has no such element", "see `deidgate show`"),
        "item-absent": Words("the sequence has no such item", "see `deidgate show`; items count from 0"),
        "vr-needed": Words("nobody knows the Value Representation of this element", "write it as ADDRESS:VR=VALUE"),
        "vr-wrong": Words(
            "there is no such Value Representation, or not for this element",
            "leave it out, or take one that `deidgate standard show` has for it",
        ),
        "not-a-sequence": Words("an address goes into an element that is no sequence", "see `deidgate show`"),
        "file-meta": Words(
            "file meta information is not edited: it says how the file is written",
            "change the Transfer Syntax with a converter such as dcmconv; SOP UIDs follow the dataset",
        ),
        "text-not-in-character-set": Words(
            "a text has letters that the file's Specific Character Set does not have",
            'add --set "SpecificCharacterSet=ISO_IR 192", or write the text with other letters',
        ),
        "dataset-not-writable": Words(
            "an element has a value that cannot be written as its Value Representation",
            "see `deidgate show`, and change or delete it with `deidgate edit`",
        ),
        "breaks-the-iod": Words(
            "a Type 1 or Type 2 attribute would go, or be empty where it may not",
            "give it a value instead, or leave --strict out",
        ),
        "frame-absent": Words("there is no such frame", "they count from 1"),
        "overlay-absent": Words("there is no such overlay", "see groups 60xx in `deidgate show`"),
        "overlay-size": Words("the overlay has not the picture's size", "make a picture of as many rows and columns"),
        "overlay-in-compressed-pixels": Words(
            "the overlay lies in bits of compressed pixels",
            "decompress the file first, for example with dcmdjpeg or dcmdrle",
        ),
        "overlay-groups-full": Words("all 16 overlay groups are taken", "remove one first"),
        "attributes-unreadable": Words("the list of attributes cannot be read", "one keyword a line"),
        "too-long": Words("a name in the file is longer than the ledger can keep", "shorten it"),
        "two-addresses": Words(
            "routes of one AE title name different addresses for storage commitment", "give them one address"
        ),
        "unknown-keyword": Words(
            "no attribute has this keyword", "see `deidgate standard show`, `dicomdir redact --list`"
        ),
        "no-row": Words("Table E.1-1 has no row for it", "the policy's defaults decide"),
        "policy-shape": Words(
            "the policy spells its elements in a way that lines cannot be added to",
            "write them as a table [elements] with a line for each",
        ),
        "left-without-writing": Words("nothing was chosen, so nothing is written", "nothing"),
        # Forms.
        "pdf-no-row": Words(
            "no line of the form matches a rule", "see that it is the right form; write --rules for it"
        ),
        "pdf-scanned-page": Words(
            "a page is a picture without text", "have it read by a person, or drop it with `pages`"
        ),
        "pdf-encrypted": Words("the form is encrypted", "take the password off"),
        "pdf-unreadable": Words("the form is damaged", "save it again as PDF"),
        "pdf-page-absent": Words("the rules name a page that is not there", "pages count from 1"),
        "pdf-redaction-incomplete": Words(
            "what had to go was found again in the result, or text is where it cannot be read",
            "nothing was written; redact by hand",
        ),
        "unknown-key": Words("the file has a key that means nothing here", "take it out, or take one that is accepted"),
        "rules-value": Words("a rule has the wrong kind of value", "see docs/toolbox.md"),
        "rules-unreadable": Words("the rules are no TOML", "see docs/toolbox.md"),
        "not-an-expression": Words("a rule is no regular expression", "escape ( ) [ ] . * + ? with a backslash"),
        # Networks and clusters.
        "association-refused": Words(
            "the node does not accept the association",
            "check --called and --aet, and that the node knows this one; without --tls it may be a TLS port",
        ),
        "host-unknown": Words(
            "no address is known for this name of a host",
            "check its spelling, and the name server of this machine",
        ),
        "not-reached": Words(
            "nobody listens there", "check host and port; the node may be down, or a firewall between"
        ),
        "tls-failed": Words(
            "somebody listens there, and TLS did not come about",
            "check that the port speaks TLS, --ca, our own certificate, and that theirs names the host",
        ),
        "association-lost": Words("the connection ended in the middle", "run again"),
        "no-answer": Words("the node does not answer", "check host, port and TLS; a firewall may be between"),
        "query-refused": Words("the node refuses the query", "ask for less, or with other keys"),
        "get-refused": Words(
            "the node refuses C-GET", "use --move, with an --aet that it knows and a port to --listen on"
        ),
        "move-refused": Words("the node refuses C-MOVE", "the node has to know the destination's title, host and port"),
        "port-in-use": Words("another program listens on this port", "choose another one"),
        "tls-files": Words("certificate or key cannot be used", "give PEM files that belong together"),
        "scheduler-unavailable": Words("the Dask scheduler does not answer", "check its address"),
        "cluster-cannot-work": Words(
            "the cluster cannot run deidgate",
            "install the same version for its scheduler and for every worker, then run again",
        ),
        "cluster-without-workers": Words("the cluster has no workers", "start some with `dask worker`"),
    }
)
"""Code: its words."""
