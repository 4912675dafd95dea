# SPDX-License-Identifier: Apache-2.0
"""One look-up for every element: policy line, option column, basic column, default.

The order in which they speak:

1. the five attributes of identity (Patient's Name, Patient ID, the UIDs of Study, Series and SOP Instance);
2. the longest line of ``[elements]`` that names the element;
3. in keep-list mode, removal of what is neither listed nor required by the IOD;
4. the birth date rule of the policy; a birth time, and dates in another calendar, which Table E.1-1 does not have,
   stay only with a birth date that stays as it is;
5. the option columns of Table E.1-1 that the policy has switched on. When several speak, ``C`` goes before ``K``:
   what one option retains, the other still has to clean (a calibration date is device identity and a date);
6. the column of the Basic Profile, for either also the row of another attribute: `deidgate.plan.unlisted`;
7. the policy's defaults for what the table does not have. Of texts that are cleaned, the parts of codes are apart:
   `deidgate.plan.codes`.

A compound code is resolved by the Type of the attribute at its path in the IOD: Type 1 gets D, Type 2 gets Z, any
other X. 1C and 2C count as 1 and 2, because the attribute is there. Plain X gives way to Z and D in the same manner
where the IOD demands the attribute without a condition, and Z to D: the table says ``X`` for attributes that newer
IODs require.

Source: PS3.15 E.1.1, E.3, Tables E.1-1 and E.1-1a; PS3.3 C.7.1.1 (Patient Module).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache

from deidgate.dicom import vr as vrs
from deidgate.dicom.dictionary import dictionary_vr
from deidgate.plan.codes import PARTS_OF_CODES
from deidgate.plan.model import Action, Decision, Reason
from deidgate.plan.unlisted import LISTED_AS
from deidgate.policy.model import DateAction, DateRule, Option, Policy, Word
from deidgate.standard.confidentiality import ConfidentialityTable, Row, confidentiality_table
from deidgate.standard.types import TypesHere, iod_of

PATIENT_NAME, PATIENT_ID = 0x00100010, 0x00100020
# First byte of the groups 50xx. Source: PS3.5 7.6.
_CURVES = 0x50
_CHARACTER_SET, _IMAGE_PIXEL_GROUP = 0x00080005, 0x0028
# The UIDs under which servers store an instance.
_INSTANCE_UIDS = frozenset({0x00080018, 0x0020000D, 0x0020000E})
# Code Value, Coding Scheme Designator, Coding Scheme Version, Code Meaning, Long Code Value, URN Code Value.
_CODE = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00080104, 0x00080119, 0x00080120})


# Patient's Birth and Death Date in Alternative Calendar, Patient's Alternative Calendar: Table E.1-1 forgets them.
OTHER_CALENDARS = frozenset({0x00100033, 0x00100034, 0x00100035})

# Levels that are remembered; a sender of nonsense can make as many as there are ways through sequences.
_MOST_LEVELS = 20_000


class Treat(Enum):
    """How an element is treated; the planner turns it into an action and a value."""

    KEEP = auto()  # unchanged if it is a value of its VR; a sequence is walked into
    RETAIN = auto()  # text that an option keeps: without persons and the patient's own identifiers
    REMOVE = auto()
    EMPTY = auto()
    DUMMY = auto()  # a sequence is walked into
    UID = auto()
    TEXT = auto()
    CODE = auto()  # a part of a code: what it is, its value and its scheme say
    WHOLE = auto()  # a code of a public scheme: as it is, or not at all
    LOCAL = auto()  # a code of a private scheme: without what the instance reveals
    DATE = auto()
    BIRTH_YEAR = auto()  # a date that is cut to its year, and empty where it would tell an age over 89
    PATIENT_NAME = auto()
    PATIENT_ID = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say about one element.

    Attributes
    ----------
    treat : Treat
    because : Reason
    required : str
        Type of the attribute at its path.
    dates : DateRule or None
        With DATE.
    value : str or None
        With DUMMY: the policy's own value.
    instead : Verdict or None
        When the value cannot be cleaned (no date, not text): what the Basic Profile says.
    """

    treat: Treat
    because: Reason
    required: str = "3"
    dates: DateRule | None = None
    value: str | None = None
    instead: Verdict | None = None


@dataclass(slots=True)
class Level:
    """The rules for all elements of one dataset or of the items of one sequence, filled as they are asked for."""

    rules: Rules
    chain: tuple[int, ...]
    types: TypesHere
    dummies: bool = False  # inside a sequence that gets D, at any depth: text says nothing
    codes: bool = False  # the items of a sequence that gets D itself: their codes say nothing either
    verdicts: dict[tuple[int, str], Verdict] = field(default_factory=dict)
    levels: dict[tuple[int, bool], Level] = field(default_factory=dict)
    shared: dict[tuple[int, str, Action], Decision] = field(default_factory=dict)

    def verdict(self, tag: int, vr: str) -> Verdict:
        """What the rules say about element `tag` of VR `vr` in this dataset or item."""
        found = self.verdicts.get((tag, vr))
        if found is None:
            found = self.verdicts[tag, vr] = self.rules.decide(self, tag, vr)
        return found

    def below(self, tag: int, dummies: bool) -> Level:
        """The level of the items of sequence `tag`."""
        found = self.levels.get((tag, dummies))
        if found is None:
            found = Level(self.rules, (*self.chain, tag), self.types.below(tag), self.dummies or dummies, codes=dummies)
            if self.rules.levels < _MOST_LEVELS:
                self.rules.levels += 1
                self.levels[tag, dummies] = found
        return found


class Rules:
    """A policy made ready for one SOP Class."""

    def __init__(
        self, policy: Policy, sop_class_uid: str, modules: tuple[int, ...], table: ConfidentialityTable
    ) -> None:
        self.policy = policy
        self._table = table
        self._iod = iod_of(sop_class_uid)
        self.top = Level(self, (), self._iod.types(modules))
        self._lines = {rule.path: rule for rule in policy.elements}
        self.levels = 0
        self._longest = max((len(path) for path in self._lines), default=0)

    def decide(self, level: Level, tag: int, vr: str) -> Verdict:
        """The verdict on one element, by the order that the module states."""
        required = level.types.type_of(tag)
        if not level.chain:
            if tag in _INSTANCE_UIDS and Option.RETAIN_UIDS not in self.policy.options:
                return Verdict(Treat.UID, Reason("E.1-1 basic U"), required)
            if tag == PATIENT_NAME:
                return Verdict(Treat.PATIENT_NAME, Reason("pseudonym"), required)
            if tag == PATIENT_ID:
                return Verdict(Treat.PATIENT_ID, Reason("pseudonym"), required)
        return (
            self._line(level, tag, vr, required)
            or self._keep_list(tag, vr, required)
            or self._profile(level, tag, vr, required)
        )

    def _line(self, level: Level, tag: int, vr: str, required: str) -> Verdict | None:
        path = (*level.chain, tag)
        for length in range(min(self._longest, len(path)), 0, -1):
            # A line of one tag speaks at every depth, a longer one from the outermost dataset only.
            rule = self._lines.get(path[-1:] if length == 1 else path) if length in (1, len(path)) else None
            if rule is None or rule.word is Word.PROFILE:
                continue
            because = Reason(f"policy [elements] {rule.spelled}")
            if rule.word is Word.KEEP:
                return Verdict(Treat.KEEP, because, required)
            if rule.word is Word.CLEAN:
                instead = self._resolved("X/Z/D", because, vr, required)
                return self._cleaned(tag, vr, because, required, instead, _date_rule(self.policy, tag))
            if rule.word is Word.UID:
                return Verdict(Treat.UID, because, required)
            code = {Word.REMOVE: "X", Word.EMPTY: "Z", Word.DUMMY: "D"}[rule.word]
            return self._resolved(code, because, vr, required, rule.value)
        return None

    def _keep_list(self, tag: int, vr: str, required: str) -> Verdict | None:
        listed = self.policy.keep_list
        if listed is None or tag in listed or required != "3" or tag >> 16 == 0x7FE0:
            return None
        return self._resolved("X", Reason("policy keep_list"), vr, required)

    def _profile(self, level: Level, tag: int, vr: str, required: str) -> Verdict:
        row = self._table.row(LISTED_AS.get(tag, tag))
        group = tag >> 16
        if group & 0xFF01 == 0x6000:
            # A plane without its data is no plane: the other attributes of the group go with it.
            return Verdict(Treat.REMOVE, Reason("E.1-1 Overlay Data X"), required)
        basic = self._basic(level, tag, vr, required, row)
        birth = self.policy.dates.birth
        if tag in OTHER_CALENDARS:
            # A text in no form that could be cut or moved: it stays with the birth date that stays, or goes.
            if birth.action is DateAction.KEEP:
                return Verdict(Treat.RETAIN, Reason("policy [dates] birth", birth.action.value), required)
            return Verdict(Treat.REMOVE, Reason("PS3.3 C.7.1.1", "a date in another calendar"), required)
        # A time of day is neither cut nor moved with the date.
        cut = vr != "TM" or birth.action is DateAction.KEEP
        if tag in self.policy.dates.birth_attributes and birth.action is not DateAction.REMOVE and cut:
            if self.policy.dates.shows_years_only:
                because = Reason("policy [dates] birth", f"empty for an age over 89, else {birth.action.value}")
                return Verdict(Treat.BIRTH_YEAR, because, required, birth, instead=basic)
            because = Reason("policy [dates] birth", birth.action.value)
            return Verdict(Treat.DATE, because, required, birth, instead=basic)
        said = [(what, code) for code, what in row.options if Option(code) in self.policy.options] if row else []
        for what, code in sorted(said):
            because = Reason(f"E.1-1 option {code} {what}")
            if what == "K":
                return self._kept(vr, because, required, basic)
            return self._cleaned(tag, vr, because, required, basic, _date_rule(self.policy, tag), option=Option(code))
        return basic

    def _basic(self, level: Level, tag: int, vr: str, required: str, row: Row | None) -> Verdict:
        if row is not None:
            return self._resolved(row.basic, Reason(f"E.1-1 basic {row.basic}"), vr, required)
        return self._default(level, tag, vr, required)

    def _default(self, level: Level, tag: int, vr: str, required: str) -> Verdict:
        defaults = self.policy.defaults
        if vr == "UI":
            if tag in self.policy.well_known_uids:
                return Verdict(Treat.KEEP, Reason("policy well_known_uids"), required)
            if Option.RETAIN_UIDS in self.policy.options:
                return Verdict(Treat.KEEP, Reason("E.3.9 option 113110"), required)
            return Verdict(Treat.UID, Reason("policy well_known_uids", "not among them"), required)
        if vr in vrs.DATES:
            rule = self.policy.dates.other
            because = Reason("policy [dates] other", rule.action.value)
            gone = self._resolved("X/Z/D", because, vr, required)
            return (
                gone if rule.action is DateAction.REMOVE else Verdict(Treat.DATE, because, required, rule, instead=gone)
            )
        if level.dummies and vr in vrs.TEXT and vr != "CS" and (level.codes or tag not in _CODE):
            return self._resolved("D", Reason("E.1-1 basic D", "text in a sequence that gets D"), vr, required)
        if vr == "PN":
            because = Reason("policy [defaults] names")
            return self._resolved("Z" if defaults.names is Word.EMPTY else "X", because, vr, required)
        # The terms by which everything else is read are no texts; a name in them is the gate's business.
        is_text = vr in vrs.TEXT and not (vr == "CS" and (tag >> 16 == _IMAGE_PIXEL_GROUP or tag == _CHARACTER_SET))
        word, name = (defaults.text, "text") if is_text else (defaults.standard, "standard")
        because = Reason(f"policy [defaults] {name}")
        if word is Word.KEEP:
            return Verdict(Treat.KEEP, because, required)
        gone = self._resolved("X/Z/D", because, vr, required)
        if word is not Word.CLEAN:
            return gone
        treat = Treat.CODE if level.chain and tag in PARTS_OF_CODES else Treat.TEXT
        return Verdict(treat, because, required, instead=gone)

    def _kept(self, vr: str, because: Reason, required: str, instead: Verdict) -> Verdict:
        if vr in vrs.DATES:
            # Also a date that is kept has to be one.
            because = Reason(because.source, DateAction.KEEP.value)
            return Verdict(Treat.DATE, because, required, DateRule(DateAction.KEEP), instead=instead)
        # What is retained is the device or the place, and not the person whose name somebody gave to it.
        treat = Treat.RETAIN if vr in vrs.TEXT else Treat.KEEP
        return Verdict(treat, because, required, instead=instead)

    def _cleaned(
        self,
        tag: int,
        vr: str,
        because: Reason,
        required: str,
        instead: Verdict,
        dates: DateRule,
        option: Option | None = None,
    ) -> Verdict:
        if vr == "SQ":
            return Verdict(Treat.KEEP, because, required)
        if vr in vrs.DATES:
            if dates.action is DateAction.REMOVE:
                return instead
            group = "study" if tag in self.policy.dates.study_attributes else "other"
            because = Reason(because.source, f"policy [dates] {group} {dates.action.value}")
            return Verdict(Treat.DATE, because, required, dates, instead=instead)
        if option is Option.RETAIN_MODIFIED_DATES:
            # Timezone Offset From UTC moves with nothing under a shift by whole days; other spellings of a date
            # that are not of a date VR cannot be moved.
            shifted = vr == "SH" and dates.action in (DateAction.SHIFT, DateAction.KEEP)
            return Verdict(Treat.KEEP, because, required) if shifted else instead
        # A curve without its data, which nobody can clean, is a label of nothing: the whole retired group goes.
        if vr in vrs.TEXT and tag >> 24 != _CURVES:
            return Verdict(Treat.TEXT, because, required, instead=instead)
        return instead

    def _resolved(self, code: str, because: Reason, vr: str, required: str, value: str | None = None) -> Verdict:
        """The verdict for a code, compound or not, by the Type of the attribute."""
        if code == "K":
            return Verdict(Treat.KEEP, because, required)
        if code == "U":
            if vr not in ("UI", ""):
                return self._resolved("X/Z/D", because, vr, required)
            return Verdict(Treat.UID, because, required)
        if code == "X/Z/U*":
            # The items are kept: their UIDs lead to instances of the same study, and are replaced like all others.
            return Verdict(Treat.KEEP, because, required)
        detail = f"Type {required} in {self._iod.name}" if required != "3" else ""
        one = required == "1" or (required == "1C" and "/" in code)
        two = required == "2" or (required == "2C" and "/" in code)
        if code == "D" or (one and code != "D"):
            if one and code != "D":
                because = Reason(because.source, detail)
            return Verdict(Treat.DUMMY, because, required, value=value)
        if code == "Z" or (code == "Z/D" and not one) or two:
            return Verdict(Treat.EMPTY, Reason(because.source, detail if code != "Z" else ""), required)
        return Verdict(Treat.REMOVE, Reason(because.source, "Type 3" if "/" in code else ""), required)


def _date_rule(policy: Policy, tag: int) -> DateRule:
    dates = policy.dates
    return dates.study if tag in dates.study_attributes else dates.other


@lru_cache(maxsize=256)
def rules_for(policy: Policy, sop_class_uid: str, modules: tuple[int, ...]) -> Rules:
    """The policy made ready for instances of a SOP Class that have these modules."""
    return Rules(policy, sop_class_uid, modules, confidentiality_table())


def vr_of(tag: int, declared: str) -> str:
    """The VR that counts: the declared one, or that of the dictionary where none is declared."""
    return declared or dictionary_vr(tag).partition(" or ")[0]
