"""What every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def digest_data() -> Path:
    """Real data that is not part of this project; its README says what is in it."""
    folder = os.environ.get("DIGEST_DATA")
    if not folder:
        pytest.skip("DIGEST_DATA is not set; it names the folder of real feeds and labels")
    return Path(folder)
