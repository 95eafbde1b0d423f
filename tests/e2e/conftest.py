"""Two deployed stacks of one build: for faults, and for all other tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.chaos.days import Row
from tests.chaos.faults import FAULTS, pass_all
from tests.deployed import Built, Deployed, build_stack, deployed_stack

UNDER_FAULTS = "test_a_day_under_a_fault_is_exact"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the days under faults, which pass meanwhile, be looked at in the end."""
    items.sort(key=lambda item: UNDER_FAULTS in item.name)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_stack(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def days_under_faults(
    built: Built, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Future[dict[str, Future[Row]]]]:
    """The account of each fault's day, come to its end or on the way there."""
    folder = tmp_path_factory.mktemp("faulty")
    with ExitStack() as until_the_end, ThreadPoolExecutor(1) as pool:

        def begin() -> dict[str, Future[Row]]:
            faulty = deployed_stack(folder, faulty=True, built=built)
            return pass_all(until_the_end.enter_context(faulty), FAULTS)

        yield pool.submit(begin)


@pytest.fixture(scope="session", autouse=True)
def begun_first(request: pytest.FixtureRequest) -> None:
    """Let the days under faults pass beside the other tests, since they mostly wait."""
    if any(UNDER_FAULTS in item.name for item in request.session.items):
        request.getfixturevalue("days_under_faults")


@pytest.fixture(scope="session")
def session_stack(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed_stack(tmp_path_factory.mktemp("cloud"), built=built) as deployed:
        yield deployed


@pytest.fixture
def deployed(session_stack: Deployed) -> Deployed:
    """The stack, with a language model and an arXiv that behave."""
    session_stack.model.forget()
    session_stack.arxiv.feeds.clear()
    session_stack.arxiv.faults.clear()
    session_stack.api.forget()
    return session_stack
