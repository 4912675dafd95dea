# SPDX-License-Identifier: AGPL-3.0-or-later
"""Entry of the Python plugin of the research Orthanc: stores nothing that the gateway did not mark."""

import os

import orthanc

from deidgate.orthanc_io.research.plugin import install
from deidgate.settings import Settings

install(orthanc, Settings.read(os.environ))
