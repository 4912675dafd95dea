# SPDX-License-Identifier: Apache-2.0
"""The address of a Data Element at any depth of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.datadict import keyword_for_tag

Parents = tuple[tuple[int, int], ...]
"""Enclosing sequences from the outside in: tag and item index (from 0)."""


@dataclass(frozen=True, slots=True, order=True)
class ElementPath:
    """Where a Data Element stands.

    Attributes
    ----------
    parents : tuple of (int, int)
        See `Parents`.
    tag : int
        The element's own tag, for example ``0x00100010``.
    """

    parents: Parents
    tag: int

    @classmethod
    def top(cls, tag: int) -> ElementPath:
        """Path of an element of the outermost dataset."""
        return cls((), int(tag))

    def inside(self, item: int, tag: int) -> ElementPath:
        """Path of the element `tag` in item `item` of the sequence that this path names."""
        return ElementPath((*self.parents, (self.tag, item)), int(tag))

    @property
    def depth(self) -> int:
        """0 for an element of the outermost dataset."""
        return len(self.parents)

    @property
    def group(self) -> int:
        """The group number of the element's tag."""
        return self.tag >> 16

    @property
    def is_private(self) -> bool:
        """True when the element's own group is odd."""
        return bool(self.group & 1)

    @property
    def keyword(self) -> str:
        """The element's keyword, empty for private and unknown elements."""
        return keyword_for_tag(self.tag)

    @property
    def parent_tags(self) -> tuple[int, ...]:
        """Tags of the enclosing sequences, without item numbers (as IOD tables name them)."""
        return tuple(tag for tag, _ in self.parents)

    def orthanc(self) -> str:
        """Spelling of Orthanc's ``DicomPath``: ``0040,0275[0].0040,0007``.

        Tags and not keywords, so that both sides need no equal dictionary.
        """
        steps = [f"{tag >> 16:04x},{tag & 0xFFFF:04x}[{item}]" for tag, item in self.parents]
        steps.append(f"{self.tag >> 16:04x},{self.tag & 0xFFFF:04x}")
        return ".".join(steps)

    def __str__(self) -> str:
        """Spelling for people: ``(0040,0275) RequestAttributesSequence[0] > (0040,0007) …``."""
        steps = [f"{_spelled(tag)}[{item}]" for tag, item in self.parents]
        steps.append(_spelled(self.tag))
        return " > ".join(steps)


def _spelled(tag: int) -> str:
    keyword = keyword_for_tag(tag)
    number = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    return f"{number} {keyword}" if keyword else number
