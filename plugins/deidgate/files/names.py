# SPDX-License-Identifier: Apache-2.0
"""Names of results: recognisable where the original name is harmless, a keyed token where it may name someone.

A file or folder name is kept only if every word in it is in a fixed vocabulary of imaging and file words, every
number in it is small and no year, and neither it nor a part of it is an identifier of the instance itself. All else
(names, record numbers, dates, UIDs, words nobody listed) becomes eight characters that the project's key derives from
the original name: the same folder keeps the same name over runs, two folders stay two folders, and nobody without the
key can test a guess. Tokens and kept names of media stay valid File ID components.

Source: File ID components: PS3.10 section 8.2.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from functools import lru_cache

KEPT_EXTENSIONS = frozenset({".dcm", ".dic", ".dicom", ".ima", ".img", ".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz"})
_OTHER_EXTENSIONS = frozenset(
    {".txt", ".csv", ".xml", ".json", ".pdf", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".nii", ".html", ".md"}
)

_WORDS = """
dicom dicomdir dcm dic ima img im image images instance instances file files data dataset datasets export exports
study studies st series ser se scan scans scanner sequence seq slice slices frame frames volume vol stack stacks
patient patients pat pt pa subject subjects subj sub session sessions ses visit visits case cases site sites
exam exams examination acquisition acq run runs test tests sample samples demo example examples archive archives
media disc disk cd dvd disc1 part parts set sets batch batches group groups folder folders dir tmp temp work
in out input inputs output outputs original originals raw source src new old final copy copies backup incoming
received sent pacs ae node store storage nested inner outer deidentified anon anonymized anonymised pseudo
ct mr mri pt pet us mg dx cr nm rf xa xr dr sr ko pr seg rt rtstruct rtplan rtdose rtimage sc ot op sm ecg io px
bmd bi tomo tomosynthesis dbt cbct spect cta mra dwi dti adc flair stir tse gre epi bold swi mprage t1w t2w
t1 t2 pd tof dixon fmri scout localizer localiser topogram surview phantom bias field map maps mask masks
head neck brain skull chest thorax abdomen pelvis spine cervical lumbar thoracic sacrum breast breasts mammo
mammography heart cardiac liver lung lungs kidney prostate knee hip foot feet ankle hand wrist elbow shoulder
left right bilateral axial coronal sagittal cor sag ax tra transverse lateral ap lat cc mlo ml lm rcc lcc rmlo
lmlo pre post contrast native arterial venous portal delayed phase phases dynamic static gated rest stress
recon reconstruction iterative kernel soft bone standard std hard thin thick dose report reports overlay overlays
waveform waveforms slide slides label overview wsi thumbnail icon calibration qa qc screening selection form
forms readme index license version small large big color colour gray grey rgb jpeg jls rle j2k uncompressed
compressed lossless lossy implicit explicit little endian multi single with without no and of the to from for
"""
_VOCABULARY = frozenset(_WORDS.split())
_COUNTED = re.compile(
    r"(DICOM|IMAGES?|IMG|IM|I|SERIES|SER|SE|S|STUDY|STU|ST|CR|CT|MR|PT|US|MG|DX|NM|XA|RF|SC|SR|OT)[0-9]{0,6}"
)
_WORD_OR_NUMBER = re.compile(r"[A-Za-z]+|[0-9]+")
_BETWEEN_VALUES = re.compile(r"[\\,\[\]']+")
_TELLING = 4
"""Letters and numbers that an identifier has at least to be looked for inside other words: ``S1`` is in half of all
names, and a record number of four characters or more is not there by chance."""
_COUNTED_ONLY = re.compile(r"(?:(?:DICOM|IMAGES?|IMG|IM|SERIES|SER|SE|STUDY|STU|ST)[ _-]?0*[0-9]{0,3}|DICOMDIR)", re.I)
_PLAIN = re.compile(r"[A-Za-z0-9 ._()\[\],+=#-]+")


@lru_cache(maxsize=4096)
def harmless(component: str) -> bool:
    """True if `component` can be kept: known words and small numbers only."""
    if len(component) > 64 or component.startswith(".") or not _PLAIN.fullmatch(component):
        return False
    stem = _stem(component)[0]
    numbers = 0
    for piece in _WORD_OR_NUMBER.findall(stem):
        if piece.isdigit():
            numbers += 1
            value = int(piece)
            # Years, dates, record numbers and UIDs have long numbers or many of them; counters have leading zeros.
            if value > 9999 or len(piece) > 8 or (len(piece) == 4 and 1900 <= value <= 2100) or numbers > 2:
                return False
        elif len(piece) > 1 and piece.lower() not in _VOCABULARY:
            return False
    return bool(stem.strip())


@lru_cache(maxsize=65536)
def token(component: str, key: bytes) -> str:
    """Eight characters of A to Z and 2 to 7 that `key` derives from `component`."""
    digest = hmac.new(key, b"deidgate file name\0" + component.encode("utf-8", "surrogateescape"), hashlib.sha256)
    return base64.b32encode(digest.digest()[:5]).decode("ascii")


def safe_name(component: str, key: bytes, identifiers: Iterable[str] | None = ()) -> str:
    """The name that a result may have in place of `component`, with its extension if that is a known one.

    Parameters
    ----------
    component : str
        A file or folder name of the input.
    key : bytes
        The project's key.
    identifiers : iterable of str or None
        Values of the instance that no name may hold, in lower case: even a harmless word can be a surname, and a
        small number a Patient ID. None when nobody knows whose it is: see `name_of_nobody`.
    """
    if identifiers is None:
        return name_of_nobody(component, key)
    stem, extension = _stem(component)
    if harmless(component) and not _holds_any(stem, identifiers):
        return component
    return token(component, key) + extension


def name_of_nobody(component: str, key: bytes) -> str:
    """The name of a result of which nobody knows whose it is: a token, but for what media writers count with.

    A file that is not DICOM names no patient to compare with, so that any word can be a surname, and any number a
    Patient ID. Tokens are those of `safe_name`: the file stays in one folder with the images beside it.
    """
    stem, extension = _stem(component)
    return component if _COUNTED_ONLY.fullmatch(stem) else token(component, key) + extension


def name_of_same_length(component: str, key: bytes) -> str:
    """`component` of a File ID, or as many characters of a token: for a DICOMDIR whose lengths must not change.

    Kept are the names that media writers count with (``IM000001``, ``ST0``, ``DICOM``), and what is too short to be
    told apart after a replacement (three characters). A counted patient is not: ``P0004711`` can be the Patient ID.
    """
    if _COUNTED.fullmatch(component) or len(component) <= 3:
        return component
    return token(component, key)[: len(component)].ljust(len(component), "_")


def identifying_words(names: Iterable[str], codes: Iterable[str]) -> frozenset[str]:
    """Words that no name of a file may hold: parts of `names`, and of identifiers (`codes`) long runs and the whole.

    A number of one or two digits counts when it is the whole identifier: patient 7 must not be named by a folder
    ``07``, but patient MRN0000001 is not named by ``SE1``. A whole identifier of letters and numbers is spelled with
    hyphens between them (``p-7`` for P07), which no other word has.
    """
    words = {word.lower() for name in names for word in re.findall(r"[^\W\d_]{2,}", name)}
    for code in codes:
        for one in (code, *_BETWEEN_VALUES.split(code)):
            runs = _runs(one)
            words.update(run for run in runs if not run.isdigit() and len(run) > 3)
            words.update(run for run in runs if run.isdigit() and (len(run) > 2 or len(runs) == 1))
            words.add("-".join(runs))
    return frozenset(words - {""})


def _runs(text: str) -> list[str]:
    """The words and numbers of `text`: lower case, no zeros in front."""
    return [(run.lstrip("0") or "0") if run.isdigit() else run.lower() for run in re.findall(r"[^\W\d_]+|\d+", text)]


def _holds_any(stem: str, identifiers: Iterable[str]) -> bool:
    if not identifiers:
        return False
    runs = _runs(stem)
    spelled, joined = f"-{'-'.join(runs)}-", "".join(runs)
    return any(_holds(spelled, joined, word) for word in identifiers)


def _holds(spelled: str, joined: str, word: str) -> bool:
    """True if a name is or holds `word`, however the two are separated."""
    bare = word.replace("-", "")
    if bare == joined:
        return True
    if word.isdigit() and len(word) < 3:
        # A small number counts files, unless it is the whole name.
        return False
    return f"-{word}-" in spelled or (len(bare) >= _TELLING and not bare.isalpha() and bare in joined)


def _stem(component: str) -> tuple[str, str]:
    extension = ""
    stem = component
    while True:
        # As a path's suffix, without making a path of each of a million names.
        dot = stem.rfind(".")
        suffix = stem[dot:] if 0 < dot < len(stem) - 1 else ""
        if suffix.lower() not in KEPT_EXTENSIONS and suffix.lower() not in _OTHER_EXTENSIONS:
            return stem, extension
        stem, extension = stem[: -len(suffix)], suffix.lower() + extension
