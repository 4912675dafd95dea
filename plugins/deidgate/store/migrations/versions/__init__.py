# SPDX-License-Identifier: Apache-2.0
"""The versions of the schema, oldest first. A released one is never edited."""
