# SPDX-License-Identifier: Apache-2.0
"""Tables of the DICOM standard, each with its edition."""
