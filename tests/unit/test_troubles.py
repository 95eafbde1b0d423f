"""What went wrong, in the reader's language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from arxiv_digest.troubles import CHINESE, in_language

PACKAGE = Path(__file__).parents[2] / "layers/common/arxiv_digest"
HAN = re.compile(r"[\u4e00-\u9fff]")
SAYING = (
    "FeedUnreachable",
    "LanguageModelRefused",
    "LanguageModelUnavailable",
    "unreadable.append",
)


def sentences(node: ast.AST) -> Iterator[str]:
    """The texts that an expression can be, with a 7 for whatever is filled in."""
    for part in ast.walk(node):
        if isinstance(part, ast.JoinedStr):
            values = (v.value if isinstance(v, ast.Constant) else "7" for v in part.values)
            yield "".join(map(str, values))
            return
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value:
            yield part.value


def said_in(name: str) -> set[str]:
    """Every sentence that a module can say about a feed or a paper."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / name).read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in SAYING and node.args:
            found |= set(sentences(node.args[0]))
        elif isinstance(node, ast.Raise) and "ValueError" in ast.unparse(node):
            found |= {f"7: {said}" for said in sentences(node)}
        elif isinstance(node, ast.Assign) and "problems[" in ast.unparse(node.targets[0]):
            found |= set(sentences(node.value))
        elif isinstance(node, ast.FunctionDef) and node.name in ("_few_words", "_break"):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    found |= set(sentences(inner.value))
    return {said for said in found if said != "7: 7"}


@pytest.mark.parametrize(
    ("name", "least"),
    [("announcements.py", 7), ("adapters/arxiv.py", 8), ("scoring.py", 5), ("adapters/llm.py", 3)],
)
def test_everything_that_can_go_wrong_can_be_said_in_chinese(name: str, least: int) -> None:
    found = said_in(name)
    assert len(found) >= least, found
    for said in found:
        assert HAN.search(in_language(said, "zh")), said
        assert in_language(said, "en") == said


def test_what_differs_from_case_to_case_is_kept() -> None:
    assert in_language("HTTP 503 Service Unavailable", "zh") == "HTTP 状态 503 Service Unavailable"
    assert in_language("the language model answered 401: no key", "zh").endswith("401: no key")
    assert in_language("2601.00001: no title", "zh") == "2601.00001：没有标题"


def test_the_most_definite_sentence_is_taken() -> None:
    twice = "the language model answered twice, and differently"
    assert in_language(twice, "zh") == CHINESE[twice]


def test_what_nobody_foresaw_stays_as_it_is() -> None:
    assert in_language("a goose flew in", "zh") == "a goose flew in"
    assert in_language("", "zh") == ""
