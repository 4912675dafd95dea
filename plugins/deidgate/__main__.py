# SPDX-License-Identifier: Apache-2.0
"""``python -m deidgate``: the command line, where its script is not on the path."""

from deidgate.cli import main

if __name__ == "__main__":
    main(prog_name="deidgate")
