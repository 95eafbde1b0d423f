"""Backfill with its real adapters: a past day from kept feeds, the export API, or both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from arxiv_digest.adapters.archive import raw_feed_key
from arxiv_digest.adapters.arxiv import PAGE_TRIES, ExportApi, FeedReader
from arxiv_digest.adapters.runs import Pending
from arxiv_digest.firings import FetchEvent
from arxiv_digest.models import (
    LOCAL_SCORER,
    Digest,
    Failed,
    FeedState,
    Outcome,
    Paper,
    Run,
    Tokens,
)
from arxiv_digest.steps.aggregate import AggregateDone, AggregateResult
from arxiv_digest.steps.fetch import Done, Fetch, FetchResult
from tests.builders import DAY, a_paper, papers, scored
from tests.export_api import ExportApiServer, export_api, page, refusal
from tests.feeds import FeedServer, feed, feed_server
from tests.integration.conftest import Cloud

LATER = datetime(2026, 2, 10, 12, tzinfo=UTC)
SUBMITTED = datetime(2026, 1, 20, 20, tzinfo=UTC)
READER = "one@example.org"


class Machine:
    """Fetch and aggregate on the emulated cloud, with servers that stand for arXiv."""

    def __init__(self, cloud: Cloud, arxiv: FeedServer, api: ExportApiServer) -> None:
        self.cloud = cloud
        self.arxiv = arxiv
        self.api = api
        self.fetch = Fetch(
            arxiv=FeedReader(arxiv.base_url, 0, sleep=lambda _: None),
            export_api=ExportApi(api.url, 0, sleep=lambda _: None),
            runs=cloud.runs,
            queue=cloud.queue,
            profile_queue=cloud.profile_queue,
            archive=cloud.archive,
            scorer=LOCAL_SCORER,
        )

    def keep(self, category: str, *listed: Paper, day: date = DAY) -> None:
        """Keep a feed in the bucket, as a firing does that reads it."""
        self.cloud.archive.write(raw_feed_key(day, category), feed(category, day, listed))

    def backfill(
        self, day: date = DAY, now: datetime = LATER, invocation: str = "", mail: bool = False
    ) -> FetchResult:
        event = FetchEvent(firing="backfill", date=day, mail=mail)
        return self.fetch(event, now, invocation)

    def run(self, day: date = DAY) -> Run:
        run = self.cloud.runs.get(day)
        assert run is not None
        return run

    def score(self, *failing: str) -> list[str]:
        """Score what lies in the queue but for some papers; returns the papers' ids.

        Every batch spends 10 tokens.
        """
        batches = self.cloud.messages()
        for batch in batches:
            outcomes: list[Outcome] = [
                Failed(paper_id=paper.id, reason="no answer")
                if paper.id in failing
                else scored(paper, 9)
                for paper in batch.papers
            ]
            assert self.cloud.runs.complete_batch(batch, outcomes, Tokens(total=10, calls=1))
        return [paper.id for batch in batches for paper in batch.papers]

    def digest(self) -> Digest:
        """What the archive holds of the day."""
        return Digest.model_validate_json(self.cloud.archive.read(f"{DAY}/digest.json") or b"")

    def aggregate(self, day: date = DAY) -> AggregateResult:
        return self.cloud.aggregate(READER)(day, LATER)


@pytest.fixture
def machine(cloud: Cloud) -> Iterator[Machine]:
    with feed_server() as arxiv, export_api() as api:
        yield Machine(cloud, arxiv, api)


def states(result: FetchResult) -> dict[str, FeedState]:
    return {reading.category: reading.state for reading in result.feeds}


def test_a_day_whose_feeds_are_kept_is_rebuilt_exactly_without_asking_arxiv(
    machine: Machine,
) -> None:
    one, two, three = papers(3)
    machine.keep("cs.LG", one, two)
    machine.keep("cs.CV", two, three, a_paper(4, announce_type="replace"))
    result = machine.backfill()
    assert (result.done, result.date, result.announced) == (Done.STARTED, DAY, 3)
    assert states(result) == {"cs.LG": FeedState.FRESH, "cs.CV": FeedState.FRESH}
    assert (machine.run().rebuilt, machine.run().mail, machine.run().left_out) == (True, False, 1)
    assert machine.score() == [one.id, two.id, three.id]
    assert machine.arxiv.requests == machine.api.requests == []
    assert set(machine.cloud.runs.seen([one.id, two.id, three.id]).values()) == {DAY}
    digest = machine.aggregate().digest
    assert digest is not None
    assert digest.rebuilt
    said = (machine.cloud.archive.read(f"{DAY}/digest.md") or b"").decode()
    assert "exactly, from the feeds kept of that day" in said


def test_a_day_without_kept_feeds_is_rebuilt_by_submission_time_and_says_so(
    machine: Machine,
) -> None:
    new, crossed = a_paper(1), a_paper(2, categories=("cs.CV", "cs.LG"))
    machine.api.submit(SUBMITTED, new, crossed)
    result = machine.backfill()
    assert (result.announced, machine.score()) == (2, [new.id, crossed.id])
    assert set(states(result).values()) == {FeedState.APPROXIMATE}
    assert {request["search_query"] for request in machine.api.requests} == {
        f"cat:{category} AND submittedDate:[202601201900 TO 202601211859]"
        for category in ("cs.LG", "cs.CV")
    }
    assert machine.cloud.objects("raw/") == [
        "raw/2026-01-22/cs.CV.api-1.xml",
        "raw/2026-01-22/cs.LG.api-1.xml",
    ]
    digest = machine.aggregate().digest
    assert digest is not None
    shown = [entry.paper for section in digest.sections for entry in section.papers]
    assert {paper.announced for paper in shown} == {DAY}
    said = (machine.cloud.archive.read(f"{DAY}/digest.md") or b"").decode()
    assert "rebuilt approximately" in said
    assert "It knows no announcement dates" in said


def test_only_categories_without_a_kept_feed_are_asked_for(machine: Machine) -> None:
    machine.keep("cs.LG", a_paper(1))
    machine.api.submit(SUBMITTED, a_paper(2, categories=("cs.CV",)), a_paper(3))
    result = machine.backfill()
    assert states(result) == {"cs.LG": FeedState.FRESH, "cs.CV": FeedState.APPROXIMATE}
    assert machine.score() == ["2601.00001", "2601.00002"]


def test_a_feed_that_broke_off_is_used_only_where_no_whole_one_is_kept(machine: Machine) -> None:
    for category in ("cs.LG", "cs.CV"):
        cut = feed(category, DAY, [a_paper(1), a_paper(2)])[:-200]
        machine.cloud.archive.write(raw_feed_key(DAY, category, whole=False), cut)
    machine.keep("cs.LG", a_paper(3))
    result = machine.backfill()
    assert states(result) == {"cs.LG": FeedState.FRESH, "cs.CV": FeedState.CUT_OFF}
    assert machine.score() == ["2601.00003", "2601.00001"]
    assert machine.api.requests == []


def test_pages_kept_of_the_api_are_never_taken_for_a_feed(machine: Machine) -> None:
    machine.api.most = 1
    machine.api.submit(SUBMITTED, *papers(3))
    machine.backfill()
    assert machine.cloud.objects(f"raw/{DAY}/cs.LG") == [
        f"raw/{DAY}/cs.LG.api-{number}.xml" for number in (1, 2, 3)
    ]
    machine.cloud.dynamodb.Table("runs").delete_item(Key={"pk": f"RUN#{DAY}", "sk": "RUN"})
    machine.api.requests.clear()
    again = machine.backfill()
    assert states(again)["cs.LG"] is FeedState.APPROXIMATE
    assert len(machine.api.requests) == 4, "an expired run is rebuilt, and its papers are its own"
    assert again.announced == 3


@pytest.mark.parametrize(
    ("first", "state", "announced", "detail"),
    [
        (page(papers(2), 4), FeedState.CUT_OFF, 2, "only 2 of 4 papers came"),
        (None, FeedState.CUT_OFF, 0, "only 0 of 4 papers came"),
    ],
)
def test_pages_that_stay_empty_make_a_category_incomplete(
    machine: Machine, first: bytes | None, state: FeedState, announced: int, detail: str
) -> None:
    machine.keep("cs.CV")
    machine.api.faults = [*([first] if first else []), *[page([], 4)] * PAGE_TRIES]
    result = machine.backfill()
    [reading] = [reading for reading in result.feeds if reading.category == "cs.LG"]
    assert (reading.state, result.announced) == (state, announced)
    assert detail in reading.detail


def test_where_neither_feed_nor_api_can_be_read_the_digest_says_so(machine: Machine) -> None:
    machine.api.faults = [refusal("bad query"), 404]
    result = machine.backfill()
    assert set(states(result).values()) == {FeedState.UNREACHABLE}
    assert (result.done, result.announced) == (Done.STARTED, 0)
    assert machine.aggregate().done is AggregateDone.MADE
    said = (machine.cloud.archive.read(f"{DAY}/digest.md") or b"").decode()
    assert "There was nothing to read" in said
    assert "what became of each category" in said
    assert "arXiv's export API: the query was refused: bad query" in said
    assert "arXiv's export API: HTTP 404" in said


def test_a_day_of_which_nothing_could_be_read_is_tried_again(machine: Machine) -> None:
    machine.api.faults = [404, 404]
    machine.backfill()
    machine.aggregate()
    machine.api.submit(SUBMITTED, a_paper(1))
    again = machine.backfill()
    assert (again.done, again.announced) == (Done.STARTED, 1)
    assert machine.score() == ["2601.00001"]
    result = machine.aggregate()
    assert result.digest is not None
    assert (result.done, result.digest.ledger.scored) == (AggregateDone.MADE, 1)
    assert machine.backfill().done is Done.NOTHING


def test_a_night_on_which_arxiv_could_not_be_read_is_rebuilt(machine: Machine) -> None:
    four = datetime(2026, 1, 22, 9, tzinfo=UTC)
    assert machine.fetch(FetchEvent(firing="last"), four).announced == 0
    assert dict(machine.aggregate().mail) == {READER: "sent"}
    machine.api.submit(SUBMITTED, a_paper(1))
    assert machine.backfill(mail=True).announced == 1
    machine.score()
    assert dict(machine.aggregate().mail) == {READER: "sent-before"}


def test_on_a_weekend_nothing_was_announced_and_nothing_is_asked(machine: Machine) -> None:
    saturday = date(2026, 1, 24)
    result = machine.backfill(saturday)
    assert set(states(result).values()) == {FeedState.EMPTY}
    assert machine.api.requests == []
    digest = machine.aggregate(saturday).digest
    assert digest is not None
    assert digest.verdict == "nothing-announced"


@pytest.mark.parametrize("day", [DAY - timedelta(days=1), DAY + timedelta(days=1)])
def test_a_paper_that_another_days_run_has_read_is_not_read_again(
    machine: Machine, day: date
) -> None:
    machine.keep("cs.LG", *papers(3))
    machine.keep("cs.CV")
    machine.cloud.runs.mark_seen([a_paper(2)], day)
    assert machine.backfill().announced == 2
    assert machine.run().seen_before == 1
    assert machine.cloud.runs.seen(["2601.00002"]) == {"2601.00002": day}


def test_feeds_that_wait_for_the_next_regular_run_are_left_to_it(machine: Machine) -> None:
    waiting = Pending(DAY, "cs.CV")
    machine.cloud.runs.add_pending(waiting)
    machine.keep("cs.CV", a_paper(1))
    machine.keep("cs.LG", a_paper(2))
    assert machine.backfill().announced == 2
    assert machine.cloud.runs.pending() == [waiting]
    # The next regular run reads what waits, and finds that all of it was read.
    following = DAY + timedelta(days=1)
    for category in ("cs.LG", "cs.CV"):
        machine.arxiv.feeds[category] = feed(category, following)
    morning = datetime(2026, 1, 23, 5, 30, tzinfo=UTC)
    result = machine.fetch(FetchEvent(firing="night"), morning)
    assert (result.done, result.announced) == (Done.STARTED, 0)
    assert machine.run(following).seen_before == 1
    assert not machine.run(following).rebuilt
    assert machine.run(following).mail
    assert machine.cloud.runs.pending() == []


@pytest.mark.parametrize("mail", [False, True])
def test_nobody_is_mailed_unless_it_is_asked_for_and_then_once(
    machine: Machine, mail: bool
) -> None:
    machine.keep("cs.LG", a_paper(1))
    machine.keep("cs.CV")
    machine.backfill(mail=mail)
    machine.score()
    assert dict(machine.aggregate().mail) == ({READER: "sent"} if mail else {})
    assert machine.backfill(mail=mail).done is Done.NOTHING
    assert machine.aggregate().done is AggregateDone.MADE_BEFORE
    assert f"{DAY}/digest.html" in machine.cloud.objects()


def test_a_backfill_that_died_while_sending_is_gone_on_with(machine: Machine) -> None:
    machine.keep("cs.LG", *papers(5))
    machine.keep("cs.CV")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(machine.cloud.queue), "send", lambda *_: (_ for _ in ()).throw(OSError())
        )
        with pytest.raises(OSError):  # noqa: PT011 - the dying fetch of this test
            machine.backfill(invocation="call-1")
    assert machine.backfill(invocation="call-2").done is Done.NOTHING, "it may be at work"
    assert machine.backfill(invocation="call-1").done is Done.RESUMED
    assert sorted(machine.score()) == [paper.id for paper in papers(5)]


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (LATER.date(), "2026-02-10 is not over in US Eastern time"),
        (LATER.date() + timedelta(days=1), "2026-02-11 is in the future"),
    ],
)
def test_a_day_that_is_not_over_is_refused(machine: Machine, day: date, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        machine.backfill(day)
    assert machine.cloud.items() == []


def test_the_day_ends_in_us_eastern_time(machine: Machine) -> None:
    with pytest.raises(ValueError, match="is not over"):
        machine.backfill(DAY, datetime(2026, 1, 23, 4, 59, tzinfo=UTC))
    assert machine.backfill(DAY, datetime(2026, 1, 23, 5, 0, tzinfo=UTC)).done is Done.STARTED


def a_day_with_failures(machine: Machine, *failing: str, mail: bool = True) -> None:
    """Five papers in three batches, scored but for some, with its digest made and mailed."""
    machine.keep("cs.LG", *papers(5))
    machine.keep("cs.CV")
    machine.backfill(mail=mail)
    machine.score(*failing)
    assert machine.aggregate().done is AggregateDone.MADE


def test_batches_that_hold_failed_papers_are_scored_once_more_without_a_second_mail(
    machine: Machine,
) -> None:
    a_day_with_failures(machine, "2601.00003", "2601.00004", "2601.00005")
    assert machine.digest().ledger.model_dump() == {
        "announced": 5,
        "scored": 2,
        "triaged": 0,
        "failed": 3,
    }
    result = machine.backfill(mail=True)
    assert (result.done, result.announced) == (Done.REOPENED, 5)
    assert machine.cloud.runs.results(DAY).remaining == 2
    assert machine.score() == ["2601.00003", "2601.00004", "2601.00005"]
    assert dict(machine.aggregate().mail) == {READER: "sent-before"}
    assert machine.digest().ledger.scored == 5
    assert machine.digest().tokens == Tokens(total=50, calls=5), "what was spent is not forgotten"
    assert machine.backfill(mail=True).done is Done.NOTHING
    assert machine.score() == []


def test_a_batch_can_be_reopened_again_and_again(machine: Machine) -> None:
    a_day_with_failures(machine, "2601.00001")
    for _ in range(2):
        assert machine.backfill().done is Done.REOPENED
        assert machine.score("2601.00001") == ["2601.00001", "2601.00002"]
        machine.aggregate()
    assert machine.digest().ledger.failed == 1
    assert machine.digest().tokens.total == 50


def test_batches_that_a_digest_was_made_without_are_sent_again(machine: Machine) -> None:
    machine.keep("cs.LG", *papers(4))
    machine.keep("cs.CV")
    machine.backfill()
    first, second = machine.cloud.messages()
    machine.cloud.runs.complete_batch(first, [scored(paper) for paper in first.papers], Tokens())
    assert machine.backfill().done is Done.NOTHING, "scoring may be at work"
    machine.aggregate()
    assert machine.backfill().done is Done.REOPENED
    assert machine.score() == [paper.id for paper in second.papers]
    assert machine.aggregate().done is AggregateDone.MADE
    assert machine.digest().ledger.scored == 4


def test_a_run_of_the_schedule_is_reopened_as_well_and_stays_what_it_was(machine: Machine) -> None:
    machine.arxiv.feeds = {"cs.LG": feed("cs.LG", DAY, papers(2)), "cs.CV": feed("cs.CV", DAY)}
    machine.fetch(FetchEvent(firing="night"), datetime(2026, 1, 22, 5, 30, tzinfo=UTC))
    machine.score("2601.00001")
    assert dict(machine.aggregate().mail) == {READER: "sent"}
    assert machine.backfill().done is Done.REOPENED
    machine.score()
    assert dict(machine.aggregate().mail) == {READER: "sent-before"}, "the claim stays"
    assert (machine.digest().rebuilt, machine.digest().ledger.scored) == (False, 2)


@pytest.mark.parametrize("died", ["before the first", "between two", "before sending"])
def test_a_fetch_that_dies_while_reopening_loses_nothing(machine: Machine, died: str) -> None:
    a_day_with_failures(machine, "2601.00001", "2601.00005")
    runs = type(machine.cloud.runs)
    reopen = runs.reopen
    left = {"before the first": 0, "between two": 1, "before sending": 2}[died]

    def dying(*arguments: Any) -> None:
        nonlocal left
        if left == 0:
            raise OSError
        left -= 1
        reopen(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "reopen", dying)
        patch.setattr(
            type(machine.cloud.queue), "send", lambda *_: (_ for _ in ()).throw(OSError())
        )
        with pytest.raises(OSError):  # noqa: PT011 - the dying fetch of this test
            machine.backfill()
    later = LATER + timedelta(hours=1)
    done = [machine.backfill(now=later).done]
    sent = machine.score()
    while done[-1] is not Done.NOTHING:
        done.append(machine.backfill(now=later).done)
        sent += machine.score()
    assert done[0] is Done.RESUMED
    assert sorted(sent) == ["2601.00001", "2601.00002", "2601.00005"], "each batch was sent once"
    assert machine.cloud.runs.results(DAY).remaining == 0
    assert machine.aggregate().done is AggregateDone.MADE
    assert machine.digest().ledger.scored == 5
    assert machine.digest().tokens.total == 50


def test_two_backfills_at_the_same_time_reopen_a_batch_once(machine: Machine) -> None:
    a_day_with_failures(machine, "2601.00001")
    runs = machine.cloud.runs
    run = machine.run()
    get = type(runs)._get
    rival: list[bool] = []

    def racing(own: Any, partition: str, sort: str) -> Any:
        found = get(own, partition, sort)
        if sort.startswith("BATCH#") and not rival:
            rival.append(True)
            machine.cloud.runs.reopen(run, 1)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(runs), "_get", racing)
        runs.reopen(run, 1)
    results = machine.cloud.runs.results(DAY)
    assert (results.remaining, results.tokens.total) == (1, 30)


def test_a_rebuilt_day_can_be_mailed_afterwards_and_only_once(machine: Machine) -> None:
    a_day_with_failures(machine, mail=False)
    assert machine.cloud.runs.mail_claim(DAY, READER) is None
    assert machine.backfill(mail=True).done is Done.REOPENED
    assert machine.cloud.messages() == []
    assert dict(machine.aggregate().mail) == {READER: "sent"}
    assert machine.backfill(mail=True).done is Done.NOTHING
    assert machine.backfill(mail=False).done is Done.NOTHING
