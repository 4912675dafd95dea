# SPDX-License-Identifier: Apache-2.0
"""A codestream that ends or delays a decoder costs one frame."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from deidgate.errors import CannotDeidentify
from deidgate.pixels.description import PixelDescription, describe
from deidgate.pixels.frames import codestreams, decode
from deidgate.pixels.guard import GuardedDecoder, receive, send


@pytest.fixture(scope="module")
def guard() -> Iterator[GuardedDecoder]:
    decoder = GuardedDecoder()
    yield decoder
    decoder.close()


def stream(name: str) -> tuple[bytes, PixelDescription]:
    ds = pydicom.dcmread(str(get_testdata_file(name, download=False)))
    description = describe(ds)
    return next(codestreams(ds, description)), description


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "693_J2KI.dcm", "JPGExtended.dcm", "SC_rgb_jpeg_gdcm.dcm"])
def test_a_guarded_frame_is_the_frame(guard: GuardedDecoder, name: str) -> None:
    here, there = decode(*stream(name)), guard(*stream(name))
    assert np.array_equal(here.values, there.values)
    assert (here.values.dtype, here.photometric) == (there.values.dtype, there.photometric)


def test_the_child_s_refusal_is_told_with_its_code(guard: GuardedDecoder) -> None:
    codestream, description = stream("693_J2KI.dcm")
    with pytest.raises(CannotDeidentify, match="pixel-data-codestream"):
        guard(b"no codestream at all", description)
    assert guard(codestream, description).values.shape == (512, 512, 1)


def test_a_child_that_dies_costs_one_frame_and_is_started_again(guard: GuardedDecoder) -> None:
    codestream, description = stream("MR_small_RLE.dcm")
    guard(codestream, description)
    assert guard._child is not None
    guard._child.kill()
    # Whether the parent has noticed yet or not: at most the frame under way is lost.
    try:
        guard(codestream, description)
    except CannotDeidentify as error:
        assert error.code == "pixel-data-decoder-crash"
    assert np.array_equal(guard(codestream, description).values, decode(codestream, description).values)


def test_a_child_that_takes_too_long_is_ended() -> None:
    decoder = GuardedDecoder(timeout_s=0.001)  # not even the start of the interpreter is so quick
    with pytest.raises(CannotDeidentify, match="pixel-data-decoder-timeout"):
        decoder(*stream("MR_small_RLE.dcm"))
    decoder.close()


def test_mutated_streams_give_a_frame_or_a_code_and_the_guard_goes_on(guard: GuardedDecoder) -> None:
    rng = np.random.default_rng(0)
    for name in ("JPGExtended.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_rgb_jpeg_gdcm.dcm", "MR_small_RLE.dcm"):
        codestream, description = stream(name)
        for _ in range(25):
            mutated = bytearray(codestream)
            for at in rng.integers(0, len(mutated), 5):
                mutated[at] = rng.integers(256)
            try:
                frame = guard(bytes(mutated), description)
            except CannotDeidentify as error:
                assert error.code.startswith("pixel-data-")
            else:
                assert frame.values.shape == (description.rows, description.columns, description.samples)
        assert guard(codestream, description).values.size


@pytest.mark.parametrize("said", [b"", b"\x05\0\0\0\0\0\0\0[1,2]", b"\x02\0\0\0\0\0\0\0{", b"\x02\0\0\0\xff\0\0\0{}"])
def test_a_message_that_is_not_one_is_refused(said: bytes) -> None:
    with pytest.raises((EOFError, ValueError)):
        receive(io.BytesIO(said))


def test_a_message_arrives_as_it_was_sent() -> None:
    pipe = io.BytesIO()
    send(pipe, b'{"a": 1}', b"body")
    pipe.seek(0)
    assert receive(pipe) == ({"a": 1}, b"body")
