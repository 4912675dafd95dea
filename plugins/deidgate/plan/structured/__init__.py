# SPDX-License-Identifier: Apache-2.0
"""Content trees: Structured Reports, Key Object Selections, Acquisition Context, Specimen Preparation."""

from deidgate.plan.structured.tree import CONTENT_SEQUENCE, Pseudonyms, structured_decisions

__all__ = ["CONTENT_SEQUENCE", "Pseudonyms", "structured_decisions"]
