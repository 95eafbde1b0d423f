"""Past days rebuilt: on the deployed stack, and by the command for this machine."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from arxiv_digest.adapters.archive import raw_feed_key
from arxiv_digest.models import Digest, FeedState
from arxiv_digest.rendering import render_json
from local import emulator
from tests.builders import a_digest, scored
from tests.deployed import READERS, ROOT, Deployed
from tests.e2e.test_day import assert_the_ledger_is_exact, papers_of
from tests.export_api import export_api
from tests.feeds import feed


def test_a_past_day_is_rebuilt_exactly_from_the_feeds_in_the_bucket(deployed: Deployed) -> None:
    day = date(2026, 2, 3)
    listed = papers_of(day, 12)
    for category in deployed.profile.categories:
        body = feed(category, day, listed if category == "cs.CV" else ())
        deployed.write(raw_feed_key(day, category), body)

    fetched = deployed.backfill(day)
    digest = deployed.digest(day)

    assert (fetched["done"], fetched["announced"]) == ("started", 12)
    assert_the_ledger_is_exact(digest, listed)
    assert digest.rebuilt
    assert {reading.state for reading in digest.feeds} == {FeedState.FRESH, FeedState.EMPTY}
    assert "依据当日保存的公告源原样重建" in deployed.read(f"{day}/digest.md")
    assert deployed.api.requests == []
    assert deployed.mails(day) == []
    assert deployed.backfill(day)["done"] == "nothing"


def test_a_past_day_is_rebuilt_by_submission_time_and_mailed_where_that_is_asked_for(
    deployed: Deployed,
) -> None:
    day = date(2026, 2, 4)
    listed = [paper.model_copy(update={"categories": ("cs.RO",)}) for paper in papers_of(day, 5)]
    deployed.api.most = 3
    deployed.api.submit(datetime(2026, 2, 2, 19, 0, tzinfo=UTC), *listed[:4])
    deployed.api.submit(datetime(2026, 2, 3, 18, 59, tzinfo=UTC), listed[4])

    deployed.backfill(day, mail=True)
    digest = deployed.digest(day)

    assert_the_ledger_is_exact(digest, listed)
    assert {reading.state for reading in digest.feeds} == {FeedState.APPROXIMATE}
    assert "近似重建" in deployed.read(f"{day}/digest.md")
    assert f"raw/{day}/cs.RO.api-2.xml" in deployed.objects()
    deployed.wait(lambda: deployed.mails(day) == sorted(READERS))


def test_what_failed_is_scored_once_more_and_mailed_to_nobody_twice(deployed: Deployed) -> None:
    day = date(2026, 2, 10)
    listed = papers_of(day, 12)
    deployed.model.misbehave("401", listed[0].id)
    for category in deployed.profile.categories:
        body = feed(category, day, listed if category == "cs.CV" else ())
        deployed.write(raw_feed_key(day, category), body)
    deployed.backfill(day, mail=True)
    first = deployed.digest(day)

    again = deployed.backfill(day, mail=True)
    second = deployed.digest(day)

    assert (first.ledger.scored, first.ledger.failed) == (2, 10)
    assert again["done"] == "reopened"
    assert_the_ledger_is_exact(second, listed)
    assert second.ledger.failed == 0
    assert second.tokens.total == 11 * 12
    assert [deployed.model.asked(paper.id) for paper in (listed[0], listed[11])] == [2, 1]
    assert deployed.mails(day) == sorted(READERS)


def test_one_command_rebuilds_a_day_on_this_machine(tmp_path: Path) -> None:
    if emulator.remembered():
        pytest.skip("an emulator that `make up` started is in use; `make down` stops it")
    day = date(2026, 2, 5)
    kept, read, asked = papers_of(day, 3)
    asked = asked.model_copy(update={"categories": ("cs.RO",)})
    folder = tmp_path / f"raw/{day}"
    folder.mkdir(parents=True)
    (folder / "cs.CV.xml").write_bytes(feed("cs.CV", day, [kept, read]))
    another = a_digest([(read, scored(read))], date=date(2026, 2, 6))
    (tmp_path / "2026-02-06").mkdir()
    (tmp_path / "2026-02-06/digest.json").write_text(render_json(another), "utf-8")
    (tmp_path / "latest.html").write_text("of 2026-02-06")
    with export_api() as api:
        api.submit(datetime(2026, 2, 4, 12, tzinfo=UTC), asked)
        ran = subprocess.run(
            [str(ROOT / ".venv/bin/python"), "-m", "local", "backfill"],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": "layers/common:.",
                "DATE": str(day),
                "OUT": str(tmp_path),
                "CATEGORIES": "cs.CV cs.RO",
                "EXPORT_API_URL": api.url,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout
    assert f"kept feeds of {day}: cs.CV" in ran.stdout
    assert f"no feed is kept of cs.RO: {api.url} is asked" in ran.stdout
    assert "announced 2 = scored 2 + triaged 0 + failed 0" in ran.stdout
    assert "could only be rebuilt approximately" in ran.stdout
    assert "mail to reader@example.org: not sent" in ran.stdout
    made = json.loads((tmp_path / f"{day}/digest.json").read_text("utf-8"))
    assert {paper.id for paper in Digest.model_validate(made).papers} == {kept.id, asked.id}
    assert made["seen_before"] == 1, "another day's digest has read it"
    assert "2026-02-06/digest.html" in (tmp_path / "index.html").read_text("utf-8")
    assert (tmp_path / "latest.html").read_text() == "of 2026-02-06"
    assert (folder / "cs.RO.api-1.xml").exists(), "what the API answered is on record"
    assert len(api.requests) == 1
