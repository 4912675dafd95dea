# SPDX-License-Identifier: Apache-2.0
"""Examine a result from the outside, before it leaves. Shares no code with plan or apply."""
