# SPDX-License-Identifier: Apache-2.0
"""The tables of the standard as they were published, each with its edition. Loaded once, when first asked for."""
