# SPDX-License-Identifier: Apache-2.0
"""`python3 -m deidgate.operate`, which is what the script `gateway` runs."""

import sys

from deidgate.operate.main import main

sys.exit(main())
