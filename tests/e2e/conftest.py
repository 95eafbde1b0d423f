"""One deployed stack for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deployed import Deployed, deployed_stack


@pytest.fixture(scope="session")
def session_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed_stack(tmp_path_factory.mktemp("cloud")) as deployed:
        yield deployed


@pytest.fixture
def deployed(session_stack: Deployed) -> Deployed:
    """The stack, with a language model, an arXiv and an AWS that behave."""
    session_stack.model.forget()
    session_stack.faults.forget()
    session_stack.arxiv.feeds.clear()
    session_stack.arxiv.faults.clear()
    session_stack.api.forget()
    return session_stack
