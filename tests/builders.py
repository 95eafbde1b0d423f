"""Small values for tests, with what a test does not care about filled in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from arxiv_digest.models import (
    LOCAL_SCORER,
    Digest,
    FeedReading,
    Outcome,
    Paper,
    Run,
    Scored,
    Tokens,
)
from arxiv_digest.profile import Profile, ResearchField
from arxiv_digest.ranking import make_digest

DAY = date(2026, 1, 22)
NOW = datetime(2026, 1, 22, 5, 30, tzinfo=UTC)


def a_paper(number: int = 1, **changed: Any) -> Paper:
    """Paper 2601.0000<number>, with a title and an abstract that name it."""
    values: dict[str, Any] = {
        "id": f"2601.{number:05d}",
        "version": 1,
        "title": f"Paper {number} on things",
        "authors": (f"Ada {number}", "Bob Bee"),
        "abstract": f"Abstract of paper {number}. It prunes experts.",
        "categories": ("cs.LG",),
        "announce_type": "new",
        "announced": DAY,
    }
    return Paper.model_validate({**values, **changed})


def papers(count: int) -> list[Paper]:
    """Papers 1 to ``count``."""
    return [a_paper(number) for number in range(1, count + 1)]


def a_profile(**changed: Any) -> Profile:
    """A profile with two fields, pruning and agents, in English."""
    values: dict[str, Any] = {
        "language": "en",
        "categories": ("cs.LG",),
        "fields": (
            ResearchField(name="Pruning", description="pruning experts and quantization of models"),
            ResearchField(name="Agents", description="agents that use tools and browse the web"),
        ),
    }
    return Profile.model_validate({**values, **changed})


def a_run(announced: int, **changed: Any) -> Run:
    """A run of the announcement of 2026-01-22 by the local scorer."""
    values: dict[str, Any] = {
        "date": DAY,
        "started_at": NOW,
        "profile": "",
        "feeds": (FeedReading(category="cs.LG", state="fresh", date=DAY, items=announced),),
        "announced": announced,
        "batches": 1,
        "scorer": LOCAL_SCORER,
    }
    return Run.model_validate({**values, **changed})


def a_digest(
    found: Iterable[tuple[Paper, Outcome | None]], profile: Profile | None = None, **run: Any
) -> Digest:
    """A digest of papers and their outcomes (none: not scored in time)."""
    pairs = list(found)
    return make_digest(
        a_run(len(pairs), **run),
        profile or a_profile(),
        [paper for paper, _ in pairs],
        {paper.id: outcome for paper, outcome in pairs if outcome},
        Tokens(prompt=900, completion=100, total=1000, calls=2),
        NOW,
        {},
    )


def scored(
    paper: Paper, score: float = 8, field: str | None = "Pruning", reason: str = ""
) -> Scored:
    """A paper's score, with a reason that names the paper."""
    return Scored(
        paper_id=paper.id, score=score, field=field, reason=reason or f"About {paper.id}."
    )
