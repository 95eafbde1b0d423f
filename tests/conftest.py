"""What every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Where a rule needs more or fewer examples, its test says so: each run draws others anyway.
settings.register_profile("quick", max_examples=60)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def digest_data() -> Path:
    """Real data that is not part of this project; its README says what is in it."""
    folder = os.environ.get("DIGEST_DATA")
    if not folder:
        pytest.skip("DIGEST_DATA is not set; it names the folder of real feeds and labels")
    return Path(folder)
