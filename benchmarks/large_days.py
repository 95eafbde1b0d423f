"""Days far larger than arXiv's, as the files that :mod:`benchmarks.alone` reads.

``python -m benchmarks.large_days FOLDER`` writes a folder for each piece of work and each size of
it. Papers are real ones where ``DIGEST_DATA`` is set, otherwise those of the sample day; where
there are too few they come again under other ids.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from arxiv_digest.batches import make_batches
from arxiv_digest.models import (
    FeedReading,
    FeedState,
    Paper,
    PastScore,
    Run,
    Scored,
    Scorer,
    ScorerKind,
)
from arxiv_digest.profile import Profile, load_profile
from benchmarks.growth import HISTORY_DAYS, PAPERS_OF_A_DAY, TRIAGED, WORKS
from benchmarks.tokens import REASON
from evaluation.labels import read_labels
from local import gallery
from local.emulator import ROOT
from tests.feeds import feed

DAY = dt.date(2026, 1, 22)
SCORES = 38
"""Scores from 0 to 9.25 in steps of a quarter; a quarter of them is 7 or more."""


def known_papers(profile: Profile) -> tuple[str, Sequence[Paper]]:
    """What papers these are, and the papers: labelled ones, or those of the sample day."""
    folder = os.environ.get("DIGEST_DATA")
    if not folder:
        return "the sample day's papers (DIGEST_DATA is not set)", gallery.sample_papers(profile)
    labels = read_labels(sorted(Path(folder, "labels").glob("pool-*.jsonl.gz")))
    return "real papers", [paper for day in labels.days for paper in day.papers]


def many(known: Iterable[Paper], count: int, day: dt.date, profile: Profile) -> list[Paper]:
    """So many papers of a day, each with an id of its own: the known ones in turn."""
    return [
        paper.model_copy(
            update={
                "id": f"{day:%y%m}.{number:05d}",
                "announced": day,
                # Labelled papers have no categories.
                "categories": paper.categories
                or (profile.categories[number % len(profile.categories)],),
            }
        )
        for number, paper in enumerate(islice(cycle(known), count), start=1)
    ]


def score_of(number: int, paper: Paper, profile: Profile) -> Scored:
    """What a language model might say of the paper of a place."""
    score = number % SCORES / 4
    return Scored(
        paper_id=paper.id,
        score=score,
        field=profile.fields[number % len(profile.fields)].name,
        reason=REASON if score >= profile.minimum_score else "",
    )


def history(known: Iterable[Paper], days: int, profile: Profile) -> list[PastScore]:
    """What a language model gave the papers of the days before :data:`DAY`."""
    first = DAY - dt.timedelta(days)
    # Of another year, so that none of them is one of the day's own, too.
    papers = many(known, days * PAPERS_OF_A_DAY, first.replace(year=first.year - 1), profile)
    scores = [score_of(number, paper, profile) for number, paper in enumerate(papers)]
    return [
        PastScore(paper, given.score, given.field, first + dt.timedelta(place // PAPERS_OF_A_DAY))
        for place, (paper, given) in enumerate(zip(papers, scores, strict=True))
    ]


def write_parse(folder: Path, known: Sequence[Paper], count: int, profile: Profile) -> None:
    """The RSS of a category."""
    (folder / "feed.xml").write_bytes(feed("cs.LG", DAY, many(known, count, DAY, profile)))


def write_digest(folder: Path, known: Sequence[Paper], count: int, profile: Profile) -> None:
    """A run, its batches, and the outcomes of its papers."""
    papers = many(known, count, DAY, profile)
    batches = make_batches(DAY, papers, profile.papers_per_call)
    run = Run(
        date=DAY,
        started_at=dt.datetime(2026, 1, 22, 5, 30, tzinfo=dt.UTC),
        profile="",
        feeds=tuple(
            FeedReading(category=category, state=FeedState.FRESH, date=DAY)
            for category in profile.categories
        ),
        announced=len(papers),
        batches=len(batches),
        scorer=Scorer(kind=ScorerKind.LANGUAGE_MODEL, name="a model"),
    )
    _write(folder / "run", Run, [run])
    _write(folder / "batches", type(batches[0]), batches)
    scored = [score_of(number, paper, profile) for number, paper in enumerate(papers)]
    _write(folder / "outcomes", Scored, scored)


def write_triage(folder: Path, known: Sequence[Paper], count: int, profile: Profile) -> None:
    """A day's papers, and past scores: of half the days for half the papers."""
    _write(folder / "papers", Paper, many(known, count, DAY, profile))
    days = HISTORY_DAYS * count // TRIAGED
    _write(folder / "history", PastScore, history(known, days, profile))


def _write(file: Path, kind: Any, values: Iterable[Any]) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    file.write_bytes(b"".join(adapter.dump_json(value) + b"\n" for value in values))


WRITERS = {"parse": write_parse, "digest": write_digest, "triage": write_triage}


def main(folder: Path) -> None:
    """Write all inputs into a folder, and print what papers they are made of, as JSON."""
    profile = load_profile((ROOT / "profile.yaml").read_text("utf-8"))
    name, known = known_papers(profile)
    for work in WORKS:
        for count in (work.count // 2, work.count):
            place = folder / f"{work.name}-{count}"
            place.mkdir()
            WRITERS[work.name](place, known, count, profile)
    print(json.dumps({"papers": name}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
