# SPDX-License-Identifier: Apache-2.0
"""Other formats into DICOM, DICOM into pictures and listings, and changes that a person asks for by name."""
