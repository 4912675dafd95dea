# SPDX-License-Identifier: Apache-2.0
"""Find and hide text that is burned into pixels."""
