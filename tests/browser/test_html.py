"""Every kind of page by the rules of HTML, looked through by one run of the Nu Html Checker."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from arxiv_digest.models import Day
from arxiv_digest.rendering import render_index, render_page
from tests.browser.conftest import TOOLS
from tests.browser.test_page import a_page
from tests.browser.test_vote import pages as vote_pages
from tests.builders import a_digest, a_paper, scored
from tests.unit.test_archive_pages import weekdays

POLICY = re.compile(r"Inline (?:style|script) violates Content Security Policy")
"""The checker hashes no block of several lines rightly; the browser itself enforces the policy."""


def html_problems(files: list[Path]) -> list[str]:
    """What the Nu Html Checker finds in HTML files; skips the test where it cannot run."""
    checker = TOOLS / "vnu-jar/build/dist/vnu.jar"
    if shutil.which("java") is None:
        pytest.skip("no java is installed here, which the Nu Html Checker needs")
    if not checker.exists():
        pytest.skip("the Nu Html Checker is not installed; `make .local/browser/.done` installs it")
    checked = subprocess.run(
        # Compiled once only: a run is too short for the second compiler to pay.
        ["java", "-XX:TieredStopAtLevel=1", "-Xss4m", "-jar", checker, "--format", "json", *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return [
        f"{message['url'].rpartition('/')[2]}:{message.get('lastLine')}: {message['message']}"
        f" {message.get('extract', '')}"
        for message in json.loads(checked.stderr)["messages"]
        if not POLICY.match(message["message"])
    ]


def test_every_page_is_valid(tmp_path: Path, every_page: dict[str, str]) -> None:
    files = []
    for name, html in every_page.items():
        files.append(tmp_path / f"{name}.html")
        files[-1].write_text(html, "utf-8")
    assert html_problems(files) == []


@pytest.fixture
def every_page() -> dict[str, str]:
    hard = a_paper(
        7,
        title=r"$\mathbb{E}_{x \sim p}\left[\frac{a}{b}\right]$ \[\sum_{i=1}^n \hat{x}_i\]",
        abstract=r"$\begin{pmatrix}a & b\\c & d\end{pmatrix}$ $\sqrt[3]{x}$ $\mathbf{x}\,\bm{y}$"
        r" $\underbrace{x}_{n}$ $\overline{x}\quad\operatorname{softmax}$ $\big(x\big)$",
        authors=tuple(f"Ada {number}" for number in range(20)),
    )
    return {
        "zh": a_page("zh"),
        "en": a_page("en"),
        "empty": render_page(a_digest([])),
        "years": render_index(weekdays(400)[::10], "en"),
        "archive": render_index([Day.of(a_digest([(hard, scored(hard, 9))]))], "zh"),
        "mathematics": render_page(a_digest([(hard, scored(hard, 9))])),
        **{
            f"vote-{name}-{language}": html
            for language in ("zh", "en")
            for name, html in vote_pages(language).items()
        },
    }
