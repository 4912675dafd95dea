# SPDX-License-Identifier: Apache-2.0
"""Decide what happens to every Data Element of one instance, and why."""
