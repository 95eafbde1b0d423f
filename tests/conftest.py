"""What tests of every layer share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def digest_data() -> Path:
    """The folder of real feeds, API answers and labelled days; tests that need it skip without."""
    folder = os.environ.get("DIGEST_DATA")
    if not folder:
        pytest.skip("DIGEST_DATA names no folder of real data, so this is not checked")
    return Path(folder).resolve()
