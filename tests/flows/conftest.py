"""`flows` is a folder of the project, not a part of the installed package: let the tests import it."""

from __future__ import annotations

import sys

from conftest import REPOSITORY  # tests/conftest.py

if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))
