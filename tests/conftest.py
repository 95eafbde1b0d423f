"""What every test may use."""

import os
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # before the workers read the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep on one worker what shares a deployed stack or a package: both take long to make."""
    for item in items:
        layer = item.path.parent.name
        if layer in ("e2e", "infrastructure"):
            item.add_marker(pytest.mark.xdist_group(layer))


@pytest.fixture(scope="session")
def digest_data() -> Path:
    """Real data that is not part of this project; its README says what is in it."""
    folder = os.environ.get("DIGEST_DATA")
    if not folder:
        pytest.skip("DIGEST_DATA is not set; it names the folder of real feeds and labels")
    return Path(folder)
