# SPDX-License-Identifier: Apache-2.0
"""Folders, archives and media: what is found there, and how results get there whole or not at all."""
