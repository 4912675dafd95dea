# SPDX-License-Identifier: Apache-2.0
"""Proof for a sceptic: identifiers planted in made-up instances, sent, and looked for afterwards."""
