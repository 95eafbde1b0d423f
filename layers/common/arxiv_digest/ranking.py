"""Outcomes of a run as a digest: the ledger, the ranking, the fields in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from arxiv_digest.firings import READY
from arxiv_digest.models import (
    Digest,
    Failed,
    FeedReading,
    FeedState,
    Ledger,
    Outcome,
    Paper,
    RankedPaper,
    Recommendation,
    Run,
    Scored,
    Section,
    Tokens,
    Triaged,
    Unscored,
    Verdict,
)
from arxiv_digest.profile import Profile
from arxiv_digest.steering import steered, steering_entries


def sections(papers: Iterable[Recommendation]) -> tuple[Section, ...]:
    """Group a ranking by field, the fields in the order of their first paper in it."""
    ranking = list(papers)
    order = {
        field: place for place, field in reversed([(p, r.field) for p, r in enumerate(ranking)])
    }
    grouped = groupby(
        sorted(ranking, key=lambda paper: order[paper.field]), lambda paper: paper.field
    )
    return tuple(Section(field=field, papers=tuple(group)) for field, group in grouped)


def make_digest(
    run: Run,
    profile: Profile,
    papers: Iterable[Paper],
    outcomes: Mapping[str, Outcome],
    tokens: Tokens,
    made_at: datetime,
    unscored: Mapping[str, str],
    cost: float | None = None,
) -> Digest:
    """Make the digest of a run from what happened to its papers.

    ``papers`` are in announcement order, ``outcomes`` are by paper id. A paper without an outcome
    counts as failed, with its reason from ``unscored`` (by paper id) where there is one.
    ``made_at`` may be in any time zone; the digest holds it in the reader's. ``cost`` is in US
    dollars.
    """
    scored: list[tuple[Paper, Scored]] = []
    triaged: list[RankedPaper] = []
    failed: list[Unscored] = []
    order: list[str] = []
    for paper in papers:
        order.append(paper.id)
        match outcomes.get(paper.id):
            case Scored() as given:
                scored.append((paper, given))
            case Triaged(rank=rank):
                triaged.append(RankedPaper(paper=paper, rank=rank))
            case Failed(reason=reason):
                failed.append(Unscored(paper=paper, reason=reason))
            case None:
                failed.append(Unscored(paper=paper, reason=unscored.get(paper.id, "")))
    recommended, below = steered(scored, profile, run.examples)
    ledger = Ledger(
        announced=run.announced, scored=len(scored), triaged=len(triaged), failed=len(failed)
    )
    zone = ZoneInfo(profile.time_zone)
    return Digest(
        date=run.date,
        started_at=run.started_at.astimezone(zone).replace(microsecond=0),
        made_at=made_at.astimezone(zone).replace(microsecond=0),
        reader=profile.reader,
        scorer=run.scorer,
        tokens=tokens,
        cost=cost,
        ledger=ledger,
        triage=run.triage,
        verdict=verdict(ledger, len(recommended), run.feeds, run.seen_before),
        feeds=run.feeds,
        left_out=run.left_out,
        seen_before=run.seen_before,
        rebuilt=run.rebuilt,
        sections=sections(recommended),
        below=tuple(below),
        triaged=tuple(sorted(triaged, key=lambda entry: entry.rank)),
        failed=tuple(failed),
        announcement_order=tuple(order),
        steering=steering_entries((*recommended, *below), profile, run.examples),
    )


def verdict(
    ledger: Ledger, recommended: int, feeds: Iterable[FeedReading], seen_before: int
) -> Verdict:
    """Say what kind of day it was, so that a holiday is never taken for a fault."""
    readings = tuple(feeds)
    if recommended:
        return Verdict.RECOMMENDED
    if ledger.announced == 0:
        read = (FeedState.FRESH, FeedState.APPROXIMATE)
        if any(reading.state not in (*READY, *read, FeedState.LATE) for reading in readings):
            return Verdict.FEEDS_UNREADABLE
        if seen_before or any(reading.state in read for reading in readings):
            return Verdict.NOTHING_NEW
        return Verdict.NOTHING_ANNOUNCED
    if ledger.scored == 0 and ledger.failed:
        return Verdict.SCORING_FAILED
    return Verdict.NOTHING_ABOVE_THRESHOLD
