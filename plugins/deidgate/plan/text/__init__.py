# SPDX-License-Identifier: Apache-2.0
"""Free text: what an instance reveals about itself, and text with that taken out."""

from deidgate.plan.text.clean import Style, clean_text
from deidgate.plan.text.revealed import Revealed, revealed

__all__ = ["Revealed", "Style", "clean_text", "revealed"]
