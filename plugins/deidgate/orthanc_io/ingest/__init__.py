# SPDX-License-Identifier: Apache-2.0
"""Inside the ingest Orthanc: admit or refuse, and write what was stored into the ledger."""
