# SPDX-License-Identifier: Apache-2.0
"""The operator's commands, on the machine that runs the containers; they need Python 3.10 and nothing else.

They find or install the engine, build the images, make the secret files, start and watch the services. What needs the
ledger, a key or DICOM runs in a container, where the rest of the package is.
"""
