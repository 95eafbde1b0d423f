"""The documents and the workflows: whatever they name is there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers/common/arxiv_digest"
MARKDOWN = MarkdownIt("commonmark").enable("table")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
IGNORED = {".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text().split())}
# A name, and not a rule of files such as `.venv/.done`.
TARGET = re.compile(r"\bmake\s+([a-z][a-z-]*)\b")


def documents() -> Iterator[Path]:
    for folder, below, names in os.walk(ROOT):
        below[:] = sorted(set(below) - IGNORED)
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".md"))


DOCUMENTS = [str(file.relative_to(ROOT)) for file in documents()]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@cache
def tokens(file: Path) -> list[Token]:
    """A document's tokens, those within a line after the token of the line."""
    blocks = MARKDOWN.parse(file.read_text("utf-8"))
    return [token for block in blocks for token in (block, *(block.children or ()))]


def links(file: Path) -> list[str]:
    return [
        str(token.attrs[name])
        for token in tokens(file)
        for kind, name in (("link_open", "href"), ("image", "src"))
        if token.type == kind
    ]


def spans(file: Path) -> list[str]:
    return [token.content for token in tokens(file) if token.type == "code_inline"]


def commands(file: Path) -> list[str]:
    """Every span of code, and every line of the blocks."""
    blocks = [token.content for token in tokens(file) if token.type == "fence"]
    return [*spans(file), *(line.strip() for block in blocks for line in block.splitlines())]


@cache
def anchors(file: Path) -> set[str]:
    """The anchors that GitHub gives a document's headings, where no two are the same."""
    found = tokens(file)
    headings = (
        found[place + 1] for place, token in enumerate(found) if token.type == "heading_open"
    )
    texts = ("".join(part.content for part in token.children or ()) for token in headings)
    return {re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-") for text in texts}


def is_target(name: str) -> bool:
    return re.search(rf"^{re.escape(name)}:", MAKEFILE, re.MULTILINE) is not None


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_the_documents_are_found() -> None:
    expected = {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/operations.md"}
    assert expected < set(DOCUMENTS)
    assert not [name for name in DOCUMENTS if name.startswith((".venv", ".local"))]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_within_the_repository_leads_somewhere(name: str) -> None:
    file = ROOT / name
    for link in links(file):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "CHANGELOG.md"])
def test_every_target_that_a_document_names_is_one_of_the_makefile(name: str) -> None:
    for command in commands(ROOT / name):
        if named := TARGET.match(command):
            assert is_target(named[1]), command


def test_every_file_that_contributing_names_exists() -> None:
    # Modules go by their place in the package.
    named = [span for span in spans(ROOT / "CONTRIBUTING.md") if re.fullmatch(r"[\w./-]+", span)]
    endings = ("/", ".py", ".md", ".json", ".yaml", ".yml", ".toml", ".in")
    files = [span for span in named if span.endswith(endings) or span.startswith(("tests/", "."))]
    assert len(files) > 40
    for file in files:
        assert (ROOT / file).exists() or (PACKAGE / file).exists(), file


def test_every_name_of_code_that_contributing_names_exists() -> None:
    named = {span for span in spans(ROOT / "CONTRIBUTING.md") if re.fullmatch(r"[\w.]+", span)}
    names = [name for name in named if re.search(r"[A-Z_]", name)]
    names = [name for name in names if not name.endswith((".md", ".py"))]
    assert len(names) > 15
    code = "".join(
        file.read_text("utf-8")
        for folder in (PACKAGE, ROOT / "functions", ROOT / "evaluation", ROOT / "tests")
        for file in sorted(folder.rglob("*.py"))
    )
    template = (ROOT / "template.yaml").read_text("utf-8")
    words = set(re.findall(r"\w+", code + template))
    for name in names:
        assert set(name.split(".")) <= words, name


def test_every_decision_stands_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs/decisions"
    numbered = sorted(file.name for file in folder.glob("0*.md"))
    assert [link for link in links(folder / "README.md") if link.startswith("0")] == numbered
    assert [int(name[:4]) for name in numbered] == list(range(1, len(numbered) + 1))
    for name in numbered:
        assert {"context", "decision", "consequences"} < anchors(folder / name)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_calls_targets_that_exist_and_actions_by_their_major_version(
    workflow: Path,
) -> None:
    for step in steps(workflow):
        assert ("run" in step) != ("uses" in step), step
        for target in TARGET.findall(step.get("run", "")):
            assert is_target(target), target
        if "uses" in step:
            assert re.fullmatch(r"(actions|aws-actions)/[a-z-]+@v\d+", step["uses"])


def test_a_change_is_checked_as_on_a_fresh_clone() -> None:
    script = (ROOT / ".ci/run").read_text("utf-8")
    asked = [step["run"] for step in steps(ROOT / ".github/workflows/ci.yml") if "run" in step]
    assert set(re.findall(r"^make .+$", script, re.MULTILINE)) <= set(asked)


def test_deploying_is_started_by_hand_and_holds_no_key() -> None:
    text = (ROOT / ".github/workflows/deploy.yml").read_text("utf-8")
    told = yaml.safe_load(text)
    # YAML 1.1 reads the key `on` as true.
    assert set(told[True]) == {"workflow_dispatch"}
    assert told["permissions"] == {"contents": "read", "id-token": "write"}
    assert all(job["environment"] == "production" for job in told["jobs"].values())
    assert "secrets." not in text
    operations = (ROOT / "docs/operations.md").read_text("utf-8")
    for variable in re.findall(r"vars\.(\w+)", text):
        assert variable in operations


def test_hooks_call_what_the_development_environment_has() -> None:
    told = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    developing = (ROOT / "requirements/dev.txt").read_text("utf-8")
    hooks = [hook for repository in told["repos"] for hook in repository["hooks"]]
    assert {hook["id"] for hook in hooks} == {"ruff-check", "ruff-format", "mypy"}
    for hook in hooks:
        program = re.match(r"\.venv/bin/(\w+)", hook["entry"])
        assert program
        assert re.search(rf"^{program[1]}==", developing, re.MULTILINE)


def test_operations_name_outputs_and_resources_of_the_template() -> None:
    text = (ROOT / "docs/operations.md").read_text("utf-8")
    template = (ROOT / "template.yaml").read_text("utf-8")
    outputs = template.partition("\nOutputs:\n")[2]
    named = set(re.findall(r"\$\(output (\w+)\)", text))
    assert len(named) >= 5
    for name in named:
        assert re.search(rf"^  {name}:$", outputs, re.MULTILINE), name
