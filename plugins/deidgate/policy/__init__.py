# SPDX-License-Identifier: Apache-2.0
"""Which profile, options and rules apply: loaded from TOML into frozen dataclasses."""
