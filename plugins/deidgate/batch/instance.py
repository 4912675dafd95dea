# SPDX-License-Identifier: Apache-2.0
"""One DICOM file into its de-identified copy: the gateway's own steps, or a template made by them.

The long way is the gateway's story without servers: read, find the patient, plan, judge the pixels, apply, verify. The
short way (`deidgate.batch.template`) fills the result of an equal header and lets the kernel copy the pixels.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydicom.uid import ExplicitVRLittleEndian

from deidgate import marks
from deidgate.batch.again import carried_out, is_same, kept, maker_of
from deidgate.batch.header import Scanned, scan
from deidgate.batch.identities import Book, KnownPatient
from deidgate.batch.pixelend import pixel_end
from deidgate.batch.template import NotTemplated, Template, learn
from deidgate.dicom.box import Box
from deidgate.errors import CannotDeidentify, VerificationFailed
from deidgate.files.bare import with_meta
from deidgate.files.names import identifying_words
from deidgate.files.source import Source
from deidgate.files.spans import NotSpannedError, meta_end
from deidgate.files.staging import Staging
from deidgate.gateway.identity import PATIENT_ID_COLLIDES, STUDY_HAS_TWO_PATIENTS
from deidgate.gateway.original import Original
from deidgate.gateway.original import read as read_original
from deidgate.gateway.picture import judge
from deidgate.gateway.ports import PixelStep
from deidgate.pixels.clean import PixelOutcome
from deidgate.pixels.description import native_length
from deidgate.plan.model import Plan
from deidgate.plan.planner import plan as make_plan
from deidgate.policy.model import Policy
from deidgate.store.model import UidKind
from deidgate.verify.gate import needles_of, verify
from deidgate.verify.search import SEARCHED_SAMPLES, Screen
from deidgate.verify.walk import UnreadableError
from deidgate.words.instances import FINDING

FIRST, HEAD = 1 << 14, 1 << 17
"""Bytes of a file that are looked at for the short way: at first, and at most; longer headers go the long way."""

_ELEMENT_HEADER = 12
"""Bytes before the value of OB and OW in Explicit VR. Source: PS3.5 Table 7.1-1."""

_TEMPLATES = 256
_PER_SKELETON = 8
_LATEST = 4
_UIDS_KEPT = 512
_NAMES = ("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ReferringPhysicianName")
_CODES = ("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID")


@dataclass(frozen=True, slots=True)
class FolderItem:
    """An instance that comes from a folder: nobody has decided anything about it before.

    Satisfies `deidgate.gateway.ports.Item`.
    """

    orthanc_id: str = ""
    site: str = ""
    calling_aet: str = ""
    called_aet: str = ""
    digest: str | None = None
    accepted: frozenset[str] = frozenset()
    instructions: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """A result that has no name yet.

    Attributes
    ----------
    partial : str
        Path of the unfinished file; empty in a dry run.
    size : int
    patient : KnownPatient
    patient_id, study_instance_uid, series_instance_uid, sop_instance_uid : str
        The new identity.
    original_sop_uid : str
    words : frozenset of str
        Identifying words of the original, for names.
    name, original_id : str
        The original's Patient's Name and Patient ID.
    boxes : tuple of Box
        What was blanked in the picture.
    """

    partial: str
    size: int
    patient: KnownPatient
    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    original_sop_uid: str = field(repr=False)
    words: frozenset[str] = field(repr=False)
    name: str = field(repr=False)
    original_id: str = field(repr=False)
    boxes: tuple[Box, ...] = ()


@dataclass(slots=True)
class _Known:
    """A template, and what belongs to all instances that it fits."""

    syntax: str
    template: Template
    patient: KnownPatient
    accession: str
    words: frozenset[str]
    name: str
    original_id: str
    pixels: int
    """Bytes of the pixels' element: a longer one might hold more than the picture."""
    used: int = 0
    new_uids: dict[str, str] = field(default_factory=dict)

    def uid(self, original: str) -> str:
        """The new UID; those of study, series and frame of reference are asked for with every image."""
        new = self.new_uids.get(original)
        if new is None:
            if len(self.new_uids) > _UIDS_KEPT:
                self.new_uids.clear()
            new = self.new_uids[original] = self.patient.pseudonyms.uid(original)
        return new


class Instances:
    """De-identifies files one by one and remembers templates.

    Parameters
    ----------
    policy : Policy
    identities : Book
    pixels : PixelStep
    staging : Staging or None
        Where results are written; None writes none.
    verify_every : int
        See `deidgate.batch.job.Job`.
    mark_key : Ed25519PrivateKey or None
        Sign results.
    accepted : frozenset of str
        Reasons to hold that a person let pass; see `deidgate.words.instances.ACCEPTABLE`.
    """

    def __init__(
        self,
        policy: Policy,
        identities: Book,
        pixels: PixelStep,
        staging: Staging | None,
        verify_every: int,
        mark_key: Ed25519PrivateKey | None = None,
        accepted: frozenset[str] = frozenset(),
    ) -> None:
        self._policy = policy
        self._accepted = accepted
        self._identities = identities
        self._pixels = pixels
        self.staging = staging
        self._verify_every = max(verify_every, 1)
        self._mark_key = mark_key
        # A picture that has to be looked at, a signature over the whole file, and encrypted originals, which are of one
        # instance alone, leave nothing to be saved.
        self._short_ways = not policy.cleans_pixels and mark_key is None and not policy.encrypt_for
        self._known: OrderedDict[tuple[str, bytes], list[_Known]] = OrderedDict()
        self._latest: list[_Known] = []
        self.looked_at = FIRST
        """Bytes of each file that `make` is to be given; more when a header was longer."""
        self.short = 0
        """How many instances went the short way."""

    def make(self, source: Source, head: bytes) -> Made:
        """The result for `source`, whose first bytes are `head`; see `looked_at`.

        Raises
        ------
        CannotDeidentify, VerificationFailed
            Hold it.
        OSError
            It cannot be read, or the result cannot be written.
        SourceChangedError
            Somebody writes to it.
        """
        start, syntax = self._begin(head)
        scanned = None
        if start:
            made = self._along(source, head, start, syntax)
            if made is None:
                if len(head) < min(source.size, HEAD):
                    head = os.pread(source.descriptor, HEAD, 0)
                scanned = scan(head, start, whole=source.size == len(head))
                if scanned is not None:
                    made = self._looked_up(source, head, scanned, start, syntax)
            if made is not None:
                self.short += 1
                return made
        return self._long_way(source, scanned, start, syntax)

    def bytes_of(self, data: bytes) -> tuple[bytes, Made]:
        """The result for the file content `data`, in memory, by the long way."""
        return self._result(with_meta(data))[:2]

    def _begin(self, head: bytes) -> tuple[int, str]:
        """Where the dataset begins, and its syntax; 0 if it has to go the long way."""
        if not self._short_ways:
            return 0, ""
        try:
            start, syntax = meta_end(head)
        except NotSpannedError:
            return 0, ""
        if syntax != ExplicitVRLittleEndian:
            # Comments beside a codestream are no part of any header: compressed pixels are looked at one by one.
            return 0, syntax
        return start, syntax

    def _along(self, source: Source, head: bytes, start: int, syntax: str) -> Made | None:
        """The short way along one of the templates that were used last."""
        for known in self._latest:
            if known.syntax == syntax:
                read = known.template.guide.read(head, start, whole=source.size == len(head))
                if read is not None and known.template.fits(read.slots, head, start):
                    self._use(known)
                    return self._short_way(source, known, read.slots, read.stop)
        return None

    def _looked_up(self, source: Source, head: bytes, scanned: Scanned, start: int, syntax: str) -> Made | None:
        """The short way with any of the templates."""
        for known in self._known.get((syntax, scanned.skeleton), ()):
            if known.template.fits(scanned.slots, head, start):
                self._use(known)
                return self._short_way(source, known, scanned.slots, scanned.stop)
        return None

    def _use(self, known: _Known) -> None:
        if self._latest and self._latest[0] is known:
            return
        self._latest = [known, *(one for one in self._latest if one is not known)][:_LATEST]

    def _short_way(self, source: Source, known: _Known, slots: list[bytes], stop: int) -> Made | None:
        end = pixel_end(source.descriptor, stop, source.size)
        if end is None or end - stop != known.pixels:
            return None
        template, patient = known.template, known.patient
        if end - stop <= SEARCHED_SAMPLES and template.may_hold(slots, os.pread(source.descriptor, end - stop, stop)):
            return None
        sop, series, study = template.originals(slots)
        if not (study and series and sop):
            return None
        try:
            filled = template.filled(slots, known.uid)
        except CannotDeidentify:
            return None
        self._check_study(study, patient, known.accession)
        known.used += 1
        if known.used % self._verify_every == 0:
            original = source.read()
            self._compare(original, filled.header + original[stop:end])
        partial = ""
        if self.staging is not None:
            partial = self.staging.write_soon(filled.header, source, stop, end - stop)
        ids = (filled.study_instance_uid, filled.series_instance_uid, filled.sop_instance_uid)
        self._note(patient, (study, series, sop), ids)
        return Made(
            partial,
            len(filled.header) + end - stop,
            patient,
            patient.pseudonyms.patient_id,
            *ids,
            sop,
            known.words,
            known.name,
            known.original_id,
        )

    def _compare(self, original: bytes, filled: bytes) -> None:
        """A sample goes the long way too, with the whole gate: both ways have to give the same file.

        Raises
        ------
        VerificationFailed
            ``fast-path-contradicts``, or what the gate says.
        """
        result, _, _ = self._result(original)
        if result != filled:
            self._known.clear()
            self._latest = []
            self._short_ways = False
            raise VerificationFailed("fast-path-contradicts")

    def _long_way(self, source: Source, scanned: Scanned | None, start: int, syntax: str) -> Made:
        data = with_meta(source.read())
        result, made, known = self._result(data)
        if self.staging is not None:
            made = replace(made, partial=self.staging.write(result))
        if scanned is not None:
            self._learn(source, data, scanned, start, syntax, result, known)
        return made

    def _learn(
        self,
        source: Source,
        data: bytes,
        scanned: Scanned,
        start: int,
        syntax: str,
        result: bytes,
        known: tuple[Original, KnownPatient, Plan],
    ) -> None:
        original, patient, plan = known
        end = pixel_end(source.descriptor, scanned.stop, source.size)
        if end is None or _is_longer(original, end - scanned.stop):
            return
        try:
            screen = Screen(needles_of(data, result, plan))
            template = learn(data, start, scanned, result, plan, screen)
        except (NotTemplated, UnreadableError):
            return
        # The first of a series is filled as well: a template that does not give its own result is none.
        try:
            fits = template.fits(scanned.slots, data, start)
            header = template.filled(scanned.slots, patient.pseudonyms.uid).header if fits else b""
        except CannotDeidentify:
            return
        if header + data[scanned.stop : end] != result:
            return
        person = original.person()
        # The first bytes of the pixels' element belong to what is looked at.
        if scanned.stop + 2 > FIRST:
            self.looked_at = HEAD
        entry = _Known(
            syntax,
            template,
            patient,
            original.text("AccessionNumber"),
            _words_of(original),
            person.name,
            person.patient_id,
            end - scanned.stop,
        )
        self._known.setdefault((syntax, scanned.skeleton), []).append(entry)
        self._known.move_to_end((syntax, scanned.skeleton))
        self._use(entry)
        del self._known[syntax, scanned.skeleton][:-_PER_SKELETON]
        if len(self._known) > _TEMPLATES:
            self._known.popitem(last=False)

    def _check_study(self, study_uid: str, patient: KnownPatient, accession: str) -> None:
        if STUDY_HAS_TWO_PATIENTS not in self._accepted:
            self._identities.check_study(study_uid, patient, accession)

    def _result(self, data: bytes) -> tuple[bytes, Made, tuple[Original, KnownPatient, Plan]]:
        """The verified result's bytes; nothing is written."""
        original = read_original(data, None)
        maker = maker_of(original, self._identities)
        if maker is not None:
            again = self._again(data, original, maker)
            if again is not None:
                return again
        person = original.person()
        patient = self._identities.patient(person)
        study = original.text("StudyInstanceUID")
        if patient.collides and PATIENT_ID_COLLIDES not in self._accepted:
            raise CannotDeidentify(PATIENT_ID_COLLIDES, "PatientID")
        self._check_study(study, patient, original.text("AccessionNumber"))
        plan = make_plan(original.header, self._policy, patient.pseudonyms)
        plan, picture = judge(original, plan, self._policy, FolderItem(), self._pixels)
        result = carried_out(data, original, plan, picture, self._pixels)
        if self._mark_key is not None:
            result = marks.sign(result, self._mark_key)
        verdict = verify(data, result, plan, picture)
        if not verdict.ok:
            raise VerificationFailed(FINDING + verdict.findings[0].code, verdict.findings[0].path)
        originals = (study, original.text("SeriesInstanceUID"), original.text("SOPInstanceUID"))
        new = (plan.study_instance_uid, plan.series_instance_uid, plan.sop_instance_uid)
        self._note(patient, originals, new)
        return result, self._made(result, patient, plan, original, picture), (original, patient, plan)

    def _again(
        self, data: bytes, original: Original, maker: KnownPatient
    ) -> tuple[bytes, Made, tuple[Original, KnownPatient, Plan]] | None:
        """`data` as it is, if an earlier run made it and the policy has nothing left to change; else None."""
        plan = make_plan(original.header, self._policy, kept(maker.pseudonyms))
        plan, picture = judge(original, plan, self._policy, FolderItem(), self._pixels)
        result = carried_out(data, original, plan, picture, self._pixels)
        if not is_same(data, result):
            return None
        result = data if self._mark_key is None else marks.sign(data, self._mark_key)
        return result, self._made(result, maker, plan, original, picture), (original, maker, plan)

    def _made(
        self, result: bytes, patient: KnownPatient, plan: Plan, original: Original, picture: PixelOutcome | None
    ) -> Made:
        return Made(
            "",
            len(result),
            patient,
            plan.patient_id,
            plan.study_instance_uid,
            plan.series_instance_uid,
            plan.sop_instance_uid,
            original.text("SOPInstanceUID"),
            _words_of(original),
            original.text("PatientName"),
            original.text("PatientID"),
            picture.boxes if picture is not None else (),
        )

    def _note(self, patient: KnownPatient, originals: tuple[str, str, str], new: tuple[str, str, str]) -> None:
        kinds = (UidKind.STUDY, UidKind.SERIES, UidKind.INSTANCE)
        self._identities.note_uids(patient, tuple(zip(kinds, originals, new, strict=True)))


def _is_longer(original: Original, element: int) -> bool:
    """True if the pixels' element of so many bytes has room behind the picture, where something else may stand next."""
    need = native_length(original.header)
    return need is not None and element > _ELEMENT_HEADER + need + need % 2


def _words_of(original: Original) -> frozenset[str]:
    return identifying_words((original.text(name) for name in _NAMES), (original.text(code) for code in _CODES))
