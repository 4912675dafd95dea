# SPDX-License-Identifier: Apache-2.0
"""The keys, certificates and passwords of one installation: made once, kept in files outside every database."""
