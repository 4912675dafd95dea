# SPDX-License-Identifier: Apache-2.0
"""Policies from TOML files.

Everything that a policy decides stands in its file: the loader has no defaults for decisions, so that two people
who read the same file know the same. Unknown keys and values are errors.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from pydicom.datadict import tag_for_keyword

from deidgate.dicom.lexical import is_uid
from deidgate.errors import ConfigurationError
from deidgate.policy.model import (
    DateAction,
    DateRule,
    DateRules,
    Defaults,
    Doubt,
    ElementRule,
    Fate,
    Option,
    Policy,
    PrivateRule,
    Word,
)
from deidgate.policy.tomlfile import Section, parse_toml
from deidgate.pseudonym.draw import PseudonymStyle
from deidgate.standard.families import families

NOT_IMPLEMENTED = frozenset({Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES})
# Patient's Name, Patient ID, the three UIDs under which servers store an instance, and what the rest is read by:
# SOP Class UID and Specific Character Set.
IDENTITY = frozenset({0x00100010, 0x00100020, 0x00080018, 0x0020000D, 0x0020000E, 0x00080016, 0x00080005})
_LEAST_KEY_BITS = 2048
_TAG = re.compile(r"\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)")
_LABEL = re.compile(r"[A-Za-z0-9.-]{1,20}")


def load_policy(path: Path) -> Policy:
    """The policy that the TOML file `path` describes.

    Raises
    ------
    ConfigurationError
        The file is missing or not TOML, has an unknown key or value (the message names file, key and what is
        accepted), contradicts itself, or asks for an option that is not implemented.
    """
    try:
        data = path.read_bytes()
    except OSError:
        raise ConfigurationError("no-such-file", str(path)) from None
    return read_policy(data, path)


def read_policy(data: bytes, path: Path) -> Policy:
    """The policy that `data` describe, which are or will be the file `path`.

    Raises
    ------
    ConfigurationError
        As `load_policy`.
    """
    content, digest = parse_toml(data, path)
    with Section(content, path.name) as top:
        options = _options(top)
        return Policy(
            name=_label(top, "name"),
            version=_label(top, "version"),
            title=top.get("title", str),
            digest=digest,
            options=options,
            dates=_dates(top, options),
            elements=_elements(top),
            private=_private(top, options),
            well_known_uids=frozenset(_tags(top, "well_known_uids")),
            defaults=_defaults(top),
            keep_list=frozenset(_tags(top, "keep_list")) if top.any("keep_list") is not None else None,
            families=_families(top),
            sop_classes=_sop_classes(top),
            text_style=top.word("text_style", ["sensible", "strict"]),
            pseudonym=_pseudonym(top),
            encrypt_for=_certificate(top, path),
        )


def _label(top: Section, key: str) -> str:
    label = top.get(key, str)
    # Both stand in De-identification Method with the hash, in 64 characters.
    if not _LABEL.fullmatch(label):
        raise top.error(key, "unknown-value", ["up to 20 letters, digits, dots and hyphens"])
    return label


def tag_named(name: str) -> int | None:
    """Tag of a keyword or of ``(gggg,eeee)``; None when `name` is neither."""
    match = _TAG.fullmatch(name)
    return int(match[1] + match[2], 16) if match else tag_for_keyword(name)


def _options(top: Section) -> frozenset[Option]:
    by_word = {option.word: option for option in Option}
    options = frozenset(by_word[top.one_of("options", word, by_word)] for word in top.words("options"))
    for option in sorted(options & NOT_IMPLEMENTED):
        raise ConfigurationError("option-not-implemented", f"{top.where} options", option.word)
    # Source: PS3.15 E.3.6: one or the other.
    if {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES} <= options:
        raise ConfigurationError(
            "options-contradict", f"{top.where} options", "retain-full-dates, retain-modified-dates"
        )
    return options


def _dates(top: Section, options: frozenset[Option]) -> DateRules:
    with top.section("dates") as dates:
        rules = DateRules(
            birth=_date_rule(dates, "birth"),
            study=_date_rule(dates, "study"),
            other=_date_rule(dates, "other"),
            birth_attributes=frozenset(_tags(dates, "birth_attributes")),
            study_attributes=frozenset(_tags(dates, "study_attributes")),
        )
        actions = {rules.study.action, rules.other.action}
        if Option.RETAIN_FULL_DATES in options:
            fits = actions == {DateAction.KEEP}
        elif Option.RETAIN_MODIFIED_DATES in options:
            fits = actions != {DateAction.KEEP} and actions != {DateAction.REMOVE}
        else:
            fits = actions == {DateAction.REMOVE}
        if not fits:
            # The codes would claim what is not done.
            raise ConfigurationError("dates-contradict-options", f"{dates.where} study, other")
        return rules


def _date_rule(dates: Section, key: str) -> DateRule:
    value = dates.any(key)
    if isinstance(value, str):
        accepted = [action.value for action in DateAction if action is not DateAction.TRUNCATE]
        return DateRule(DateAction(dates.one_of(key, value, accepted)))
    with dates.section(key) as rule:
        to = rule.word("truncate", ["month", "year"])
        day = rule.get("day", int)
        if not 1 <= day <= 28:
            raise rule.error("day", "unknown-value", ["1 to 28"])
        return DateRule(DateAction.TRUNCATE, to, day)


def _elements(top: Section) -> tuple[ElementRule, ...]:
    with top.section("elements", optional=True) as elements:
        return tuple(_element(elements, key) for key in elements.names())


def _element(elements: Section, key: str) -> ElementRule:
    path = tuple(tag_named(name) for name in key.split("."))
    if None in path:
        raise elements.error(key, "unknown-keyword", ["Keyword", "(gggg,eeee)", "SequenceKeyword.Keyword"])
    tags = tuple(tag for tag in path if tag is not None)
    if len(tags) == 1 and tags[0] in IDENTITY:
        raise elements.error(key, "identity-is-not-a-matter-of-lines", ["any other attribute"])
    if any((tag >> 16) & 1 for tag in tags):
        raise elements.error(key, "private-attribute", ["[[private]]"])
    word, value = elements.any(key), None
    if isinstance(word, dict):
        with elements.section(key) as fixed:
            value, word = fixed.get("value", str), Word.DUMMY.value
        if not value.isascii():
            raise elements.error(key, "unknown-value", ["ASCII text"])
    if not isinstance(word, str):
        raise elements.error(key, "wrong-kind", ["a word", "{ value = … }"])
    return ElementRule(tags, Word(elements.one_of(key, word, [w.value for w in Word])), value, key)


def _private(top: Section, options: frozenset[Option]) -> tuple[PrivateRule, ...]:
    rules = []
    for line in top.sections("private"):
        with line:
            creator = line.get("creator", str)
            try:
                group, element = int(line.get("group", str), 16), int(line.get("element", str), 16)
            except ValueError:
                raise line.error("group, element", "unknown-value", ["hexadecimal"]) from None
            if not group & 1 or not 0 <= element <= 0xFF or not creator.strip():
                raise line.error("group, element", "unknown-value", ["odd group", "00 to ff"])
            line.get("reason", str)
            rules.append(PrivateRule(creator.strip(), group, element))
    if rules and Option.RETAIN_SAFE_PRIVATE not in options:
        raise ConfigurationError("private-without-option", f"{top.where} [[private]]", "retain-safe-private")
    return tuple(rules)


def _defaults(top: Section) -> Defaults:
    doubts = [doubt.value for doubt in Doubt]
    with top.section("defaults") as defaults:
        depth = defaults.get("depth", int)
        if not 1 <= depth <= 64:
            raise defaults.error("depth", "unknown-value", ["1 to 64"])
        return Defaults(
            standard=Word(defaults.word("standard", ["keep", "remove"])),
            text=Word(defaults.word("text", ["keep", "clean", "remove"])),
            names=Word(defaults.word("names", ["empty", "remove"])),
            unknown=Doubt(defaults.word("unknown", doubts)),
            malformed=Doubt(defaults.word("malformed", doubts)),
            deep=Doubt(defaults.word("deep", doubts)),
            depth=depth,
        )


def _families(top: Section) -> MappingProxyType[str, Fate]:
    with top.section("families") as section:
        fates = {name: Fate(section.word(name, [fate.value for fate in Fate])) for name in sorted(families())}
    return MappingProxyType(fates)


def _sop_classes(top: Section) -> MappingProxyType[str, Fate]:
    with top.section("sop_classes", optional=True) as section:
        fates = {}
        for uid in section.names():
            if not is_uid(uid):
                raise section.error(uid, "unknown-key", ["SOP Class UID"])
            fates[uid] = Fate(section.word(uid, [fate.value for fate in Fate]))
    return MappingProxyType(fates)


def _pseudonym(top: Section) -> PseudonymStyle:
    style = PseudonymStyle()
    with top.section("pseudonym", optional=True) as section:
        try:
            return PseudonymStyle(
                prefix=section.get("prefix", str, style.prefix),
                alphabet=section.get("alphabet", str, style.alphabet),
                length=section.get("length", int, style.length),
                check=section.get("check", bool, style.check),
                shift_min_days=section.get("shift_min_days", int, style.shift_min_days),
                shift_max_days=section.get("shift_max_days", int, style.shift_max_days),
                whole_weeks=section.get("whole_weeks", bool, style.whole_weeks),
            )
        except ConfigurationError as error:
            # The style knows what is wrong with itself, and not in which file it stands.
            named = error.path.startswith(top.where)
            raise error if named else ConfigurationError(error.code, section.where, error.detail) from None


def _certificate(top: Section, path: Path) -> str:
    with top.section("encrypt_originals", optional=True) as section:
        if not section.names():
            return ""
        certificate = path.parent / section.get("certificate", str)
        try:
            pem = certificate.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            raise ConfigurationError("no-certificate", f"{section.where} certificate") from None
        _check_certificate(pem, f"{section.where} certificate")
        return pem


def _check_certificate(pem: str, where: str) -> None:
    try:
        key = load_pem_x509_certificate(pem.encode("ascii")).public_key()
    except ValueError:
        raise ConfigurationError("no-certificate", where) from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_KEY_BITS:
        raise ConfigurationError("certificate-key", where, f"accepted: RSA of at least {_LEAST_KEY_BITS} bits")


def _tags(section: Section, key: str) -> list[int]:
    tags = []
    for name in section.words(key):
        tag = tag_named(name)
        if tag is None:
            raise section.error(key, "unknown-keyword", ["Keyword", "(gggg,eeee)"], name)
        tags.append(tag)
    return tags
