"""Fetch with its real adapters: what each firing does, and that no paper is lost or read twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from arxiv_digest.adapters.queue import MessagesRefused
from arxiv_digest.batches import make_batches
from arxiv_digest.firings import FetchEvent
from arxiv_digest.models import LOCAL_SCORER, FeedState
from arxiv_digest.profile import ProfileError
from arxiv_digest.steps.fetch import Done, Fetch, FetchResult
from tests.builders import DAY, a_paper, papers
from tests.feeds import feed, feed_server
from tests.integration.conftest import PROFILE, Cloud
from tests.integration.nights import Night, at

NEXT = DAY + timedelta(days=1)


@pytest.fixture
def night(cloud: Cloud) -> Iterator[Night]:
    with feed_server() as arxiv:
        yield Night(cloud, arxiv)


def test_the_first_firing_that_finds_all_fresh_starts_the_run_and_the_rest_do_nothing(
    night: Night,
) -> None:
    one, two, three = papers(3)
    night.publish("cs.LG", DAY, one, two)
    night.publish("cs.CV", DAY, two, three)

    started = night.fire("night")
    again = [night.fire("night"), night.fire("last", at(4)), night.fire("late", at(12))]

    assert (started.done, started.date, started.announced, started.batches) == (
        Done.STARTED,
        DAY,
        3,
        2,
    )
    assert {result.done for result in again} == {Done.NOTHING}
    assert night.arxiv.asked() == ["cs.LG", "cs.CV"], "later firings ask arXiv nothing"
    batches = night.cloud.messages()
    assert [len(batch.papers) for batch in batches] == [2, 1]
    assert [paper.id for batch in batches for paper in batch.papers] == [one.id, two.id, three.id]
    assert night.cloud.objects("raw/") == ["raw/2026-01-22/cs.CV.xml", "raw/2026-01-22/cs.LG.xml"]


def test_a_firing_by_hand_reads_the_newest_announcement_whenever_it_is(night: Night) -> None:
    night.publish("cs.LG", DAY, a_paper(1))
    night.publish("cs.CV", DAY, a_paper(2))
    result = night.fire("manual", at(0, DAY + timedelta(days=300)))
    assert (result.done, result.date, result.announced) == (Done.STARTED, DAY, 2)
    assert night.fire("manual", at(1, DAY + timedelta(days=300))).done is Done.NOTHING
    assert len(night.queued()) == 2


def test_a_paper_read_on_an_earlier_day_is_not_read_again(night: Night) -> None:
    night.publish("cs.LG", DAY, a_paper(1))
    night.publish("cs.CV", DAY, a_paper(2))
    night.fire("night")
    night.publish("cs.LG", NEXT, a_paper(2), a_paper(3))
    night.publish("cs.CV", NEXT, a_paper(1))
    result = night.fire("night", at(0.5, NEXT))
    assert result.announced == 1
    run = night.cloud.runs.get(NEXT)
    assert run is not None
    assert run.seen_before == 2
    assert sorted(night.queued()) == ["2601.00001", "2601.00002", "2601.00003"]


def test_a_firing_that_finds_a_stale_category_waits_and_the_last_one_starts_without_it(
    night: Night,
) -> None:
    night.publish("cs.LG", DAY, a_paper(1))
    night.publish("cs.CV", DAY, a_paper(2))
    night.fire("night")
    night.publish("cs.LG", NEXT, a_paper(3))

    waited = night.fire("night", at(0.5, NEXT))
    last = night.fire("last", at(4, NEXT))

    assert (waited.done, waited.stored) == (Done.WAITED, ())
    assert (last.done, last.announced) == (Done.STARTED, 1)
    assert {feed.category: feed.state for feed in last.feeds} == {
        "cs.LG": FeedState.FRESH,
        "cs.CV": FeedState.STALE,
    }


@pytest.mark.parametrize("caught", ["late", "next night"])
def test_what_a_stale_category_published_later_is_read_by_the_next_run_and_only_once(
    night: Night, caught: str
) -> None:
    old = a_paper(1)
    night.publish("cs.CV", DAY - timedelta(days=1), old)
    night.cloud.runs.mark_seen([old], DAY - timedelta(days=1))
    night.publish("cs.LG", DAY, a_paper(2))
    night.fire("last", at(4))

    night.publish("cs.CV", DAY, a_paper(3), old)
    if caught == "late":
        assert night.fire("late", at(12)).stored == ("cs.CV",)
        asked = len(night.arxiv.requests)
        assert night.fire("late", at(20)).stored == ()
        assert len(night.arxiv.requests) == asked, "what is stored is not asked for again"
    else:
        assert night.fire("night", at(0.5, NEXT)).stored == ("cs.CV",)
    night.publish("cs.CV", NEXT, a_paper(4))
    night.publish("cs.LG", NEXT, a_paper(5))
    result = night.fire("night", at(1.5, NEXT))

    assert (result.done, result.announced) == (Done.STARTED, 3)
    assert sorted(night.queued()) == [f"2601.0000{number}" for number in (2, 3, 4, 5)]
    assert night.cloud.runs.pending() == []
    late = [feed for feed in result.feeds if feed.state is FeedState.LATE]
    assert [(feed.category, feed.date) for feed in late] == [("cs.CV", DAY)]
    assert night.fire("late", at(12, NEXT)).done is Done.NOTHING, "late is no state to read again"


def test_a_feed_that_breaks_off_never_replaces_a_whole_one_that_waits(night: Night) -> None:
    night.publish("cs.LG", DAY, a_paper(1))
    night.fire("last", at(4))
    night.publish("cs.CV", DAY, a_paper(2))
    assert night.fire("late", at(12)).stored == ("cs.CV",)
    whole = night.arxiv.feeds["cs.CV"]
    night.arxiv.feeds["cs.CV"] = whole[: len(whole) // 2]
    night.fire("night", at(0.5, NEXT))
    night.publish("cs.CV", NEXT)
    night.publish("cs.LG", NEXT)
    assert night.fire("night", at(1.5, NEXT)).announced == 1
    assert sorted(night.queued()) == ["2601.00001", "2601.00002"]


def test_feeds_that_cannot_be_read_are_states_of_the_run(night: Night) -> None:
    whole = feed("cs.LG", DAY, papers(3))
    night.arxiv.feeds["cs.LG"] = whole[: len(whole) * 3 // 4]
    result = night.fire("last", at(4))
    states = {feed.category: feed.state for feed in result.feeds}
    assert states == {"cs.LG": FeedState.CUT_OFF, "cs.CV": FeedState.UNREACHABLE}
    assert result.done is Done.STARTED
    assert result.announced == len(night.queued()) > 0


def test_a_day_without_announcements_is_a_run_of_no_batches(night: Night) -> None:
    night.publish("cs.LG", DAY)
    night.publish("cs.CV", DAY)
    result = night.fire("night")
    assert (result.done, result.announced, result.batches) == (Done.STARTED, 0, 0)
    assert night.cloud.runs.results(DAY).remaining == 0
    assert night.queued() == []


@pytest.mark.parametrize(
    "profile",
    [
        b"categories: [cs.LG]",
        PROFILE.encode() + b"treshold: 7\n",
        b"{]",
        PROFILE.encode() + b"language: zh\n",
        "language: 中文".encode("gb18030"),
    ],
)
def test_a_wrong_profile_stops_the_run_before_anything_is_fetched(
    night: Night, profile: bytes
) -> None:
    night.cloud.s3.put_object(Bucket="archive", Key="config/profile.yaml", Body=profile)
    with pytest.raises(ProfileError, match="s3://archive/config/profile.yaml"):
        night.fire("night")
    assert night.arxiv.requests == []
    assert night.cloud.items() == []


def test_the_profiles_announce_types_say_what_is_read(night: Night) -> None:
    profile = PROFILE + "announce_types: [new, cross]\n"
    night.cloud.s3.put_object(Bucket="archive", Key="config/profile.yaml", Body=profile.encode())
    kinds = ["new", "cross", "replace", "replace-cross"]
    listed = [a_paper(number, announce_type=kind) for number, kind in enumerate(kinds, 1)]
    night.publish("cs.LG", DAY, *listed)
    night.publish("cs.CV", DAY)
    night.fire("night")
    run = night.cloud.runs.get(DAY)
    assert run is not None
    assert (run.announced, run.left_out) == (2, 2)
    assert night.queued() == ["2601.00001", "2601.00002"]


def test_two_firings_at_the_same_time_make_one_run(night: Night) -> None:
    night.publish("cs.LG", DAY, *papers(5))
    night.publish("cs.CV", DAY)
    real = night.cloud.runs
    rival: list[FetchResult] = []

    class Racing(type(real)):  # type: ignore[misc]
        def create(self, run: Any, *parts: Any) -> bool:
            if not rival:
                rival.append(night.fire("night"))
            return bool(super().create(run, *parts))

    slow = Night(night.cloud, night.arxiv)
    slow.fetch = Fetch(
        arxiv=slow.fetch.arxiv,
        export_api=slow.fetch.export_api,
        runs=Racing(night.cloud.dynamodb, night.cloud.table),
        queue=night.cloud.queue,
        profile_queue=night.cloud.profile_queue,
        archive=night.cloud.archive,
        scorer=LOCAL_SCORER,
    )
    assert slow.fire("night").done is Done.NOTHING
    assert rival[0].done is Done.STARTED
    assert sorted(night.queued()) == [paper.id for paper in papers(5)]
    held = [paper.id for batch in real.batches(DAY) for paper in batch.papers]
    assert held == [paper.id for paper in papers(5)]


def test_a_run_whose_messages_were_not_all_sent_is_finished_by_a_later_firing(
    night: Night,
) -> None:
    night.publish("cs.LG", DAY, *papers(5))
    night.publish("cs.CV", DAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(night.cloud.queue), "send", lambda *_: (_ for _ in ()).throw(OSError()))
        with pytest.raises(OSError):  # noqa: PT011 - the dying fetch of this test
            night.fire("night")
    assert night.fire("night", at(0.6)).done is Done.NOTHING, "it may still be at work"
    assert night.queued() == []
    assert night.fire("night", at(1.5)).done is Done.RESUMED
    assert sorted(night.queued()) == [paper.id for paper in papers(5)]
    assert night.fire("night", at(2.5)).done is Done.NOTHING


def test_lambdas_own_second_try_goes_on_where_the_first_one_died(night: Night) -> None:
    night.publish("cs.LG", DAY, *papers(5))
    night.publish("cs.CV", DAY)
    event = FetchEvent(firing="last")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(night.cloud.queue), "send", lambda *_: (_ for _ in ()).throw(OSError()))
        with pytest.raises(OSError):  # noqa: PT011 - the dying fetch of this test
            night.fetch(event, at(4), "call-1")
    assert night.fetch(event, at(4.02), "call-2").done is Done.NOTHING
    assert night.fetch(event, at(4.02), "call-1").done is Done.RESUMED
    assert sorted(night.queued()) == [paper.id for paper in papers(5)]
    assert night.fetch(event, at(4.03), "call-1").done is Done.NOTHING


def test_messages_that_sqs_refuses_one_by_one_are_sent_again(cloud: Cloud) -> None:
    batches = make_batches(DAY, papers(3), 1)
    with Stubber(cloud.sqs) as stub:
        refused = {
            "Id": "batch-2",
            "SenderFault": False,
            "Code": "InternalError",
            "Message": "try again",
        }
        good = {"MessageId": "m", "MD5OfMessageBody": "x"}
        stub.add_response(
            "send_message_batch",
            {
                "Successful": [{"Id": "batch-1", **good}, {"Id": "batch-3", **good}],
                "Failed": [refused],
            },
            {"QueueUrl": cloud.queue_url, "Entries": ANY},
        )
        stub.add_response(
            "send_message_batch",
            {"Successful": [{"Id": "batch-2", **good}], "Failed": []},
            {
                "QueueUrl": cloud.queue_url,
                "Entries": [{"Id": "batch-2", "MessageBody": batches[1].model_dump_json()}],
            },
        )
        cloud.queue.send(batches)
        stub.assert_no_pending_responses()


def test_messages_that_sqs_never_takes_are_an_error_that_names_them(cloud: Cloud) -> None:
    refused = {"Id": "batch-1", "SenderFault": False, "Code": "InternalError", "Message": "no"}
    with Stubber(cloud.sqs) as stub:
        for _ in range(5):
            stub.add_response("send_message_batch", {"Successful": [], "Failed": [refused]})
        with pytest.raises(MessagesRefused, match="batch-1: InternalError no"):
            cloud.queue.send(make_batches(DAY, papers(1), 1))


def test_large_batches_are_sent_in_requests_that_sqs_takes(cloud: Cloud) -> None:
    large = [a_paper(number, abstract="x" * 60_000) for number in range(1, 12)]
    cloud.queue.send(make_batches(DAY, large, 50))
    received = [paper.id for batch in cloud.messages() for paper in batch.papers]
    assert received == [paper.id for paper in large]
