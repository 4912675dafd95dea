# SPDX-License-Identifier: Apache-2.0
"""Rows of a form taken out of the file: what was under them is in it no more."""

import io
import re
import shutil
import subprocess

import numpy as np
import pikepdf
import pytest

from deidgate.convert.form import redact
from deidgate.convert.form_layout import lines, pages
from deidgate.convert.form_rules import FormRules, default_rules, load_rules
from deidgate.errors import CannotDeidentify, ConfigurationError

ROWS = (
    ("Patient name", "Erika Mustermann"),
    ("Date of birth", "12.08.1964"),
    ("Hospital ID", "4711-0815"),
    ("Phone", "+49 89 1234567"),
    ("Inclusion criterion 1", "yes"),
    ("Age group", "50-60"),
    ("Comment", "Mrs Mustermann came twice"),
)
NEEDLES = (b"Erika", b"Mustermann", b"1964", b"4711", b"0815", b"1234567")


def form(*, extra_page: bytes = b"", page_hook=None, pdf_hook=None, rules=True, font=None, second="shown") -> bytes:
    """A form of two pages with a table, as a program writes it."""
    pdf = pikepdf.new()
    face = font or pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
    )
    face = pdf.make_indirect(face)
    content, y = b"", 700
    for label, value in ROWS:
        if rules:
            content += b"0.5 w 50 %d m 550 %d l S\n" % (y + 14, y + 14)
        head, tail = value[:4].encode(), value[4:].encode()
        content += b"BT /F1 10 Tf 55 %d Td (%s) Tj 200 0 Td [(%s) -20 (%s)] TJ ET\n" % (y, label.encode(), head, tail)
        y -= 20
    content += b"50 %d m 550 %d l S\n" % (y + 14, y + 14) if rules else b""
    for number in (1, 2):
        page = pdf.add_blank_page(page_size=(595, 842))
        page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=face))
        if number == 1:
            page.Contents = pdf.make_stream(content + extra_page)
            if page_hook:
                page_hook(pdf, page, face)
        else:
            page.Contents = pdf.make_stream(b"BT /F1 12 Tf 60 700 Td (Page two, %s) Tj ET" % second.encode())
    if pdf_hook:
        pdf_hook(pdf)
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()


def everything(content: bytes) -> bytes:
    """All streams decoded and all strings of a PDF file, and its raw bytes."""
    found = [content]
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for thing in pdf.objects:
            if isinstance(thing, pikepdf.Stream):
                found.append(thing.read_bytes())
            found.append(repr(thing).encode())
    return b"\n".join(found)


def text(content: bytes) -> str:
    return "\n".join(line.text for page in pages(content) for line in lines(page))


def test_identifying_rows_are_gone_and_the_others_stay():
    done = redact(form(), default_rules())
    found = everything(done.content)
    assert [needle for needle in NEEDLES if needle in found] == []
    assert "Inclusion criterion 1" in text(done.content) and "50-60" in text(done.content)
    assert done.rows >= 4 and done.glyphs > 50


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_another_reader_finds_nothing_either(tmp_path):
    (tmp_path / "out.pdf").write_bytes(redact(form(), default_rules()).content)
    done = subprocess.run(["pdftotext", "-layout", str(tmp_path / "out.pdf"), "-"], capture_output=True, check=True)
    assert [needle for needle in NEEDLES if needle in done.stdout] == []
    assert b"Inclusion criterion 1" in done.stdout


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="poppler is not installed")
def test_what_stays_is_drawn_where_it_was(tmp_path):
    from PIL import Image

    pictures = []
    for name, content in (("before", form()), ("after", redact(form(), default_rules()).content)):
        (tmp_path / f"{name}.pdf").write_bytes(content)
        subprocess.run(
            ["pdftoppm", "-r", "50", "-png", "-f", "1", "-l", "1", str(tmp_path / f"{name}.pdf"), str(tmp_path / name)],
            check=True,
        )
        pictures.append(np.asarray(Image.open(next(tmp_path.glob(f"{name}-*.png"))).convert("L")))
    before, after = pictures
    row = lambda y: slice(round((842 - y - 10) * 50 / 72), round((842 - y + 4) * 50 / 72))  # noqa: E731
    kept, gone = row(620), row(700)
    assert np.array_equal(before[kept], after[kept]) and before[kept].min() < 200
    assert before[gone].min() < 128 and after[gone][4:-2].min() > 200


def test_words_of_a_removed_row_go_from_other_places_too():
    done = redact(form(second="for Mustermann"), default_rules())
    assert "Mustermann" not in text(done.content) and "Page two" in text(done.content)


def test_metadata_attachments_scripts_and_bookmarks_go():
    def fill(pdf):
        with pdf.open_metadata() as meta:
            meta["dc:title"] = "Mustermann screening"
        pdf.docinfo["/Author"] = "Erika Mustermann"
        pdf.attachments["a.txt"] = b"Erika Mustermann attached"
        pdf.Root.OpenAction = pikepdf.Dictionary(
            S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert('Mustermann')")
        )
        with pdf.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("Mustermann", 0))

    before = form(pdf_hook=fill)
    found = everything(redact(before, default_rules()).content)
    assert b"Mustermann" in everything(before)
    assert [needle for needle in (*NEEDLES, b"JavaScript", b"/Metadata", b"/Info") if needle in found] == []


def test_earlier_revisions_do_not_come_along():
    first = form()
    # An incremental update: the old content stays in the file in front of the new.
    found = everything(redact(first + b"\n% appended\n" + first, default_rules()).content)
    assert [needle for needle in NEEDLES if needle in found] == []


def text_field(pdf, page, value: str, appearance, **keys):
    """A field of a form that is filled in with `value` and looks like `appearance`, on the page."""
    widget = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Widget,
            FT=pikepdf.Name.Tx,
            T=pikepdf.String("name"),
            V=pikepdf.String(value),
            Rect=pikepdf.Array([300, 698, 500, 712]),
            F=4,
            AP=pikepdf.Dictionary(N=appearance),
            **keys,
        )
    )
    page.obj.Annots = pikepdf.Array([widget])
    return widget


def test_filled_in_fields_are_text_like_any_other():
    def field(pdf, page, face):
        appearance = pdf.make_stream(b"BT /F1 10 Tf 2 2 Td (Mustermann, Erika) Tj ET")
        appearance["/Type"], appearance["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Form
        appearance["/BBox"] = pikepdf.Array([0, 0, 200, 14])
        appearance["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=face))
        widget = text_field(pdf, page, "Mustermann, Erika", appearance)
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([widget]), DA=pikepdf.String("/Helv 10 Tf 0 g"))

    found = everything(redact(form(page_hook=field), default_rules()).content)
    assert [needle for needle in NEEDLES if needle in found] == []
    assert b"AcroForm" not in found and b"/Annots" not in found


def test_text_inside_a_form_xobject_is_found():
    def nested(pdf, page, face):
        inner = pdf.make_stream(b"BT /F1 10 Tf 60 400 Td (Patient name: Erika Mustermann) Tj ET")
        inner["/Type"], inner["/Subtype"], inner["/BBox"] = (
            pikepdf.Name.XObject,
            pikepdf.Name.Form,
            pikepdf.Array([0, 0, 595, 842]),
        )
        inner["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=face))
        page.obj.Resources["/XObject"] = pikepdf.Dictionary(Fx=inner)

    found = everything(redact(form(page_hook=nested, extra_page=b" q /Fx Do Q"), default_rules()).content)
    assert b"Erika" not in found


def form_object(pdf, content: bytes, **keys):
    """A form XObject; without /Resources unless `keys` has some."""
    made = pdf.make_stream(content)
    made["/Type"], made["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Form
    made["/BBox"] = pikepdf.Array([0, 0, 595, 842])
    for key, value in keys.items():
        made["/" + key] = value
    return made


@pytest.mark.parametrize("unresolved", [b"", b" BT /F9 12 Tf ET", b" /NoSuch Do", b" /NoSuch gs"])
@pytest.mark.parametrize("where", ["page", "form"])
def test_the_form_xobject_as_it_was_is_not_in_the_file_whatever_names_are_not_resolved(unresolved, where):
    def nested(pdf, page, face):
        inner = form_object(
            pdf,
            b"BT /F1 10 Tf 60 400 Td (Patient name: Zebedee Quixote) Tj ET" + (unresolved if where == "form" else b""),
            Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=face)),
        )
        page.obj.Resources["/XObject"] = pikepdf.Dictionary(Fx=inner)

    extra = b" q /Fx Do Q" + (unresolved if where == "page" else b"")
    found = everything(redact(form(page_hook=nested, extra_page=extra), default_rules()).content)
    assert b"Zebedee" not in found and b"Quixote" not in found


@pytest.mark.parametrize("resources", ["none", "empty", "others"])
def test_a_field_that_borrows_its_font_from_the_form_is_text_like_any_other(resources):
    def field(pdf, page, face):
        own = {
            "none": {},
            "empty": {"Resources": pikepdf.Dictionary()},
            "others": {"Resources": pikepdf.Dictionary(ProcSet=pikepdf.Array([pikepdf.Name.PDF]))},
        }
        shown = form_object(pdf, b"/Tx BMC BT /Helv 10 Tf 2 2 Td (Zebedee Quixote) Tj ET EMC", **own[resources])
        shown["/BBox"] = pikepdf.Array([0, 0, 200, 14])
        widget = text_field(pdf, page, "Zebedee Quixote", shown, DA=pikepdf.String("/Helv 10 Tf 0 g"))
        lent = pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=face))
        pdf.Root.AcroForm = pikepdf.Dictionary(
            Fields=pikepdf.Array([widget]), DR=lent, DA=pikepdf.String("/Helv 10 Tf 0 g")
        )

    found = everything(redact(form(page_hook=field), default_rules()).content)
    assert b"Zebedee" not in found and b"Quixote" not in found


@pytest.mark.parametrize("shared", ["by reference", "by the tree of pages"])
def test_text_of_a_dropped_page_does_not_stay_in_resources_that_pages_share(shared):
    def share(pdf):
        first, second = pdf.pages[0].obj, pdf.pages[1].obj
        resources = pdf.make_indirect(pikepdf.Dictionary(first.Resources))
        resources["/XObject"] = pikepdf.Dictionary(Fx=form_object(pdf, b"BT /F1 9 Tf 9 9 Td (Geheim) Tj ET"))
        second.Contents = pdf.make_stream(b"/Fx Do")
        for page in (first, second):
            if shared == "by reference":
                page.Resources = resources
            else:
                del page["/Resources"]
                page.Parent["/Resources"] = resources

    before = form(pdf_hook=share, extra_page=b" BT /F9 12 Tf ET")
    done = redact(before, FormRules(default_rules().rows, pages=(1,)))
    assert b"Geheim" in everything(before) and b"Geheim" not in everything(done.content)


HIDDEN = b"BT /F1 10 Tf 2 2 Td (Zebedee) Tj ET"


def in_a_pattern(pdf, page, face):
    pattern = pdf.make_stream(HIDDEN)
    for key, value in {
        "Type": pikepdf.Name.Pattern,
        "PatternType": 1,
        "PaintType": 1,
        "TilingType": 1,
        "BBox": pikepdf.Array([0, 0, 200, 20]),
        "XStep": 400,
        "YStep": 400,
        "Resources": pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=face)),
    }.items():
        pattern["/" + key] = value
    page.obj.Resources["/Pattern"] = pikepdf.Dictionary(P0=pattern)


def in_a_soft_mask(pdf, page, face):
    group = form_object(pdf, HIDDEN, Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=face)))
    mask = pikepdf.Dictionary(S=pikepdf.Name.Luminosity, G=group)
    page.obj.Resources["/ExtGState"] = pikepdf.Dictionary(G0=pikepdf.Dictionary(SMask=mask))


def in_a_glyph(pdf, page, face):
    glyph = pdf.make_stream(b"500 0 d0 " + HIDDEN)
    page.obj.Resources.Font["/T3"] = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type3,
        FontBBox=pikepdf.Array([0, 0, 500, 500]),
        FontMatrix=pikepdf.Array([0.001, 0, 0, 0.001, 0, 0]),
        FirstChar=97,
        LastChar=97,
        Widths=pikepdf.Array([500]),
        CharProcs=pikepdf.Dictionary(a=glyph),
        Encoding=pikepdf.Dictionary(Differences=pikepdf.Array([97, pikepdf.Name.a])),
        Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=face)),
    )


def in_a_font_of_a_graphics_state(pdf, page, face):
    page.obj.Resources["/ExtGState"] = pikepdf.Dictionary(G1=pikepdf.Dictionary(Font=pikepdf.Array([face, 10])))


def in_no_font(pdf, page, face):
    """Only the content names it."""


def nowhere(pdf, page, face):
    """Only the content has it."""


UNREAD = [
    (in_a_pattern, b" /Pattern cs /P0 scn 20 250 200 20 re f"),
    (in_a_soft_mask, b" /G0 gs"),
    (in_a_glyph, b" BT /T3 10 Tf 60 200 Td (a) Tj ET"),
    (in_a_font_of_a_graphics_state, b" BT /G1 gs 60 200 Td (Zebedee) Tj ET"),
    (nowhere, b" BT /F1 10 Tf 60 200 Td (Zebedee) ]j ET"),
    (nowhere, b" BT /F1 10 Tf 60 200 Td [(Zebedee)] TK ET"),
    (nowhere, b" BT /F1 10 Tf 60 200 Td (Zebedee) (x) Tj ET"),
    (nowhere, b" <</A (Zebedee)>> sh"),
    (in_no_font, b" BT /Absent 10 Tf 60 200 Td (Zebedee) Tj ET"),
]


@pytest.mark.parametrize(("hook", "drawn"), UNREAD)
def test_text_that_is_shown_where_nobody_reads_it_is_refused(hook, drawn):
    with pytest.raises(CannotDeidentify, match="pdf-redaction-incomplete"):
        redact(form(page_hook=hook, extra_page=drawn), default_rules())


@pytest.mark.parametrize(("hook", "_"), UNREAD[:3])
def test_text_in_a_resource_that_nothing_uses_goes(hook, _):
    assert b"Zebedee" not in everything(redact(form(page_hook=hook), default_rules()).content)


def test_a_word_of_a_row_that_names_a_layer_is_refused():
    def layer(pdf):
        group = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String("Mustermann's")))
        pdf.Root.OCProperties = pikepdf.Dictionary(OCGs=pikepdf.Array([group]), D=pikepdf.Dictionary())

    with pytest.raises(CannotDeidentify, match="pdf-redaction-incomplete"):
        redact(form(pdf_hook=layer), default_rules())


def test_alternative_texts_of_marked_content_go():
    marked = b" /Span <</ActualText (Erika Mustermann)>> BDC BT /F1 10 Tf 60 300 Td (x) Tj ET EMC"
    found = everything(redact(form(extra_page=marked), default_rules()).content)
    assert b"Erika" not in found


def test_a_picture_on_a_row_goes_and_one_elsewhere_stays():
    def image(pdf, page, face):
        for name in ("Sig", "Logo"):
            data = pdf.make_stream(b"\x80" * 12)
            data["/Type"], data["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Image
            data["/Width"], data["/Height"], data["/BitsPerComponent"] = 2, 2, 8
            data["/ColorSpace"] = pikepdf.Name.DeviceRGB
            if "/XObject" not in page.obj.Resources:
                page.obj.Resources["/XObject"] = pikepdf.Dictionary()
            page.obj.Resources.XObject["/" + name] = data

    drawn = b" q 30 0 0 10 300 698 cm /Sig Do Q q 30 0 0 10 300 100 cm /Logo Do Q"
    done = redact(form(page_hook=image, extra_page=drawn), default_rules())
    with pikepdf.open(io.BytesIO(done.content)) as pdf:
        content = pdf.pages[0].Contents.read_bytes()
        assert b"/Logo Do" in content and b"/Sig Do" not in content
        assert "/Sig" not in pdf.pages[0].Resources.XObject
    assert done.pictures == 1


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("box", [[0, 0, 595, 842], [100, 50, 695, 892], [595, 842, 0, 0], [-50, 0, 100, 842]])
def test_a_row_goes_whatever_the_pages_place_and_turn(box, turned):
    across = {
        0: (1, 0, 0, 1, 0, 0),
        90: (0, 1, -1, 0, 800, 0),
        180: (-1, 0, 0, -1, 595, 842),
        270: (0, -1, 1, 0, 0, 842),
    }

    def turn(pdf, page, face):
        page.obj.MediaBox = pikepdf.Array(box)
        page.obj.Rotate = turned
        far = b"BT /F1 10 Tf 40 500 Td (Patient name) Tj 20 0 Td (Erika) Tj 680 0 Td (Zebedee) Tj ET"
        page.Contents = pdf.make_stream(b"q %d %d %d %d %d %d cm " % across[turned] + far + b" Q")

    found = everything(redact(form(page_hook=turn), default_rules()).content)
    assert b"Erika" not in found and b"Zebedee" not in found


def test_without_rules_between_rows_lines_are_enough():
    done = redact(form(rules=False), default_rules())
    found = everything(done.content)
    assert [needle for needle in NEEDLES if needle in found] == []
    assert "Inclusion criterion 1" in text(done.content)


def test_only_wanted_pages_stay():
    done = redact(form(second="Geheim"), FormRules(default_rules().rows, pages=(1,)))
    assert done.pages == (1,)
    assert len(pages(done.content)) == 1 and b"Geheim" not in everything(done.content)


def test_words_can_be_named_by_an_expression():
    rules = FormRules((), (re.compile(r"\b[\w-]*0815\b"),))
    done = redact(form(), rules)
    assert b"0815" not in everything(done.content)
    assert "Mustermann" in text(done.content)


def test_a_scanned_page_is_refused():
    def scan(pdf, page, face):
        data = pdf.make_stream(b"\x80" * 12)
        data["/Type"], data["/Subtype"], data["/ColorSpace"] = (
            pikepdf.Name.XObject,
            pikepdf.Name.Image,
            pikepdf.Name.DeviceRGB,
        )
        data["/Width"], data["/Height"], data["/BitsPerComponent"] = 2, 2, 8
        page.obj.Resources["/XObject"] = pikepdf.Dictionary(Im=data)
        page.Contents = pdf.make_stream(b"q 595 0 0 842 0 0 cm /Im Do Q")

    with pytest.raises(CannotDeidentify, match="pdf-scanned-page at page 1"):
        redact(form(page_hook=scan), default_rules())


def test_a_form_that_the_rules_do_not_fit_is_refused():
    with pytest.raises(CannotDeidentify, match="pdf-no-row"):
        redact(form(), FormRules((re.compile("no such label"),)))


def test_an_encrypted_form_is_refused():
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(form())) as pdf:
        pdf.save(buffer, encryption=pikepdf.Encryption(owner="a", user="b"))
    with pytest.raises(CannotDeidentify, match="pdf-encrypted"):
        redact(buffer.getvalue(), default_rules())


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4\nnonsense", b"not a PDF"])
def test_what_is_no_pdf_is_refused(content):
    with pytest.raises(CannotDeidentify, match="pdf-unreadable"):
        redact(content, default_rules())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (rb"/Fx \d 0 R", b"/Fx 6 0 9"),
        (rb"/XObject << /Fx \d 0 R >>", b"/XObject 7"),
        (rb"/Font << /F1", b"/Font 77 % /F1"),
        (rb"/Subtype /Form", b"/Subtype /Farm"),
        (rb"\(Patient name\) Tj", b"               Tj"),
        (rb"/Fx Do", b"(x) Do"),
        (rb"/Count 2", b"/Count 9"),
    ],
)
def test_a_damaged_form_is_refused_or_redacted_and_never_an_internal_error(right, wrong):
    def nested(pdf, page, face):
        inner = form_object(pdf, HIDDEN, Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=face)))
        page.obj.Resources["/XObject"] = pikepdf.Dictionary(Fx=inner)

    with pikepdf.open(io.BytesIO(form(page_hook=nested, extra_page=b" q /Fx Do Q"))) as pdf:
        buffer = io.BytesIO()
        pdf.save(buffer, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.all)
    before = buffer.getvalue()
    damaged = re.sub(right, wrong, before)
    assert damaged != before
    try:
        found = everything(redact(damaged, default_rules()).content)
    except CannotDeidentify:
        return
    assert b"Erika" not in found


def test_words_that_are_taken_for_operators_go():
    damaged = b" q BX Zebedee 1 0 Quixote EX Q"
    assert b"Zebedee" not in everything(redact(form(extra_page=damaged), default_rules()).content)


def test_a_page_that_is_not_there_is_refused():
    with pytest.raises(CannotDeidentify, match="pdf-page-absent"):
        redact(form(), FormRules(default_rules().rows, pages=(7,)))


def test_rules_come_from_a_file(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('rows = ["inclusion"]\nwords = ["50-60"]\npages = [1]\nelsewhere = false\n')
    rules = load_rules(path)
    assert (len(rules.rows), len(rules.words), rules.pages, rules.elsewhere) == (1, 1, (1,), False)
    shown = text(redact(form(), rules).content)
    assert "Inclusion" not in shown and "50-60" not in shown and "Mustermann" in shown


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("row = []", "unknown-key"),
        ('rows = "x"', "rules-value"),
        ('rows = ["("]', "not-an-expression"),
        ("pages = [0]", "rules-value"),
        ('elsewhere = "yes"', "rules-value"),
        ("rows = [", "rules-unreadable"),
    ],
)
def test_a_wrong_rule_is_refused_with_file_and_key(content, code, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=rf"{code} at .*rules\.toml"):
        load_rules(path)
