# SPDX-License-Identifier: Apache-2.0
"""Further destinations: one file for each way to hand an instance on, and what its confirmation proves.

=================== ========================================================================================
``commitment``      the node has committed to keep the instance (PS3.4 Annex J)
``c-store-success`` the node answered C-STORE with success; commitment was not asked for
``stow-referenced`` the answer to STOW-RS names the instance among those that were stored (PS3.18 10.5.3)
``read-back``       the file was read again from its folder and is the one that was meant
=================== ========================================================================================
"""
