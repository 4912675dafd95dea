# SPDX-License-Identifier: Apache-2.0
"""A gateway that tests may destroy and bring up again, and type every command at."""

import json
import shutil
import subprocess
from dataclasses import dataclass

from tests.integration.conftest import ROOT, Gateway, remove_installation


@dataclass
class Own(Gateway):
    """A gateway that is counted, and may be destroyed."""

    def reconciled(self, status=0):
        return json.loads(self.command("reconcile", "--json", status=status))

    def asked(self, *words):
        """What the command prints, whatever its answer is."""
        command = [str(ROOT / "gateway"), "--installation", self.name, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stdout

    def research_count(self):
        return self.research("/statistics")["CountInstances"]

    def ingest_count(self):
        return json.loads(self.inside("worker", _INGEST, "/statistics"))["CountInstances"]

    def destroy(self):
        """Nothing is left: no container, no volume, no key, no setting."""
        self.command("down", "--volumes", "--yes")
        shutil.rmtree(ROOT / ".gateway" / self.name, ignore_errors=True)


_INGEST = """
import json, os, sys
from deidgate.orthanc_io.client import OrthancClient
from deidgate.settings import Settings
from deidgate.worker.assembly import ingest_server
print(json.dumps(OrthancClient(ingest_server(Settings.read(os.environ))).get_json(sys.argv[1])))
"""


def brought_up(name):
    """A new installation; nothing of an earlier one is left."""
    remove_installation(name)
    words = [str(ROOT / "gateway"), "--installation", name]
    subprocess.run([*words, "up", "--yes"], check=True, cwd=ROOT)
    asked = subprocess.run([*words, "credentials", "--json"], capture_output=True, text=True, check=True)
    credentials = json.loads(asked.stdout)
    return Own(name, credentials["dicom"]["port"], credentials)
