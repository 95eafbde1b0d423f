"""Many profiles on one stack: fetched once, each with a run, an archive and mail of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from arxiv_digest.adapters.archive import (
    PROFILE_KEY,
    Archive,
    announced_key,
    place_of,
    raw_feed_key,
)
from arxiv_digest.adapters.arxiv import ExportApi
from arxiv_digest.firings import FetchEvent
from arxiv_digest.models import Batch, Paper, ProfileDay, Scored, ScorerKind, Tokens
from arxiv_digest.profile import ProfileError
from arxiv_digest.steps.aggregate import AggregateDone
from arxiv_digest.steps.fetch import Done, FetchResult
from tests.builders import DAY, NOW, a_paper, papers
from tests.export_api import export_api
from tests.feeds import feed, feed_server
from tests.integration.conftest import Cloud
from tests.integration.nights import Night, at

NAMES = ("theory", "vision")
CATEGORIES = {"theory": "cs.LG", "vision": "cs.CV"}


def a_text(name: str, categories: str, more: str = "") -> str:
    """A profile that is called so, of some categories."""
    return (
        f"name: {name}\ncategories: [{categories}]\npapers_per_call: 2\n{more}\n"
        "fields:\n  - {name: Pruning, description: pruning experts of models}\n"
    )


class Many(Night):
    """A night of many profiles, the messages of which are handled one by one."""

    def keep(self, name: str, text: str) -> None:
        self.cloud.archive.write(f"config/profiles/{name}.yaml", text)

    def told(self) -> list[ProfileDay]:
        """Every message that lies in the profile queue."""
        found: list[ProfileDay] = []
        while received := self.cloud.sqs.receive_message(
            QueueUrl=self.cloud.profile_queue_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=600,
            AttributeNames=["MessageGroupId"],
        ).get("Messages"):
            for message in received:
                found.append(ProfileDay.model_validate_json(message["Body"]))
                assert message["Attributes"]["MessageGroupId"] == found[-1].profile
        return found

    def started(self, message: str = "m") -> dict[str, FetchResult]:
        """What starting every profile that waits comes to, by name."""
        return {
            day.profile: self.fetch.start(day, at(0.5), f"{message}-{day.profile}")
            for day in self.told()
        }

    def batches(self) -> dict[str, list[str]]:
        """The ids that lie in the batch queue, by profile."""
        found: dict[str, list[str]] = {}
        for batch in self.cloud.messages():
            found.setdefault(batch.profile, []).extend(paper.id for paper in batch.papers)
        return {name: sorted(ids) for name, ids in found.items()}

    def score(self, batch: Batch, score: float = 8) -> None:
        outcomes = [
            Scored(paper_id=paper.id, score=score, field="Pruning", reason=f"For {batch.profile}.")
            for paper in batch.papers
        ]
        self.cloud.runs.of(batch.profile).complete_batch(batch, outcomes, Tokens())


@pytest.fixture
def night(cloud: Cloud) -> Iterator[Many]:
    """Two named profiles instead of the single one, one category each."""
    cloud.s3.delete_object(Bucket=cloud.bucket, Key=PROFILE_KEY)
    with feed_server() as arxiv:
        made = Many(cloud, arxiv)
        for name in NAMES:
            made.keep(name, a_text(name, CATEGORIES[name]))
        made.publish("cs.LG", DAY, *papers(3))
        made.publish("cs.CV", DAY, a_paper(3), *(a_paper(number) for number in range(4, 7)))
        yield made


def ids(*numbers: int) -> list[str]:
    return [a_paper(number).id for number in numbers]


def test_feeds_are_read_once_for_all_and_each_profile_has_its_own_run(night: Many) -> None:
    fired = night.fire("night")
    assert (fired.done, fired.announced, fired.profiles) == (Done.STARTED, 3, ("vision",))
    assert sorted(night.arxiv.asked()) == ["cs.CV", "cs.LG"]
    started = night.started()
    assert {name: result.done for name, result in started.items()} == {"vision": Done.STARTED}
    assert sorted(night.arxiv.asked()) == ["cs.CV", "cs.LG"], "nobody asked arXiv again"
    assert night.batches() == {"theory": ids(1, 2, 3), "vision": ids(3, 4, 5, 6)}
    run = night.cloud.runs.of("vision").get(DAY)
    assert run is not None
    assert [reading.category for reading in run.feeds] == ["cs.CV"]
    assert night.cloud.runs.get(DAY) is None
    assert night.cloud.runs.profiles(DAY) == list(NAMES)


def test_beside_them_the_single_profile_stays_what_it_was(night: Many) -> None:
    night.cloud.archive.write(PROFILE_KEY, a_text("default", "cs.LG, cs.CV"))
    fired = night.fire("night")
    assert (fired.announced, fired.profiles) == (6, NAMES)
    night.started()
    assert night.batches() == {
        "": ids(1, 2, 3, 4, 5, 6),
        "theory": ids(1, 2, 3),
        "vision": ids(3, 4, 5, 6),
    }
    assert night.cloud.runs.profiles(DAY) == ["", *NAMES]


def test_one_reader_alone_needs_no_message_and_no_other_file(cloud: Cloud) -> None:
    with feed_server() as arxiv:
        night = Many(cloud, arxiv)
        night.publish("cs.LG", DAY, *papers(3))
        night.publish("cs.CV", DAY)
        assert night.fire("night").profiles == ()
        assert night.told() == []
    assert cloud.objects("announced/") == []
    assert cloud.items("PROFILES") == []
    assert cloud.runs.profiles(DAY) == [""]


def test_a_message_that_comes_twice_starts_one_run(night: Many) -> None:
    night.fire("night")
    [day] = night.told()
    assert night.fetch.start(day, at(0.5), "m").done is Done.STARTED
    assert night.fetch.start(day, at(0.6), "m").done is Done.NOTHING
    assert night.batches()["vision"] == ids(3, 4, 5, 6)


def test_a_profile_whose_start_died_is_finished_when_its_message_comes_again(night: Many) -> None:
    night.fire("night")
    [day] = night.told()
    night.fetch.start(day, at(0.5), "m")
    night.batches()
    # It died before it could note that everything was sent.
    night.cloud.runs.of("vision").mark_unsent(DAY)
    assert night.fetch.start(day, at(0.6), "m").done is Done.RESUMED
    assert night.batches()["vision"] == ids(3, 4, 5, 6)


def test_a_fetch_that_died_before_it_told_the_others_tells_them_when_it_resumes(
    night: Many,
) -> None:
    night.fire("night")
    night.told()
    night.cloud.runs.of("theory").mark_unsent(DAY)
    assert night.fire("night", at(1.5)).done is Done.RESUMED
    assert night.started()["vision"].done is Done.STARTED


@pytest.mark.parametrize("wrong", NAMES)
def test_a_wrong_profile_is_named_and_costs_no_other_its_day(night: Many, wrong: str) -> None:
    night.keep(wrong, a_text(wrong, "cs_CV"))
    fired = night.fire("night")
    assert list(fired.refused) == [wrong]
    assert f"s3://archive/config/profiles/{wrong}.yaml: categories[0]" in fired.refused[wrong]
    [right] = set(NAMES) - {wrong}
    assert set(night.batches()) == {right}
    assert night.cloud.runs.profiles(DAY) == [right]


def test_a_profile_must_be_called_as_its_file_is(night: Many) -> None:
    night.keep("vision", a_text("sight", "cs.CV"))
    error = night.fire("night").refused["vision"]
    assert "name is 'sight'; write `name: vision`, as the file is called" in error


def test_a_file_that_is_no_profile_is_named(night: Many) -> None:
    night.cloud.archive.write("config/profiles/notes.txt", "some: text")
    assert "notes.txt" in night.fire("night").refused


def test_without_any_profile_that_can_be_used_nothing_is_fetched(night: Many) -> None:
    for name in NAMES:
        night.keep(name, "fields: []")
    with pytest.raises(ProfileError, match=r"theory\.yaml: categories is missing"):
        night.fire("night")
    assert night.arxiv.asked() == []


def test_a_paper_that_one_has_read_is_new_to_another(night: Many) -> None:
    night.fire("night")
    night.started()
    night.batches()
    tomorrow = DAY + timedelta(days=1)
    cross = a_paper(1, announced=tomorrow)
    night.publish("cs.LG", tomorrow)
    night.publish("cs.CV", tomorrow, cross, a_paper(4, announced=tomorrow))
    night.fire("night", at(0.5, tomorrow))
    assert night.started()["vision"].announced == 1
    assert night.batches() == {"vision": [cross.id]}


def test_a_stale_category_is_read_by_the_next_run_of_whoever_reads_it(night: Many) -> None:
    yesterday = DAY - timedelta(days=1)
    late = a_paper(9, announced=yesterday)
    night.publish("cs.CV", yesterday, late)
    assert night.fire("last", at(4)).done is Done.STARTED
    night.started()
    # What a stale feed holds that nobody has read is read.
    assert night.batches() == {"theory": ids(1, 2, 3), "vision": ids(9)}
    night.publish("cs.CV", DAY, *papers(2))
    stored = night.fire("late", at(12))
    assert stored.stored == ("cs.CV",)
    tomorrow = DAY + timedelta(days=1)
    night.publish("cs.LG", tomorrow)
    night.publish("cs.CV", tomorrow, a_paper(7, announced=tomorrow))
    night.fire("night", at(0.5, tomorrow))
    night.started()
    # Papers 1 and 2 are cross-listed: new to vision, read by theory before.
    assert night.batches() == {"vision": ids(1, 2, 7)}


def test_what_no_run_needs_again_is_not_read_again(night: Many) -> None:
    night.fire("night")
    night.started()
    asked = len(night.arxiv.asked())
    assert night.fire("late", at(12)).done is Done.NOTHING
    assert len(night.arxiv.asked()) == asked


def test_a_profile_may_have_its_own_model(night: Many) -> None:
    night.keep("vision", a_text("vision", "cs.CV", "model: small-model"))
    night.fire("night")
    night.started()
    run = night.cloud.runs.of("vision").get(DAY)
    assert run is not None
    assert (run.scorer.kind, run.scorer.name) == (ScorerKind.LANGUAGE_MODEL, "small-model")
    [theory] = [night.cloud.runs.of("theory").get(DAY)]
    assert theory is not None
    assert theory.scorer.kind is ScorerKind.LOCAL


def digest_of(night: Many, name: str, *fallback: str) -> Any:
    step = night.cloud.aggregate(*fallback)
    place = Archive(night.cloud.s3, night.cloud.bucket, place_of(name))
    return replace(step, runs=night.cloud.runs.of(name), archive=place)(DAY, at(1))


def test_arxiv_is_asked_for_everybodys_examples_at_once_by_the_leading_profile(
    night: Many,
) -> None:
    both, lost = a_paper(901), a_paper(902)
    with export_api() as api:
        api.submit(NOW, both)
        night.fetch = replace(night.fetch, export_api=ExportApi(api.url, 0, lambda _: None))
        for name, listed in (("theory", [both.id]), ("vision", [both.id, lost.id])):
            night.keep(name, a_text(name, CATEGORIES[name], f"examples: {{more: {listed}}}"))
        night.fire("night")
        night.started()
        assert [request["id_list"] for request in api.requests] == [f"{both.id},{lost.id}"]
    runs = [night.cloud.runs.of(name).get(DAY) for name in NAMES]
    titles = [[example.title for example in run.examples] for run in runs if run]
    assert titles == [[both.title], [both.title, ""]]
    assert runs[1] is not None
    assert runs[1].examples[1].trouble.endswith("did not give this paper when the day was read")


def test_each_has_its_archive_its_mail_and_nothing_of_the_others(night: Many) -> None:
    night.cloud.archive.write(PROFILE_KEY, a_text("default", "cs.LG"))
    night.keep("theory", a_text("theory", "cs.LG", "recipients: [one@example.org]"))
    night.keep("vision", a_text("vision", "cs.CV", "recipients: [one@example.org, a@b.org]"))
    night.fire("night")
    night.started()
    for batch in night.cloud.messages():
        night.score(batch)
    for name, recipients in (
        ("", {"default@example.org"}),
        ("theory", {"one@example.org"}),
        ("vision", {"one@example.org", "a@b.org"}),
    ):
        made = digest_of(night, name, *(() if name else ("default@example.org",)))
        assert made.done is AggregateDone.MADE
        assert set(made.mail) == recipients
        assert set(made.mail.values()) == {"sent"}
        read = night.cloud.archive.read(f"{place_of(name)}{DAY}/digest.json")
        told = json.loads(read or b"")
        shown = [entry["paper"]["id"] for part in told["sections"] for entry in part["papers"]]
        assert sorted(shown) == (ids(3, 4, 5, 6) if name == "vision" else ids(1, 2, 3))
        assert f"For {name}." in (read or b"").decode()
    again = digest_of(night, "vision")
    assert again.done is AggregateDone.MADE_BEFORE
    mail = night.cloud.archive.read(f"profiles/vision/{DAY}/mail/a@b.org.eml") or b""
    assert f"s3://archive/profiles/vision/{DAY}/digest.html".encode() in mail.replace(b"=\n", b"")
    assert b"profile=vision" in mail
    index = night.cloud.archive.read("profiles/vision/index.html") or b""
    assert f'href="{DAY}/digest.html"'.encode() in index


def test_without_recipients_of_its_own_a_profile_mails_nobody(night: Many) -> None:
    night.fire("night")
    for batch in night.cloud.messages():
        night.score(batch)
    made = digest_of(night, "theory")
    assert made.mail == {}
    assert f"profiles/theory/{DAY}/digest.html" in night.cloud.objects("profiles/")


def test_a_past_day_is_rebuilt_for_all_from_the_kept_feeds(night: Many) -> None:
    past = date(2026, 1, 20)
    for category, listed in (("cs.LG", papers(2)), ("cs.CV", [a_paper(5)])):
        dated: list[Paper] = [paper.model_copy(update={"announced": past}) for paper in listed]
        night.cloud.archive.write(raw_feed_key(past, category), feed(category, past, dated))
    event = {"firing": "backfill", "date": str(past), "mail": True}
    assert night.fetch(FetchEvent.model_validate(event), at(12)).done is Done.STARTED
    night.started()
    assert night.batches() == {"theory": ids(1, 2), "vision": ids(5)}
    run = night.cloud.runs.of("vision").get(past)
    assert run is not None
    assert (run.rebuilt, run.mail) == (True, True)
    assert night.cloud.objects(announced_key(past))
