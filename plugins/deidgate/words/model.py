# SPDX-License-Identifier: Apache-2.0
"""The words for one code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """What a code means and what to do: parts of a sentence, begun small and not ended, without a value of any element.

    Attributes
    ----------
    what : str
        What is the matter.
    to_do : str
        What a person can do who has files and the toolbox; empty where only the gateway has the code.
    gateway : str
        What a person who decides on what the gateway holds can do, where that is something else.
    """

    what: str
    to_do: str
    gateway: str = ""
