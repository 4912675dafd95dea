# SPDX-License-Identifier: Apache-2.0
"""Paths, Value Representations, UIDs and private blocks: what DICOM itself defines."""
