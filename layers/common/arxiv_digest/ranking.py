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
    Reader,
    Recommendation,
    Run,
    Scored,
    Section,
    Tokens,
    Triaged,
    Unscored,
    Verdict,
    ranked,
)


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
    reader: Reader,
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
    scored: list[Recommendation] = []
    triaged: list[RankedPaper] = []
    failed: list[Unscored] = []
    order: list[str] = []
    for paper in papers:
        order.append(paper.id)
        match outcomes.get(paper.id):
            case Scored(score=score, field=field, reason=reason, locally=locally):
                known = field if field in reader.fields else None
                scored.append(
                    Recommendation(
                        paper=paper, score=score, field=known, reason=reason, locally=locally
                    )
                )
            case Triaged(rank=rank):
                triaged.append(RankedPaper(paper=paper, rank=rank))
            case Failed(reason=reason):
                failed.append(Unscored(paper=paper, reason=reason))
            case None:
                failed.append(Unscored(paper=paper, reason=unscored.get(paper.id, "")))
    ranking = ranked(scored)
    recommended = [paper for paper in ranking if paper.score >= reader.minimum_score]
    ledger = Ledger(
        announced=run.announced, scored=len(scored), triaged=len(triaged), failed=len(failed)
    )
    zone = ZoneInfo(reader.time_zone)
    return Digest(
        date=run.date,
        started_at=run.started_at.astimezone(zone).replace(microsecond=0),
        made_at=made_at.astimezone(zone).replace(microsecond=0),
        reader=reader,
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
        below=tuple(paper for paper in ranking if paper.score < reader.minimum_score),
        triaged=tuple(sorted(triaged, key=lambda entry: entry.rank)),
        failed=tuple(failed),
        announcement_order=tuple(order),
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
