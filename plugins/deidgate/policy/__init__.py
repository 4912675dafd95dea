# SPDX-License-Identifier: Apache-2.0
"""Which profile, options and rules apply: loaded from TOML into frozen dataclasses."""

DEFAULT = "mammography"
"""Name of the shipped policy that is meant where none is named: see docs/toolbox.md."""
