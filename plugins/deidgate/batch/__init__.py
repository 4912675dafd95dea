# SPDX-License-Identifier: Apache-2.0
"""Many files: the engine on folders, archives and clusters, and the Python API."""
