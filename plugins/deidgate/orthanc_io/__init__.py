# SPDX-License-Identifier: Apache-2.0
"""Both sides of Orthanc: its REST API as the worker uses it, and what runs inside its Python plugin.

The plugin's parts take the module `orthanc` as an argument (`deidgate.orthanc_io.sdk` says what they use of it), so
they run under a test without Orthanc.
"""
