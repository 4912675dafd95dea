# SPDX-License-Identifier: Apache-2.0
"""Print the direct requirements of the package with the extras that are named, one in a line.

The images install from a folder of files that were checked against `requirements.lock`; this says which of them.
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
wanted = [
    *project["dependencies"],
    *(line for extra in sys.argv[2:] for line in project["optional-dependencies"][extra]),
]
sys.stdout.write("".join(f"{line}\n" for line in wanted))
