"""The seed's day, rendered from its papers, scores and reasons, is the seed's document."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from arxiv_digest.announcements import author_names
from arxiv_digest.models import Digest, FeedReading, Paper, Run, Scored, Scorer, ScorerKind, Tokens
from arxiv_digest.profile import load_profile
from arxiv_digest.ranking import make_digest
from arxiv_digest.rendering import render_markdown

ROOT = Path(__file__).parents[2]
LEAKED = re.compile(r"^(Score|Field): ")


def test_the_seeds_day_is_rendered_as_the_seeds_document(digest_data: Path) -> None:
    rendered = render_markdown(seed_digest(digest_data)).splitlines()

    seed = _seed(digest_data)
    ledger = [line for line in rendered if "216 = " in line]
    assert ledger == ["> 公告日 2026-01-22：公告 216 = 评分 216 + 分流 0 + 失败 0"]
    expected = [line for line in seed.rstrip().splitlines() if not LEAKED.match(line)]
    # Numbers are written by the language's locale.
    expected[4] = expected[4].replace("98727", "98,727")
    assert [line for line in rendered if line not in ledger] == expected


def seed_digest(digest_data: Path) -> Digest:
    """The digest of the seed's day: its papers with its scores, fields and reasons."""
    seed = _seed(digest_data)
    rows = [
        json.loads(line)
        for line in (digest_data / "seed-day-216-papers.jsonl").read_text("utf-8").splitlines()
    ]
    papers = [_paper(row) for row in rows]
    reasons = dict(re.findall(r"\(https://arxiv\.org/abs/(\S+)\)\n- \*\*Reason:\*\* (.*)", seed))
    outcomes = {
        row["id"]: Scored(
            paper_id=row["id"],
            score=row["seed_score"] or 0,
            field=row["seed_field"],
            reason=reasons.get(row["id"], ""),
        )
        for row in rows
    }
    profile = load_profile((ROOT / "profile.yaml").read_text("utf-8"))
    run = Run(
        date=date(2026, 1, 22),
        started_at=datetime(2026, 1, 23, 12, 35, tzinfo=ZoneInfo("Asia/Shanghai")),
        profile="",
        feeds=tuple(
            FeedReading(category=category, state="fresh", date=date(2026, 1, 22), items=1)
            for category in profile.categories
        ),
        announced=len(papers),
        batches=22,
        scorer=Scorer(kind=ScorerKind.LANGUAGE_MODEL, name="doubao-seed-1-6-thinking-250715"),
    )
    made_at = datetime(2026, 1, 23, 12, 40, 37, tzinfo=ZoneInfo("Asia/Shanghai"))

    return make_digest(run, profile, papers, outcomes, Tokens(total=98_727, calls=22), made_at, {})


def _seed(digest_data: Path) -> str:
    return (digest_data.parent / "seed-digest-2026-01-23.md").read_text("utf-8")


def _paper(row: dict[str, object]) -> Paper:
    return Paper(
        id=str(row["id"]),
        version=1,
        title=str(row["title"]),
        authors=author_names(str(row["authors"])),
        abstract=str(row["abstract"]),
        categories=tuple(row["categories"]),  # type: ignore[arg-type]
        announce_type=row["announce"],
        announced=row["published"],
    )
