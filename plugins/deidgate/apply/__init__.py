# SPDX-License-Identifier: Apache-2.0
"""Carry out a plan: through Orthanc's REST API or with pydicom. Decides nothing."""
