# SPDX-License-Identifier: Apache-2.0
"""A plan carried out on a pydicom dataset."""

from __future__ import annotations

from pydicom import Dataset

from deidgate.plan.model import Plan


def apply(dataset: Dataset, plan: Plan) -> Dataset:
    """A new dataset with `plan` carried out; `dataset` is unchanged.

    The result has new file meta information and a preamble of zeros, keeps the transfer syntax, and has nothing
    behind Pixel Data.

    Raises
    ------
    CannotDeidentify
        The dataset has an element that the plan does not know.
    """
    raise NotImplementedError
