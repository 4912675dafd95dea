# SPDX-License-Identifier: Apache-2.0
"""What codes mean and what to do about them: each code stands in one table, and `lookup` finds it for all who tell."""
