# SPDX-License-Identifier: Apache-2.0
"""Inside the research Orthanc: nothing enters without a mark, and people only read."""
