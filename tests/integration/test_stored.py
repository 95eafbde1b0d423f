"""What each version has stored, from the first one on: today's code goes on with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from arxiv_digest import migrations
from arxiv_digest.adapters.archive import Archive, announced_key, example_key, place_of
from arxiv_digest.adapters.queue import Queue
from arxiv_digest.adapters.runs import Pending, Runs
from arxiv_digest.announcements import ANNOUNCED, Announced, ParsedFeed
from arxiv_digest.batches import make_batches
from arxiv_digest.firings import DEADLINE, DeadlineEvent
from arxiv_digest.migrations import (
    BATCH,
    DIGEST,
    KEPT_PAPER,
    PAPERS_OF_DAY,
    PROFILE_DAY,
    Stored,
    Unreadable,
)
from arxiv_digest.models import (
    SCHEMA_VERSION,
    Batch,
    Choice,
    Example,
    Failed,
    FeedReading,
    KeptPaper,
    Outcome,
    ProfileDay,
    Recall,
    Scored,
    Scorer,
    ScorerKind,
    Tokens,
    Triage,
    Triaged,
    TriagedPart,
    Vote,
)
from arxiv_digest.profile import load_profile
from arxiv_digest.steps.aggregate import AggregateDone
from arxiv_digest.voting import as_examples, voter
from tests.builders import DAY, NOW, a_paper, a_run, papers, scored
from tests.integration.conftest import PROFILE, Cloud

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests/stored"
VERSIONS = range(1, SCHEMA_VERSION + 1)
NEXT = DAY + timedelta(days=1)
READERS = ("one@example.org", "two@example.org")
VOTERS = tuple(voter(reader) for reader in READERS)
RECALL = Recall(estimate=0.96, low=0.9, high=0.99, days=7, audited=40)
TOKENS = Tokens(prompt=900, cached=300, completion=100, total=1000, calls=2, unreported=1)


def a_vote(number: int, choice: Choice, version: int = 1) -> Vote:
    """A vote of the day before, in the version that a reader's changes have given it."""
    return Vote(
        paper=a_paper(number, title=f"Paper {number} that was voted on"),
        field="Pruning",
        date=DAY - timedelta(days=1),
        choice=choice,
        version=version,
        cast_at=NOW - timedelta(hours=12 - version),
    )


def store(cloud: Cloud) -> None:
    """A day that has its digest, and the next one while it is scored.

    The first was scored by a language model, but for a paper beyond its budget and one that failed,
    was triaged, and had a batch scored once more. The second waits for its second batch.
    """
    runs = Runs(cloud.dynamodb, cloud.table, NOW.timestamp)
    kept = [a_paper(number, authors=("Élodie Ångström", "Bob Bee")) for number in (1, 2, 3, 4)]
    left_out = [a_paper(5), a_paper(6)]
    part = TriagedPart(date=DAY, number=1, positions=(4, 5), papers=tuple(left_out), ranks=(5, 6))
    run = a_run(
        6,
        profile=PROFILE,
        batches=2,
        invocation="a call",
        left_out=2,
        seen_before=1,
        scorer=Scorer(kind=ScorerKind.LANGUAGE_MODEL, name="test-model"),
        triage=Triage(keep=0.5, below_cut=3, audited=(kept[0].id,), recall=RECALL),
    )
    liked, other = a_vote(80, Choice.MORE), a_vote(81, Choice.LESS)
    assert runs.cast(liked, VOTERS[0])
    assert runs.cast(other, VOTERS[0])
    assert runs.cast(a_vote(81, Choice.NONE, 2), VOTERS[0])
    run = run.model_copy(update={"votes": as_examples([liked, other])})
    assert runs.create(run, make_batches(DAY, kept, 2), [part], [liked, other])
    runs.mark_sent(DAY)
    runs.mark_seen([*kept, *left_out], DAY)
    runs.remember_response_mode(DAY, "json-schema")
    assert runs.reserve(DAY, 800, 1000)
    first, second = runs.batches(DAY)
    runs.complete_batch(first, [scored(kept[0], 9), scored(kept[1], 3, None)], TOKENS)
    runs.note_trouble(second, "the language model answered 500")
    for _ in range(2):
        beyond = Scored(paper_id=kept[2].id, score=7.5, field="Agents", locally=True)
        runs.complete_batch(second, [beyond, Failed(paper_id=kept[3].id, reason="quota")], TOKENS)
        if not runs.results(DAY).reopened:
            runs.reopen(run, 2)
    cloud.aggregate(*READERS)(DAY, NOW)
    runs.settle_mail(DAY, READERS[1], "UNCERTAIN", "no answer")

    listed = [a_paper(number, announced=NEXT) for number in (7, 8, 9, 10)]
    waiting = a_run(4, date=NEXT, profile=PROFILE, batches=2, scorer=run.scorer)
    assert runs.create(waiting, make_batches(NEXT, listed, 2))
    runs.mark_sent(NEXT)
    runs.mark_seen(listed, NEXT)
    done, queued = runs.batches(NEXT)
    runs.complete_batch(done, [scored(paper) for paper in done.papers], TOKENS)
    cloud.queue.send([queued])
    runs.add_pending(Pending(DAY, "cs.CV"))


def store_many(cloud: Cloud) -> None:
    """A day of two profiles of many: one has its digest, the other is still to begin."""
    runs = Runs(cloud.dynamodb, cloud.table, NOW.timestamp)
    runs.note_profiles(DAY, ["theory", "vision"])
    listed = papers(2)
    reading = FeedReading(category="cs.LG", state="fresh", date=DAY, items=2)
    announced = Announced(date=DAY, feeds=(ParsedFeed(reading, tuple(listed)),))
    cloud.archive.write(announced_key(DAY), announced.model_dump_json())
    example = KeptPaper(paper=a_paper(90, title="A paper like which more is to be seen"))
    cloud.archive.write(example_key(example.paper.id), example.model_dump_json())
    cloud.profile_queue.send([ProfileDay(date=DAY, profile="vision", text=PROFILE, mail=False)])
    Queue(cloud.sqs, cloud.deadline_queue_url).send([DeadlineEvent(date=DAY, profile="theory")])

    steered = f"name: theory\nfollow: {{authors: [Ada 1]}}\n{PROFILE}"
    theory = runs.of("theory")
    assert theory.cast(a_vote(80, Choice.LESS), VOTERS[1])
    run = a_run(
        2,
        profile=steered,
        read=(reading,),
        examples=(
            Example(id="2601.00090", more=True, title="A paper", near=("2601.00002",)),
            Example(id="2601.00091", more=False, trouble="not found"),
        ),
    )
    [batch] = make_batches(DAY, listed, 2, profile="theory")
    assert theory.create(run, [batch])
    theory.mark_seen(listed, DAY)
    outcomes = [scored(paper).model_copy(update={"second_field": "Agents"}) for paper in listed]
    theory.complete_batch(batch, outcomes, TOKENS)
    step = cloud.aggregate()
    replace(
        step,
        runs=step.runs.of("theory"),
        archive=Archive(cloud.s3, cloud.bucket, place_of("theory")),
    )(DAY, NOW)


def written(cloud: Cloud) -> dict[str, Any]:
    """All that is read again of what is stored: table, messages, and the archive's JSON."""
    bodies = {}
    for name in ("queue_url", "profile_queue_url", "deadline_queue_url"):
        url = getattr(cloud, name)
        received = cloud.sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
        bodies[name] = [message["Body"] for message in received.get("Messages", ())]
    read = ("/digest.json", "/papers.json")
    kept = ("announced/", "raw/examples/")
    keys = [key for key in cloud.objects() if key.endswith(read) or key.startswith(kept)]
    return {
        "items": sorted(cloud.items(), key=lambda item: (item["pk"], item["sk"])),
        "messages": bodies,
        "objects": {key: (cloud.archive.read(key) or b"").decode() for key in keys},
    }


def restore(cloud: Cloud, record: dict[str, Any]) -> None:
    with cloud.dynamodb.Table(cloud.table).batch_writer() as writer:
        for item in record["items"]:
            writer.put_item(Item=item)
    for name, bodies in record["messages"].items():
        for body in bodies:
            cloud.sqs.send_message(QueueUrl=getattr(cloud, name), MessageBody=body)
    for key, body in record["objects"].items():
        cloud.archive.write(key, body)


def left_by(cloud: Cloud, name: str, version: int, store: Callable[[Cloud], None]) -> Cloud:
    """The cloud as a version has left it; what today's version leaves is recorded first."""
    file = FOLDER / f"{name}-{version}.json"
    if not file.exists():
        assert version == SCHEMA_VERSION, f"{file} is gone: take it from the history"
        store(cloud)
        text = json.dumps(written(cloud), ensure_ascii=False, indent=1, default=int)
        file.write_text(f"{text}\n", "utf-8")
        pytest.fail(f"{file.relative_to(ROOT)} was not there and is written: commit it")
    restore(cloud, json.loads(file.read_text("utf-8")))
    return cloud


@pytest.fixture(params=VERSIONS, ids=lambda version: f"version {version}")
def then(cloud: Cloud, request: pytest.FixtureRequest) -> Cloud:
    return left_by(cloud, "day", request.param, store)


@pytest.fixture(params=VERSIONS, ids=lambda version: f"version {version}")
def many(cloud: Cloud, request: pytest.FixtureRequest) -> Cloud:
    return left_by(cloud, "many", request.param, store_many)


@pytest.fixture
def now(cloud: Cloud) -> Cloud:
    """The cloud as today's version leaves it."""
    store(cloud)
    store_many(cloud)
    return cloud


def test_a_run_is_read_whole_whichever_version_stored_it(then: Cloud) -> None:
    run = then.runs.get(DAY)
    assert run is not None
    assert (run.date, run.started_at, run.announced, run.batches) == (DAY, NOW, 6, 2)
    assert (run.left_out, run.seen_before, run.profile) == (2, 1, PROFILE)
    assert run.scorer.name == "test-model"
    assert run.triage
    assert (run.triage.audited, run.triage.recall) == (("2601.00001",), RECALL)
    assert [feed.category for feed in run.feeds] == ["cs.LG"]
    assert [(vote.id, vote.more) for vote in run.votes] == [
        ("2601.00080", True),
        ("2601.00081", False),
    ]

    batches, [part] = then.runs.batches(DAY), then.runs.triaged(DAY)
    assert [paper.id for batch in batches for paper in batch.papers] == [
        f"2601.0000{number}" for number in (1, 2, 3, 4)
    ]
    assert batches[0].papers[0].authors == ("Élodie Ångström", "Bob Bee")
    assert [batch.positions for batch in batches] == [(0, 1), (2, 3)]
    assert (part.positions, part.ranks) == ((4, 5), (5, 6))

    results = then.runs.results(DAY)
    outcomes = results.outcomes.values()
    assert [found.score for found in outcomes if isinstance(found, Scored)] == [9, 3, 7.5]
    assert [found.locally for found in outcomes if isinstance(found, Scored)] == [
        False,
        False,
        True,
    ]
    assert [found.reason for found in outcomes if isinstance(found, Failed)] == ["quota"]
    assert [found.rank for found in outcomes if isinstance(found, Triaged)] == [5, 6]
    assert results.tokens == TOKENS + TOKENS + TOKENS, "those of a batch that was reopened as well"
    assert results.troubles == {2: "the language model answered 500"}
    assert (results.remaining, results.reopened) == (0, 1)


def test_what_else_the_table_holds_is_read_whichever_version_stored_it(then: Cloud) -> None:
    runs = then.runs
    assert runs.sent(DAY)
    assert runs.digest_made(DAY) == 0
    opening = runs.opening(runs.batches(DAY)[0])
    assert (opening.done, opening.run, opening.mode) == (True, runs.get(DAY), "json-schema")
    assert (runs.reserve(DAY, 201, 1000), runs.reserve(DAY, 200, 1000)) == (False, True)
    assert runs.seen(["2601.00001", "2601.00007", "2601.00099"]) == {
        "2601.00001": DAY,
        "2601.00007": NEXT,
    }
    assert runs.pending() == [Pending(DAY, "cs.CV")]
    [day] = runs.days()
    assert (day.date, day.announced, day.recommended, day.failed) == (DAY, 6, 2, 1)
    assert day.audit is not None
    assert [(past.paper.id, past.score, past.weight) for past in runs.history([DAY])] == [
        ("2601.00001", 9, 3.0),
        ("2601.00002", 3, 1.0),
    ]
    assert runs.votes() == [a_vote(80, Choice.MORE), a_vote(81, Choice.NONE, 2)]
    assert runs.vote("2601.00080", VOTERS[0]) == a_vote(80, Choice.MORE)
    assert runs.votes_of(DAY) == [a_vote(80, Choice.MORE), a_vote(81, Choice.LESS)]
    claims = {reader: claim.state for reader, claim in runs.mail_claims(DAY).items()}
    assert claims == {READERS[0]: "SENT", READERS[1]: "UNCERTAIN"}


def test_a_run_in_progress_is_finished_whichever_version_began_it(then: Cloud) -> None:
    [message] = then.sqs.receive_message(QueueUrl=then.queue_url)["Messages"]
    batch = BATCH.read(message["Body"], "the message")
    assert batch == then.runs.batches(NEXT)[1]
    outcomes = [scored(paper) for paper in batch.papers]
    assert then.runs.complete_batch(batch, outcomes, Tokens(total=10))

    made = then.aggregate(*READERS)(NEXT, NOW + timedelta(days=1))

    assert made.digest is not None
    assert made.digest.ledger.model_dump() == {
        "announced": 4,
        "scored": 4,
        "triaged": 0,
        "failed": 0,
    }
    assert set(made.mail.values()) == {"sent"}
    month = json.loads(then.archive.read("papers/2026-01.json") or b"")
    assert [paper["date"] for paper in month["papers"]] == [str(DAY)] * 6 + [str(NEXT)] * 4


def test_a_finished_run_is_left_alone_and_mended_whichever_version_made_it(then: Cloud) -> None:
    step = then.aggregate(*READERS)
    assert step(DAY, NOW).done is AggregateDone.MADE_BEFORE
    run = then.runs.get(DAY)
    assert run is not None
    then.runs.reopen(run, 2)
    assert then.runs.results(DAY).tokens == TOKENS + TOKENS + TOKENS
    second = then.runs.batches(DAY)[1]
    outcomes: list[Outcome] = [scored(paper) for paper in second.papers]
    assert then.runs.complete_batch(second, outcomes, TOKENS)

    made = step(DAY, NOW)

    assert made.digest is not None
    assert (made.digest.ledger.scored, made.digest.ledger.failed) == (4, 0)
    assert set(made.mail.values()) == {"sent-before", "uncertain-before"}


def test_the_archive_is_read_whichever_version_wrote_it(
    then: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = DIGEST.read(then.archive.read(f"{DAY}/digest.json") or b"", "digest.json")
    assert digest.ledger.model_dump() == {"announced": 6, "scored": 3, "triaged": 2, "failed": 1}
    assert [paper.paper.id for paper in digest.recommendations] == ["2601.00001", "2601.00003"]
    papers = PAPERS_OF_DAY.read(then.archive.read(f"{DAY}/papers.json") or b"", "papers.json")
    assert len(papers.papers) == 6

    earlier = DAY - timedelta(days=5)
    assert then.runs.create(a_run(0, date=earlier, profile=PROFILE, batches=0), [])
    then.aggregate()(earlier, NOW)

    assert capsys.readouterr().out == "", "nothing was left out"
    latest = json.loads(then.archive.read("latest.json") or b"")
    assert latest["date"] == str(DAY)
    assert "2601.00001" in (then.archive.read("papers/2026-01.json") or b"").decode()


def test_what_is_kept_of_many_profiles_is_read_whichever_version_stored_it(many: Cloud) -> None:
    assert many.runs.profiles(DAY) == ["theory", "vision"]
    theory = many.runs.of("theory")
    run = theory.get(DAY)
    assert run is not None
    assert load_profile(run.profile).follow.authors == ("Ada 1",)
    assert [example.trouble for example in run.examples] == ["", "not found"]
    assert [feed.category for feed in run.read] == ["cs.LG"]
    assert [batch.profile for batch in theory.batches(DAY)] == ["theory"]
    outcomes = theory.results(DAY).outcomes.values()
    assert {found.second_field for found in outcomes if isinstance(found, Scored)} == {"Agents"}
    assert theory.seen(["2601.00001"]) == {"2601.00001": DAY}
    assert many.runs.seen(["2601.00001"]) == {}
    assert theory.votes() == [a_vote(80, Choice.LESS)]
    assert many.runs.votes() == []
    assert [day.date for day in theory.days()] == [DAY]

    archive = many.archive
    [feed] = ANNOUNCED.read(archive.read(announced_key(DAY)) or b"", "announced").feeds
    assert (feed.reading.category, len(feed.papers)) == ("cs.LG", 2)
    example = KEPT_PAPER.read(archive.read(example_key("2601.00090")) or b"", "an example")
    assert example.paper.title == "A paper like which more is to be seen"
    theirs = Archive(many.s3, many.bucket, place_of("theory"))
    digest = DIGEST.read(theirs.read(f"{DAY}/digest.json") or b"", "digest.json")
    assert digest.ledger.scored == 2

    def only_message(url: str) -> str:
        [message] = many.sqs.receive_message(QueueUrl=url)["Messages"]
        return str(message["Body"])

    started = PROFILE_DAY.read(only_message(many.profile_queue_url), "a message")
    assert (started.profile, started.text, started.mail) == ("vision", PROFILE, False)
    deadline = DEADLINE.read(only_message(many.deadline_queue_url), "a message")
    assert (deadline.deadline, deadline.date, deadline.profile) == (True, DAY, "theory")


READS: dict[str, Callable[[Runs], object]] = {
    "get": lambda runs: runs.get(DAY),
    "batches": lambda runs: runs.batches(DAY),
    "triaged": lambda runs: runs.triaged(DAY),
    "history": lambda runs: runs.history([DAY]),
    "sent": lambda runs: runs.sent(DAY),
    "batch_done": lambda runs: runs.batch_done(DAY, 1),
    "results": lambda runs: runs.results(DAY),
    "remaining": lambda runs: runs.remaining(DAY),
    "opening": lambda runs: runs.opening(make_batches(DAY, papers(1), 1)[0]),
    "digest_made": lambda runs: runs.digest_made(DAY),
    "mail_claim": lambda runs: runs.mail_claim(DAY, READERS[0]),
    "mail_claims": lambda runs: runs.mail_claims(DAY),
    "seen": lambda runs: runs.seen(["2601.00001"]),
    "pending": lambda runs: runs.pending(),
    "days": lambda runs: runs.days(),
    "profiles": lambda runs: runs.profiles(DAY),
    "vote": lambda runs: runs.vote("2601.00080", VOTERS[0]),
    "votes_of": lambda runs: runs.votes_of(DAY),
}


def test_no_read_takes_what_a_newer_version_stored(now: Cloud) -> None:
    items = now.items()
    assert {item["schema_version"] for item in items} == {SCHEMA_VERSION}
    with now.dynamodb.Table(now.table).batch_writer() as writer:
        for item in items:
            writer.put_item(Item={**item, "schema_version": SCHEMA_VERSION + 1})
    newer = f"of schema version {SCHEMA_VERSION + 1}, and this code reads none above"
    for name, read in READS.items():
        with pytest.raises(Unreadable, match=newer) as refused:
            read(now.runs)
        assert "the table's item " in str(refused.value), name
        assert "@" not in str(refused.value), name
    told: list[str] = []
    assert now.runs.votes(told.append) == [], "no run waits for a vote"
    assert "2 votes cannot be read" in told[0]
    assert newer in told[0]


class BatchOfTheNext(Batch):
    """A batch as a made-up next version has it."""

    schema_version: int = SCHEMA_VERSION + 1
    profile: str


class VoteOfTheNext(Vote):
    """A vote as a made-up next version has it."""

    schema_version: int = SCHEMA_VERSION + 1
    weight: float


def test_what_the_table_holds_is_brought_up_by_the_steps_of_its_kind(
    now: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {
        ("Batch", SCHEMA_VERSION): lambda batch: {**batch, "profile": "default"},
        ("Vote", SCHEMA_VERSION): lambda vote: {**vote, "weight": 0.5},
        ("MAIL", SCHEMA_VERSION): lambda item: {**item, "detail": item["detail"].upper()},
    }
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(migrations, "STEPS", steps)
    monkeypatch.setattr(migrations, "BATCH", Stored("Batch", TypeAdapter(BatchOfTheNext)))
    monkeypatch.setattr(migrations, "VOTE", Stored("Vote", TypeAdapter(VoteOfTheNext)))
    runs = now.runs
    votes: list[Any] = [*runs.votes(), *runs.votes_of(DAY), runs.vote("2601.00080", VOTERS[0])]
    assert [vote.weight for vote in votes] == [0.5] * 5
    batches: list[Any] = now.runs.batches(DAY)
    assert {batch.profile for batch in batches} == {"default"}
    claim = now.runs.mail_claim(DAY, READERS[1])
    assert claim is not None
    assert claim.detail == "NO ANSWER"
