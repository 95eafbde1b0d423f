"""The archive's front page."""

from __future__ import annotations

from collections.abc import Iterable

from arxiv_digest.language import words
from arxiv_digest.models import Day
from arxiv_digest.rendering.context import environment


def render_index(days: Iterable[Day], language: str) -> str:
    """The archive's front page: every day, the newest first."""
    newest_first = sorted(days, key=lambda day: day.date, reverse=True)
    template = environment().get_template("index.html.j2")
    return template.render(days=newest_first, said=words(language))
