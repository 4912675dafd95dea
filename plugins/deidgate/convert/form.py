# SPDX-License-Identifier: Apache-2.0
"""Identifying rows of a PDF form taken out of the file, not covered.

Steps
-----
1. Form fields and annotations become page content; then everything that is not page content goes: metadata, document
   information, attachments, scripts, bookmarks, the structure tree with its alternative texts, thumbnails, earlier
   revisions.
2. Rules find rows and words (`deidgate.convert.form_layout`). Their glyphs are taken out of the content streams, also
   inside form XObjects; images and curved paths that touch a row go too.
3. What the rewritten content does not name goes from its resources: the form XObject as it was, with its text, is not
   drawn any more but would still be in the file. QPDF's own way of doing so is not enough, as it drops nothing once a
   single name is not resolved.
4. The new file is read from the beginning: nothing of what was taken out may be in it, and text may only be where it
   was read. What is shown in a font that the file does not have, or inside a pattern, a soft mask or a glyph, was not
   read, so the form is refused.

A page of a kept document that shows an image and no text is a scan: rules on text cannot clean it, and it is refused.

Source: ISO 32000-1 sections 7.8 (content streams), 9.4 (text), 14 (interchange).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

from deidgate.convert.form_rules import FormRules
from deidgate.convert.missing import need
from deidgate.errors import CannotDeidentify

if TYPE_CHECKING:
    from deidgate.convert.form_layout import Glyph, Line, Page, Rectangle

_SHOWS_TEXT = frozenset({"Tj", "TJ", "'", '"'})
_PAINTS = frozenset({"S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "n"})
_OPERATOR_NAMES = (
    "b B b* B* BDC BMC BT BX c cm CS cs d d0 d1 Do DP EMC ET EX f F f* G g gs h i j J K k l m M MP n q Q re RG rg ri"
    " s S SC sc SCN scn sh T* Tc Td TD Tf Tj TJ TL Tm Tr Ts Tw Tz v w W W* y ' \""
)
"""All that there are but for inline images. Source: ISO 32000-1 Annex A."""
_OPERATORS = frozenset(_OPERATOR_NAMES.split())
_NAMED = {
    "Do": "/XObject",
    "Tf": "/Font",
    "gs": "/ExtGState",
    "scn": "/Pattern",
    "SCN": "/Pattern",
    "sh": "/Shading",
}
"""Operator -> resources that its last or first operand names. Source: ISO 32000-1 7.8.3."""
_DOCUMENT_KEYS = (
    "/Metadata /Names /Outlines /StructTreeRoot /MarkInfo /PieceInfo /AcroForm /OpenAction /AA /Perms /AF /Collection"
    " /Dests /Threads /SpiderInfo /Legal /Requirements /DSS /URI /Lang /PageLabels /OutputIntents"
)
_PAGE_KEYS = "/Annots /Metadata /PieceInfo /AA /Thumb /B /AF /StructParents /LastModified /PresSteps"


@dataclass(frozen=True, slots=True)
class Redacted:
    """The result.

    Attributes
    ----------
    content : bytes
        The new PDF file.
    pages : tuple of int
        Original numbers of the pages that stayed, from 1.
    rows, glyphs, pictures : int
        How much was taken out.
    """

    content: bytes
    pages: tuple[int, ...]
    rows: int
    glyphs: int
    pictures: int


@dataclass(frozen=True, slots=True)
class _Out:
    """What goes from one page: numbers of glyphs (by operator), images and paths, in drawing order."""

    glyphs: dict[int, frozenset[int]]
    images: frozenset[int]
    paths: frozenset[int]
    bands: tuple[Rectangle, ...]
    words: frozenset[str]


def redact(content: bytes, rules: FormRules) -> Redacted:
    """The PDF file `content` without what `rules` name.

    Raises
    ------
    CannotDeidentify
        ``pdf-unreadable``, ``pdf-encrypted``, ``pdf-page-absent``, ``pdf-scanned-page`` (with the page), ``pdf-no-row``
        (nothing matched: the form is not the one the rules are for), ``pdf-redaction-incomplete``.
    ExtraMissingError
        pikepdf or pdfminer is not installed.
    """
    pikepdf = need("pikepdf", "convert")
    damage = need("pdfminer.psexceptions", "convert").PSException
    try:
        return _redacted(pikepdf, content, rules)
    except (pikepdf.PdfError, damage, RuntimeError, AttributeError, TypeError, ValueError, LookupError):
        # A damaged file has a number where a dictionary should be, and both readers take it for one.
        raise CannotDeidentify("pdf-unreadable") from None


def _redacted(pikepdf: Any, content: bytes, rules: FormRules) -> Redacted:
    from deidgate.convert.form_layout import pages as read_pages

    flat, kept = _flattened(pikepdf, content, rules.pages)
    layout = read_pages(flat)
    for page, number in zip(layout, kept, strict=True):
        if page.images and not any(glyph.text.strip() for glyph in page.glyphs):
            raise CannotDeidentify("pdf-scanned-page", f"page {number}")
    outs = _choose(layout, rules)
    if not any(out.glyphs for out in outs):
        raise CannotDeidentify("pdf-no-row")
    with pikepdf.open(BytesIO(flat)) as document:
        for page, recorded, out in zip(document.pages, layout, outs, strict=True):
            _Rewriter(pikepdf, document, recorded, out).page(page)
        for node in document.objects:
            # Pages have their own by now; what a node of the tree lends them is what they had before.
            if isinstance(node, pikepdf.Dictionary) and node.get("/Type") == "/Pages" and "/Resources" in node:
                del node["/Resources"]
        result = _saved(pikepdf, document)
    _check(pikepdf, result, outs, rules.elsewhere)
    return Redacted(
        result,
        kept,
        sum(len(out.bands) for out in outs),
        sum(len(numbers) for out in outs for numbers in out.glyphs.values()),
        sum(len(out.images) + len(out.paths) for out in outs),
    )


def _flattened(pikepdf: Any, content: bytes, wanted: tuple[int, ...]) -> tuple[bytes, tuple[int, ...]]:
    try:
        document = pikepdf.open(BytesIO(content))
    except pikepdf.PasswordError:
        raise CannotDeidentify("pdf-encrypted") from None
    except pikepdf.PdfError:
        raise CannotDeidentify("pdf-unreadable") from None
    with document:
        count = len(document.pages)
        kept = tuple(sorted(set(wanted))) or tuple(range(1, count + 1))
        if not kept or kept[-1] > count:
            raise CannotDeidentify("pdf-page-absent", f"page {kept[-1] if kept else 1}")
        if "/AcroForm" in document.Root:
            document.generate_appearance_streams()
            _lend_resources(pikepdf, document)
        document.flatten_annotations("all")
        for number in range(count, 0, -1):
            if number not in kept:
                del document.pages[number - 1]
        for key in _DOCUMENT_KEYS.split():
            if key in document.Root:
                del document.Root[key]
        for page in document.pages:
            for key in _PAGE_KEYS.split():
                if key in page.obj:
                    del page.obj[key]
        for thing in document.objects:
            if isinstance(thing, pikepdf.Stream):
                for key in ("/Metadata", "/PieceInfo", "/LastModified", "/StructParents", "/AF", "/OPI"):
                    if key in thing:
                        del thing[key]
        if "/Info" in document.trailer:
            del document.trailer["/Info"]
        return _saved(pikepdf, document), kept


def _lend_resources(pikepdf: Any, document: Any) -> None:
    """Give the appearances of fields the resources of the whole form: on the page there is nobody to lend them."""
    lent = document.Root.AcroForm.get("/DR", pikepdf.Dictionary())
    for page in document.pages:
        for annotation in page.obj.get("/Annots", ()):
            shown = annotation.get("/AP") if isinstance(annotation, pikepdf.Dictionary) else None
            for stream in _appearances(pikepdf, shown):
                own = pikepdf.Dictionary(stream.get("/Resources", pikepdf.Dictionary()))
                for kind, things in lent.items():
                    if isinstance(things, pikepdf.Dictionary):
                        merged = pikepdf.Dictionary(things)
                        for name, thing in own.get(kind, pikepdf.Dictionary()).items():
                            merged[name] = thing
                        own[kind] = merged
                stream["/Resources"] = own


def _appearances(pikepdf: Any, thing: Any) -> list[Any]:
    """The streams of an appearance dictionary: for each state of the field there may be one."""
    if isinstance(thing, pikepdf.Stream):
        return [thing]
    if isinstance(thing, pikepdf.Dictionary):
        return [stream for value in thing.values() for stream in _appearances(pikepdf, value)]
    return []


def _saved(pikepdf: Any, document: Any) -> bytes:
    buffer = BytesIO()
    # A new file with what is reachable, and an identifier that does not come from the old one.
    document.save(
        buffer, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.disable, fix_metadata_version=False
    )
    return buffer.getvalue()


def _choose(layout: list[Page], rules: FormRules) -> list[_Out]:
    from deidgate.convert.form_layout import in_band, lines, overlap, row_band, runs, words_of

    chosen: list[set[int]] = []
    bands_of: list[list[Rectangle]] = []
    labels: set[str] = set()
    # As it is read and as it was drawn: what lies over something else is read in one of the two.
    all_lines = [lines(page) + runs(page) for page in layout]
    for page, page_lines in zip(layout, all_lines, strict=True):
        glyphs: set[int] = set()
        bands: list[Rectangle] = []
        for line in page_lines:
            for rule in rules.rows:
                match = rule.search(line.text)
                if match:
                    labels |= words_of(match[0])
                    bands.append(row_band(page, line, page_lines, _extent(line, match.span())))
        numbered = {id(glyph): number for number, glyph in enumerate(page.glyphs)}
        for line in page_lines:
            for rule in rules.words:
                for match in rule.finditer(line.text):
                    owners = [owner for owner in line.owners[slice(*match.span())] if owner is not None]
                    glyphs |= {numbered[id(owner)] for owner in owners}
        glyphs |= {n for n, glyph in enumerate(page.glyphs) if any(in_band(glyph.box, band) for band in bands)}
        chosen.append(glyphs)
        bands_of.append(bands)
    gone = [
        words_of(" ".join(_inside(line, page, numbers) for line in page_lines))
        for page, page_lines, numbers in zip(layout, all_lines, chosen, strict=True)
    ]
    secret = set().union(*gone) - labels if gone else set()
    if rules.elsewhere:
        for page, page_lines, numbers in zip(layout, all_lines, chosen, strict=True):
            numbers |= _places_of(secret, page, page_lines)
    return [
        _Out(
            _by_operator(page.glyphs, numbers),
            frozenset(n for n, box in enumerate(page.images) if any(overlap(box, band) for band in bands)),
            frozenset(
                n for n, (box, curved) in enumerate(page.paths) if curved and any(overlap(box, b) for b in bands)
            ),
            tuple(bands),
            frozenset(secret),
        )
        for page, numbers, bands in zip(layout, chosen, bands_of, strict=True)
    ]


def _extent(line: Line, span: tuple[int, int]) -> Rectangle:
    boxes = [owner.box for owner in line.owners[slice(*span)] if owner is not None]
    if not boxes:
        return line.box
    return min(b[0] for b in boxes), line.box[1], max(b[2] for b in boxes), line.box[3]


def _inside(line: Line, page: Page, numbers: set[int]) -> str:
    """The line's text with spaces for what stays."""
    gone = {id(page.glyphs[number]) for number in numbers}
    return "".join(
        character if owner is not None and id(owner) in gone else " "
        for character, owner in zip(line.text, line.owners, strict=True)
    )


def _places_of(secret: set[str], page: Page, page_lines: list[Line]) -> set[int]:
    numbered = {id(glyph): number for number, glyph in enumerate(page.glyphs)}
    found: set[int] = set()
    for line in page_lines:
        lowered = line.text.lower()
        if len(lowered) != len(line.text):
            lowered = line.text
        for word in secret:
            start = lowered.find(word)
            while start >= 0:
                owners = line.owners[start : start + len(word)]
                found |= {numbered[id(owner)] for owner in owners if owner is not None}
                start = lowered.find(word, start + 1)
    return found


def _by_operator(glyphs: list[Glyph], numbers: set[int]) -> dict[int, frozenset[int]]:
    """Operator -> positions of its glyphs that go."""
    result: dict[int, set[int]] = {}
    position, operator = 0, -1
    for number, glyph in enumerate(glyphs):
        position = position + 1 if glyph.operator == operator else 0
        operator = glyph.operator
        if number in numbers:
            result.setdefault(operator, set()).add(position)
    return {operator: frozenset(positions) for operator, positions in result.items()}


class _Rewriter:
    """Takes glyphs, images and paths out of one page, in the order in which they were recorded."""

    def __init__(self, pikepdf: Any, document: Any, recorded: Page, out: _Out) -> None:
        self._pikepdf = pikepdf
        self._document = document
        self._out = out
        self._recorded = recorded
        self._glyphs: dict[int, list[Glyph]] = {}
        for glyph in recorded.glyphs:
            self._glyphs.setdefault(glyph.operator, []).append(glyph)
        self._text = self._image = self._path = 0
        self._font_known = True

    def page(self, page: Any) -> None:
        """Rewrite the page; raise if it did not draw what was recorded."""
        # Also what the page has from the tree of pages.
        resources = self._own(page.resources)
        instructions = self._rewritten(self._pikepdf.parse_content_stream(page), resources, 0)
        page.obj["/Resources"] = self._named(resources, instructions)
        page.Contents = self._document.make_stream(self._pikepdf.unparse_content_stream(instructions))
        seen = (self._text, self._image, self._path)
        if seen != (self._recorded.operators, len(self._recorded.images), len(self._recorded.paths)):
            # The two readers did not see the same page: nobody can say what was taken out.
            raise CannotDeidentify("pdf-redaction-incomplete", "order of operators")

    def _own(self, resources: Any) -> Any:
        """A copy whose XObjects can be changed for this page alone."""
        copied = self._pikepdf.Dictionary(resources)
        if "/XObject" in copied:
            copied["/XObject"] = self._pikepdf.Dictionary(copied["/XObject"])
        return copied

    def _named(self, resources: Any, instructions: list[Any]) -> Any:
        """The resources that `instructions` name; colour spaces stay, as pictures in the content name them too."""
        names: dict[str, set[str]] = {}
        for instruction in instructions:
            kind = _NAMED.get(str(instruction.operator))
            if kind:
                names.setdefault(kind, set()).update(
                    str(operand) for operand in instruction.operands if isinstance(operand, self._pikepdf.Name)
                )
        kept = self._pikepdf.Dictionary()
        for kind, used in names.items():
            things = resources.get(kind, self._pikepdf.Dictionary())
            kept[kind] = self._pikepdf.Dictionary({name: things[name] for name in sorted(used) if name in things})
        if "/ColorSpace" in resources:
            kept["/ColorSpace"] = resources["/ColorSpace"]
        return kept

    def _rewritten(self, instructions: Any, resources: Any, depth: int) -> list[Any]:
        if depth > 12:
            raise CannotDeidentify("pdf-unreadable", "form XObjects")
        fonts, states = (resources.get(kind, self._pikepdf.Dictionary()) for kind in ("/Font", "/ExtGState"))
        kept, saved = [], []
        for instruction in instructions:
            if isinstance(instruction, self._pikepdf.ContentStreamInlineImage):
                if self._image not in self._out.images:
                    kept.append(instruction)
                self._image += 1
                continue
            name = str(instruction.operator)
            if name in _SHOWS_TEXT and not self._has_text(instruction.operands[:-1]):
                kept += self._text_shown(instruction, name)
            elif name in _PAINTS:
                if self._path in self._out.paths:
                    instruction = self._made([], "n")
                self._path += 1
                kept.append(instruction)
            elif name == "Do":
                kept += self._drawn(instruction, resources, depth)
            elif name in ("q", "Q", "Tf", "gs"):
                if name == "Tf":
                    self._font_known = str(instruction.operands[0]) in fonts
                elif name == "gs":
                    # A graphics state may bring a font, and the reader of the page does not look for it there.
                    state = states.get(str(instruction.operands[0]), self._pikepdf.Dictionary())
                    self._font_known = self._font_known and "/Font" not in state
                elif name == "q":
                    saved.append(self._font_known)
                elif saved:
                    self._font_known = saved.pop()
                kept.append(instruction)
            elif name in ("BDC", "DP"):
                # Property lists carry Alternate and Actual Text: a second copy of what is shown.
                kept.append(self._made([instruction.operands[0]], "BMC" if name == "BDC" else "MP"))
            elif self._has_text(instruction.operands):
                # Of a damaged stream: no other operator has strings, so this one is none, and nobody reads it.
                raise CannotDeidentify("pdf-redaction-incomplete", "text that nothing shows")
            elif name in _OPERATORS:
                # Others do nothing; in a damaged stream they are words.
                kept.append(instruction)
        return kept

    def _has_text(self, operands: Any) -> bool:
        return any(
            isinstance(operand, self._pikepdf.String)
            or (isinstance(operand, self._pikepdf.Array) and self._has_text(operand))
            or (isinstance(operand, self._pikepdf.Dictionary) and self._has_text(operand.values()))
            for operand in operands
        )

    def _text_shown(self, instruction: Any, name: str) -> list[Any]:
        operator = self._text
        self._text += 1
        read = self._font_known and operator in self._glyphs
        if not read and _characters(self._pikepdf, instruction):
            raise CannotDeidentify("pdf-redaction-incomplete", "text in a font that is not in the file")
        gone = self._out.glyphs.get(operator)
        if not gone:
            return [instruction]
        shown = instruction.operands[-1]
        parts = list(shown) if name == "TJ" else [shown]
        array = self._without(parts, self._glyphs[operator], gone)
        before = []
        if name == "'":
            before = [self._made([], "T*")]
        elif name == '"':
            word, character = instruction.operands[:2]
            before = [self._made([word], "Tw"), self._made([character], "Tc"), self._made([], "T*")]
        return [*before, self._made([self._pikepdf.Array(array)], "TJ")]

    def _without(self, parts: list[Any], glyphs: list[Glyph], gone: frozenset[int]) -> list[Any]:
        """The TJ array with a gap for each glyph that goes."""
        strings = [bytes(part) for part in parts if isinstance(part, self._pikepdf.String)]
        total = sum(len(string) for string in strings)
        width = total // len(glyphs) if glyphs and total % len(glyphs) == 0 else 0
        if width not in (1, 2) or any(len(string) % width for string in strings):
            # Codes of varying length: which byte is which glyph is not known, so all of them go.
            gone, width = frozenset(range(len(glyphs))), 0
        array: list[Any] = []
        position = 0
        if not width:
            return [Decimal(str(round(-sum(glyph.advance for glyph in glyphs), 3)))]
        for part in parts:
            if not isinstance(part, self._pikepdf.String):
                array.append(part)
                continue
            codes = bytes(part)
            for start in range(0, len(codes), width):
                if position in gone:
                    array.append(Decimal(str(round(-glyphs[position].advance, 3))))
                elif array and isinstance(array[-1], bytes):
                    array[-1] += codes[start : start + width]
                else:
                    array.append(codes[start : start + width])
                position += 1
        return [self._pikepdf.String(item) if isinstance(item, bytes) else item for item in array]

    def _drawn(self, instruction: Any, resources: Any, depth: int) -> list[Any]:
        name = str(instruction.operands[0])
        objects = resources.get("/XObject", self._pikepdf.Dictionary())
        target = objects.get(name)
        if target is None:
            return []
        if target.get("/Subtype") == "/Image":
            self._image += 1
            return [] if self._image - 1 in self._out.images else [instruction]
        if target.get("/Subtype") != "/Form" or "/BBox" not in target:
            return []
        own = self._own(target.get("/Resources", resources))
        font_known = self._font_known
        content = self._rewritten(self._pikepdf.parse_content_stream(target), own, depth + 1)
        self._font_known = font_known
        made = self._document.make_stream(self._pikepdf.unparse_content_stream(content))
        for key, value in target.items():
            if key not in ("/Length", "/Filter", "/DecodeParms", "/Resources"):
                made[key] = value
        made["/Resources"] = self._named(own, content)
        # Each use is a copy: another place may keep what this one loses.
        fresh = f"/Deid{len(objects)}"
        while fresh in objects:
            fresh += "x"
        objects[fresh] = made
        return [self._made([self._pikepdf.Name(fresh)], "Do")]

    def _made(self, operands: list[Any], name: str) -> Any:
        return self._pikepdf.ContentStreamInstruction(operands, self._pikepdf.Operator(name))


def _characters(pikepdf: Any, instruction: Any) -> bool:
    """True if the text-showing `instruction` shows anything."""
    shown = instruction.operands[-1] if instruction.operands else ()
    parts = [shown] if isinstance(shown, pikepdf.String) else list(shown)
    return any(isinstance(part, pikepdf.String) and bytes(part) for part in parts)


def _check(pikepdf: Any, result: bytes, outs: list[_Out], elsewhere: bool) -> None:
    from deidgate.convert.form_layout import in_band, lines, pages, runs, words_of

    for page, out in zip(pages(result), outs, strict=True):
        for glyph in page.glyphs:
            if glyph.text.strip() and any(in_band(glyph.box, band) for band in out.bands):
                raise CannotDeidentify("pdf-redaction-incomplete", "a row")
        if elsewhere and out.words & set().union(*(words_of(line.text) for line in lines(page) + runs(page))):
            raise CannotDeidentify("pdf-redaction-incomplete", "a word of a row in another place")
    with pikepdf.open(BytesIO(result)) as document:
        _check_streams(pikepdf, document)
        if elsewhere:
            # Names of layers, for example: texts that are in the file and on no page.
            texts = {text for one in document.objects for text in _texts(pikepdf, one)}
            if set().union(*(out.words for out in outs)) & set().union(*map(words_of, texts)):
                raise CannotDeidentify("pdf-redaction-incomplete", "a word of a row in a name")


def _check_streams(pikepdf: Any, document: Any) -> None:
    """Raise if anything but the pages and the forms that they draw shows text: nobody has read it."""
    drawn: set[tuple[int, int]] = set()
    for page in document.pages:
        _note_drawn(pikepdf, page, page.resources, drawn)
    for thing in (inner for one in document.objects for inner in _within(pikepdf, one)):
        streams = []
        if isinstance(thing, pikepdf.Stream):
            if thing.get("/Type") in ("/EmbeddedFile", "/Metadata"):
                raise CannotDeidentify("pdf-redaction-incomplete", "an attachment")
            if (thing.get("/Subtype") == "/Form" and thing.objgen not in drawn) or "/PatternType" in thing:
                streams = [thing]
        elif isinstance(thing, pikepdf.Dictionary) and thing.get("/Subtype") == "/Type3":
            streams = list(thing.get("/CharProcs", pikepdf.Dictionary()).values())
        for stream in streams:
            if isinstance(stream, pikepdf.Stream) and any(
                str(instruction.operator) in _SHOWS_TEXT and _characters(pikepdf, instruction)
                for instruction in pikepdf.parse_content_stream(stream)
                if not isinstance(instruction, pikepdf.ContentStreamInlineImage)
            ):
                raise CannotDeidentify("pdf-redaction-incomplete", "text in a pattern, a mask or a glyph")


def _within(pikepdf: Any, thing: Any) -> Iterator[Any]:
    """`thing` and the dictionaries that are written inside it, not those that it refers to."""
    inner: Iterable[Any] = ()
    if isinstance(thing, pikepdf.Dictionary | pikepdf.Stream):
        yield thing
        inner = thing.values()
    elif isinstance(thing, pikepdf.Array):
        inner = thing
    for value in inner:
        if isinstance(value, pikepdf.Object) and not value.is_indirect:
            yield from _within(pikepdf, value)


def _texts(pikepdf: Any, one: Any) -> Iterator[str]:
    """Strings that are written in the object `one`, but for those that say what kind of font it is."""
    for thing in _within(pikepdf, one):
        values = [value for key, value in thing.items() if key not in ("/Registry", "/Ordering")]
        values += [inner for value in values if isinstance(value, pikepdf.Array) for inner in value]
        yield from (str(value) for value in values if isinstance(value, pikepdf.String))


def _note_drawn(pikepdf: Any, content: Any, resources: Any, drawn: set[tuple[int, int]]) -> None:
    objects = resources.get("/XObject", pikepdf.Dictionary())
    for instruction in pikepdf.parse_content_stream(content):
        if str(instruction.operator) != "Do":
            continue
        target = objects.get(str(instruction.operands[0]))
        if target is not None and target.get("/Subtype") == "/Form" and target.objgen not in drawn:
            drawn.add(target.objgen)
            _note_drawn(pikepdf, target, target.get("/Resources", resources), drawn)
