"""Past days rebuilt: on the deployed stack, and by the command for this machine."""

from __future__ import annotations

from datetime import UTC, date, datetime

from arxiv_digest.adapters.archive import raw_feed_key
from arxiv_digest.models import FeedState
from tests.deployed import READERS, Deployed
from tests.e2e.test_day import assert_the_ledger_is_exact, papers_of
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
