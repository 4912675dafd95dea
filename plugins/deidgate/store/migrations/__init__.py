# SPDX-License-Identifier: Apache-2.0
"""Alembic environment and versions; run by `deidgate.store.upgrade` only."""
