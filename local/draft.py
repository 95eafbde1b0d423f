"""A proposed profile as a file for its reader to edit."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from arxiv_digest.profile import MOST_EXAMPLES
from local.references import Reference

MOST_FIELDS = 8
"""Fields that are proposed at most."""

EXAMPLES = 3
"""Examples proposed for a field."""


class ProposedField(NamedTuple):
    """A field of some of the reader's papers, the most central one first."""

    name: str
    description: str
    papers: tuple[Reference, ...]


def propose_examples(fields: Sequence[ProposedField]) -> list[Reference]:
    """The most central papers of each field that are on arXiv, as many as a profile may name."""
    of_each = min(EXAMPLES, MOST_EXAMPLES // max(1, len(fields)))
    return [
        paper
        for field in fields
        for paper in [one for one in field.papers if one.arxiv_id][:of_each]
    ]


def profile_yaml(
    name: str,
    language: str,
    time_zone: str,
    categories: Iterable[str],
    fields: Sequence[ProposedField],
    origin: str = "",
) -> str:
    """A profile with comments on how it came about and how to go on.

    ``origin`` says what its fields were proposed from, if from anything.
    """
    lines = [
        "# The reader. docs/profile.md explains every key, and how to steer further.",
        *(_comment(f"Proposed from {origin}.") if origin else ()),
        *(
            _comment(
                "Edit it: a field is matched by the words of its description, so write there what"
                " the abstracts that you want to read would say. Then look at what it catches with"
                " make profile PREVIEW=."
            )
        ),
        "",
        f"name: {_quoted(name)}",
        f"language: {language}                # of the fixed words and of the reasons: en or zh",
        f"time_zone: {_quoted(time_zone)}",
        f"categories: [{', '.join(map(_quoted, categories))}]",
        "minimum_score: 7            # 0 to 10; a paper with this score or more is recommended",
        "",
        "# name: any language, as it stands in the digest.  description: English.",
        "fields:",
    ]
    for field in fields:
        lines += ["", *_field_lines(field)] if len(fields) > 1 else _field_lines(field)
    if examples := propose_examples(fields):
        lines += ["", "# The most central of the papers: the digest looks for more like them."]
        lines += ["examples:", "  more:"]
        for paper in examples:
            lines.append(
                f"    - {_quoted(paper.arxiv_id)}  # {shortened(paper.title, 70)}".rstrip(" #")
            )
    return "\n".join(lines) + "\n"


def _field_lines(field: ProposedField) -> list[str]:
    wrapped = textwrap.wrap(
        _printable(field.description), 92, break_long_words=False, break_on_hyphens=False
    )
    lines = [f"  - name: {_quoted(_printable(field.name))}", "    description: >-"]
    if field.papers:
        many = f"{len(field.papers)} paper{'s' * (len(field.papers) > 1)}"
        lines.insert(0, f"  # {many} of yours")
    return [*lines, *(f"      {line}" for line in wrapped)]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(_printable(text), 96)]


def _quoted(text: str) -> str:
    # A JSON string is a YAML string, where all of it can be printed.
    return json.dumps(text, ensure_ascii=False)


def _printable(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def shortened(text: str, longest: int) -> str:
    """A text on one line of at most so many signs."""
    return textwrap.shorten(_printable(text), longest, placeholder=" …")
