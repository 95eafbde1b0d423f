"""Imports run one way: functions → steps → adapters, and none of them from the pure modules."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "layers/common/arxiv_digest"
PURE = sorted(
    str(file.relative_to(PACKAGE))
    for file in (*PACKAGE.glob("*.py"), *PACKAGE.glob("rendering/*.py"))
)
OUTSIDE = {"boto3", "botocore", "openai", "urllib3", "aws_lambda_powertools", "tenacity", "socket"}


def imported(file: Path) -> set[str]:
    """Every module that a file imports anywhere, by its full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_the_modules_of_the_design_are_there() -> None:
    assert {"models.py", "announcements.py", "scoring.py", "ranking.py"} < set(PURE)
    assert {"rendering/markdown.py", "rendering/page.py", "rendering/mail.py"} < set(PURE)


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_import_neither_adapters_nor_the_outside(name: str) -> None:
    modules = imported(PACKAGE / name)
    assert not {module.partition(".")[0] for module in modules} & OUTSIDE
    assert not [m for m in modules if m.startswith(("arxiv_digest.adapters", "arxiv_digest.steps"))]


def test_models_import_nothing_of_the_package() -> None:
    modules = imported(PACKAGE / "models.py")
    assert not [module for module in modules if module.startswith("arxiv_digest")]


@pytest.mark.parametrize("file", sorted((PACKAGE / "adapters").glob("*.py")), ids=lambda f: f.name)
def test_adapters_do_not_know_the_steps(file: Path) -> None:
    assert not [module for module in imported(file) if module.startswith("arxiv_digest.steps")]


@pytest.mark.parametrize("file", sorted((PACKAGE / "steps").glob("*.py")), ids=lambda f: f.name)
def test_steps_leave_aws_and_http_to_their_adapters(file: Path) -> None:
    assert not {module.partition(".")[0] for module in imported(file)} & OUTSIDE


@pytest.mark.parametrize(
    ("name", "lacking"),
    [("fetch", {"openai"}), ("aggregate", {"openai", "sklearn", "numpy", "scipy"})],
)
def test_what_a_functions_layers_lack_it_cannot_load(name: str, lacking: set[str]) -> None:
    root = PACKAGE.parents[2]
    reached: set[str] = set()
    waiting = {root / f"functions/{name}/app.py"}
    while waiting:
        file = waiting.pop()
        for module in imported(file):
            path = PACKAGE.parent / module.replace(".", "/")
            found = (path.with_suffix(".py"), path / "__init__.py")
            if module not in reached:
                waiting |= {place for place in found if place.exists()}
            reached.add(module)
    assert not {module.partition(".")[0] for module in reached} & lacking


# Only messages of many profiles are handed over as a batch that can fail in part.
_MESSAGES = {
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.data_classes",
}

# What reads settings from files, commands and elsewhere would load.
_SOURCES = {"argparse", "asyncio"}

LATER = {
    # What a run may spend, where one is started.
    "fetch": {*_MESSAGES, *_SOURCES, "arxiv_digest.budget", "arxiv_digest.scoring"},
    "score": set(),
    "aggregate": {
        *_MESSAGES,
        *_SOURCES,
        "arxiv_digest.adapters.queue",
        "arxiv_digest.announcements",
        # What makes a digest: its profile, its place in the archive.
        "yaml",
        "arxiv_digest.profile",
        "arxiv_digest.ranking",
        "arxiv_digest.steps.archiving",
        # What mails it, and tries again.
        "email.headerregistry",
        "tenacity",
        "arxiv_digest.adapters.mailer",
        # Where readers vote.
        "aws_lambda_powertools.utilities.parameters",
        "arxiv_digest.adapters.secrets",
        "arxiv_digest.voting",
    },
}
"""What only some calls of a function need, beside what is said of all of them below."""


@pytest.mark.parametrize("name", ["fetch", "score", "aggregate"])
def test_a_cold_start_loads_nothing_that_only_some_calls_need(name: str) -> None:
    root = PACKAGE.parents[2]
    path = os.pathsep.join([str(PACKAGE.parent), str(root / "functions" / name)])
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, app; print(*sys.modules)"],
        env={"PYTHONPATH": path, "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "arxiv_digest.models" in loaded
    # A model's client; what ranks; what reads a feed; what renders a digest; what explains a
    # profile that cannot be used.
    later = {"openai", "sklearn", "numpy", "scipy", "feedparser", "jinja2", "babel", "difflib"}
    assert not (later | LATER[name]) & set(loaded)
