# SPDX-License-Identifier: Apache-2.0
"""Where the text of a PDF page stands, operator by operator, and where its table rows are.

pdfminer interprets the page; what is recorded is in the order of the operators, so that `deidgate.convert.form` can
find each again in the content stream and take its glyphs out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO

from pdfminer.converter import PDFConverter
from pdfminer.layout import LTChar
from pdfminer.pdfcolor import PDFColorSpace
from pdfminer.pdffont import PDFFont, PDFUnicodeNotDefined
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.utils import Matrix, apply_matrix_pt

Rectangle = tuple[float, float, float, float]
"""Left, bottom, right, top in points; y grows upwards."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph as it is shown.

    Attributes
    ----------
    text : str
    box : Rectangle
    advance : float
        In thousandths of the font's size: what a number in a TJ array has to be to stand in for it.
    operator : int
        Which text-showing operator of the page it belongs to, from 0.
    """

    text: str
    box: Rectangle
    advance: float
    operator: int


@dataclass
class Page:
    """What was recorded of one page.

    Attributes
    ----------
    glyphs : list of Glyph
    operators : int
        Number of text-showing operators.
    images : list of Rectangle
        One for each image that is drawn, in order.
    paths : list of (Rectangle, bool)
        One for each path-painting operator, in order; True if it has curves.
    box : Rectangle
        The page before it is turned: for its height.
    """

    glyphs: list[Glyph] = field(default_factory=list)
    operators: int = 0
    images: list[Rectangle] = field(default_factory=list)
    paths: list[tuple[Rectangle, bool]] = field(default_factory=list)
    box: Rectangle = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Line:
    """Glyphs on one line, from left to right, with spaces where there are gaps."""

    text: str
    box: Rectangle
    owners: tuple[Glyph | None, ...]
    """For each character of `text` its glyph; None for a space that only the gap makes."""


def pages(content: bytes) -> list[Page]:
    """All pages of the PDF file `content`, in order."""
    manager = PDFResourceManager(caching=False)
    found = []
    for page in PDFPage.get_pages(BytesIO(content), check_extractable=False):
        recorder = _Recorder(manager)
        recorder.page.box = tuple(float(value) for value in page.mediabox)  # type: ignore[assignment]
        _Interpreter(manager, recorder).process_page(page)
        found.append(recorder.page)
    return found


def lines(page: Page) -> list[Line]:
    """The page's text in lines from top to bottom, whatever order it was drawn in."""
    glyphs = sorted((g for g in page.glyphs if g.text.strip()), key=lambda g: (-_middle(g.box), g.box[0]))
    rows: list[list[Glyph]] = []
    for glyph in glyphs:
        height = glyph.box[3] - glyph.box[1]
        if rows and abs(_middle(rows[-1][0].box) - _middle(glyph.box)) < 0.4 * max(height, 1.0):
            rows[-1].append(glyph)
        else:
            rows.append([glyph])
    return [_line(sorted(row, key=lambda g: g.box[0])) for row in rows]


def runs(page: Page) -> list[Line]:
    """The page's text as it was drawn: glyphs that follow each other on one line, whatever else lies over them."""
    found: list[list[Glyph]] = []
    for glyph in page.glyphs:
        before = found[-1][-1] if found else None
        height = max(glyph.box[3] - glyph.box[1], 1.0)
        if (
            before is not None
            and abs(_middle(before.box) - _middle(glyph.box)) < 0.4 * height
            and -0.5 * height < glyph.box[0] - before.box[2] < 3 * height
        ):
            found[-1].append(glyph)
        else:
            found.append([glyph])
    return [_line(run) for run in found]


def row_band(page: Page, line: Line, all_lines: Iterable[Line], label: Rectangle) -> Rectangle:
    """The table row that `line` stands in: from the rule above to the rule below `label`, endless on both sides.

    What lies beside the page is in the file too, and where the page ends is said before it is turned and moved.
    Without rules it reaches down to the next line that begins no further right than the label does: what is written
    in several lines beside one label goes as a whole.
    """
    center = (label[0] + label[2]) / 2
    above = [
        box[1] for box, _ in page.paths if _is_rule(box) and box[0] <= center <= box[2] and box[1] >= line.box[3] - 2
    ]
    below = [
        box[3] for box, _ in page.paths if _is_rule(box) and box[0] <= center <= box[2] and box[3] <= line.box[1] + 2
    ]
    # Cells may be drawn as rectangles: their edges are rules too.
    for box, _ in page.paths:
        inside = box[0] <= center <= box[2] and box[1] <= _middle(line.box) <= box[3]
        if inside and 4 < box[3] - box[1] < 0.4 * (page.box[3] - page.box[1]):
            above.append(box[3])
            below.append(box[1])
    height = line.box[3] - line.box[1]
    if above and below and min(above) - max(below) < 0.4 * (page.box[3] - page.box[1]):
        return -math.inf, max(below), math.inf, min(above)
    under = [o.box[3] for o in all_lines if o.box[3] < line.box[1] + 0.3 * height and o.box[0] <= label[0] + 2]
    bottom = max(under) if under else line.box[1] - 0.3 * height
    return -math.inf, min(max(bottom, line.box[1] - 6 * height), line.box[1]), math.inf, line.box[3]


def in_band(box: Rectangle, band: Rectangle) -> bool:
    """True if the middle of `box` lies in `band`."""
    return band[0] <= (box[0] + box[2]) / 2 <= band[2] and band[1] <= _middle(box) <= band[3]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    """True if the rectangles share an area."""
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def words_of(text: str) -> set[str]:
    """Words of at least three letters and numbers of at least three digits, in lower case."""
    return {word.lower() for word in re.findall(r"[^\W\d_]{3,}|\d{3,}", text)}


def _middle(box: Rectangle) -> float:
    return (box[1] + box[3]) / 2


def _is_rule(box: Rectangle) -> bool:
    return box[3] - box[1] <= 2.0 and box[2] - box[0] >= 20.0


def _line(glyphs: list[Glyph]) -> Line:
    text, owners = "", list[Glyph | None]()
    for before, glyph in zip([None, *glyphs[:-1]], glyphs, strict=True):
        if before is not None and glyph.box[0] - before.box[2] > 0.15 * (glyph.box[3] - glyph.box[1]):
            text += " "
            owners.append(None)
        text += glyph.text
        owners.extend([glyph] * len(glyph.text))
    boxes = [glyph.box for glyph in glyphs]
    box = min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)
    return Line(text, box, tuple(owners))


class _Recorder(PDFConverter[BinaryIO]):
    """Writes down glyphs instead of laying them out."""

    def __init__(self, manager: PDFResourceManager) -> None:
        super().__init__(manager, BytesIO())
        self.page = Page()

    def begin_page(self, page: Any, ctm: Matrix) -> None:
        """Nothing to lay out."""

    def end_page(self, page: Any) -> None:
        """Nothing to lay out."""

    def begin_figure(self, name: str, bbox: Any, matrix: Matrix) -> None:
        """Nothing to lay out."""

    def end_figure(self, name: str) -> None:
        """Nothing to lay out."""

    def render_image(self, name: str, stream: Any) -> None:
        """Images are recorded where they are drawn."""

    def paint_path(self, *_: Any) -> None:
        """Paths are recorded where they are painted."""

    def render_char(
        self,
        matrix: Matrix,
        font: PDFFont,
        fontsize: float,
        scaling: float,
        rise: float,
        cid: int,
        ncs: PDFColorSpace,
        graphicstate: Any,
    ) -> float:
        try:
            text = font.to_unichr(cid)
        except PDFUnicodeNotDefined:
            text = "\N{REPLACEMENT CHARACTER}"
        item = LTChar(
            matrix, font, fontsize, scaling, rise, text, font.char_width(cid), font.char_disp(cid), ncs, graphicstate
        )
        unit = 0.001 * fontsize * scaling
        advance = item.adv / unit if unit else 0.0
        self.page.glyphs.append(Glyph(text, item.bbox, advance, self.page.operators - 1))
        return item.adv


class _Interpreter(PDFPageInterpreter):
    """Counts the operators that show something."""

    device: _Recorder

    def do_TJ(self, seq: Any) -> None:
        self.device.page.operators += 1
        super().do_TJ(seq)

    def do_EI(self, obj: Any) -> None:
        self.device.page.images.append(self._unit_square())

    def do_Do(self, xobjid_arg: Any) -> None:
        from pdfminer.pdftypes import resolve1
        from pdfminer.psparser import literal_name

        stream = resolve1(self.xobjmap.get(literal_name(xobjid_arg)))
        if stream is not None and literal_name(stream.get("Subtype", "")) == "Image":
            self.device.page.images.append(self._unit_square())
            return
        super().do_Do(xobjid_arg)
        # A form leaves its own matrix behind in the device.
        self.device.set_ctm(self.ctm)

    def do_S(self) -> None:
        self._note_path()
        super().do_S()

    def do_f(self) -> None:
        self._note_path()
        super().do_f()

    def do_F(self) -> None:
        # The obsolete spelling of the same operator.
        self.do_f()

    def do_f_a(self) -> None:
        self._note_path()
        super().do_f_a()

    def do_B(self) -> None:
        self._note_path()
        super().do_B()

    def do_B_a(self) -> None:
        self._note_path()
        super().do_B_a()

    def do_n(self) -> None:
        self._note_path()
        super().do_n()

    def _unit_square(self) -> Rectangle:
        return _bounds([apply_matrix_pt(self.ctm, point) for point in ((0, 0), (1, 0), (0, 1), (1, 1))])

    def _note_path(self) -> None:
        points = []
        for segment in self.curpath:
            numbers = [value for value in segment[1:] if isinstance(value, int | float)]
            points += [apply_matrix_pt(self.ctm, pair) for pair in zip(numbers[::2], numbers[1::2], strict=False)]
        curved = any(segment[0] in ("c", "v", "y") for segment in self.curpath)
        self.device.page.paths.append((_bounds(points), curved))


def _bounds(points: list[Any]) -> Rectangle:
    if not points:
        return 0.0, 0.0, 0.0, 0.0
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys))
