# SPDX-License-Identifier: Apache-2.0
"""Claims instances from the ledger, has the story told for each, and records how it ended."""
