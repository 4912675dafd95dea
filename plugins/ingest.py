# SPDX-License-Identifier: AGPL-3.0-or-later
"""Entry of the Python plugin of the ingest Orthanc: admits what may come in, and tells the ledger what came."""

import os

import orthanc

from deidgate import log
from deidgate.orthanc_io.ingest.plugin import install
from deidgate.settings import Settings

settings = Settings.read(os.environ)
log.start(settings.log_level)
install(orthanc, settings)
