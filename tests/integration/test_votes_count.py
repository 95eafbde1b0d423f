"""Votes of one day in the next one's triage, prompt and local ranking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from arxiv_digest.adapters.archive import example_key
from arxiv_digest.adapters.runs import Runs
from arxiv_digest.budget import expected_of_day
from arxiv_digest.models import (
    LOCAL_SCORER,
    SCHEMA_VERSION,
    Choice,
    Digest,
    KeptPaper,
    Paper,
    Scorer,
    Vote,
)
from arxiv_digest.profile import load_profile
from arxiv_digest.steps.score import Score
from arxiv_digest.voting import voter
from tests.builders import DAY, a_paper
from tests.feeds import feed_server
from tests.integration.conftest import PROFILE, Cloud
from tests.integration.nights import Night, at
from tests.integration.test_triage import MODEL, NEXT, Stack, some_papers
from tests.language_model import LanguageModelServer, language_model


def a_stack(cloud: Cloud, server: LanguageModelServer, scorer: Scorer, arxiv: object) -> Stack:
    made = Stack(cloud, Night(cloud, arxiv, scorer), server)
    made.night.fetch = replace(made.night.fetch, voting=True)
    return made


@pytest.fixture
def stacks(cloud: Cloud) -> Iterator[dict[str, Stack]]:
    """The steps with votes that count, scored by a language model or locally."""
    with feed_server() as arxiv, language_model() as server:
        server.fields = ("Pruning", "Agents")
        yield {
            scorer.name: a_stack(cloud, server, scorer, arxiv) for scorer in (MODEL, LOCAL_SCORER)
        }


@pytest.fixture
def stack(stacks: dict[str, Stack]) -> Stack:
    return stacks[MODEL.name]


def cast(
    stack: Stack,
    paper: Paper,
    choice: Choice,
    hours: float = 9,
    version: int = 1,
    reader: str = "one@example.org",
) -> None:
    """Vote on a paper of the first day, so many hours after that day's midnight."""
    vote = Vote(
        paper=paper,
        field="Pruning",
        date=DAY,
        choice=choice,
        version=version,
        cast_at=at(hours),
    )
    assert stack.cloud.runs.cast(vote, voter(reader))


def vote_for_birds(stack: Stack, **told: Any) -> None:
    """Vote on forty papers of the first day: for more on birds, and for less of all else."""
    for paper in some_papers(DAY, 40, first=201):
        cast(stack, paper, Choice.MORE if "birds" in paper.title else Choice.LESS, **told)


def votes_in(prompt: str) -> list[str]:
    return [line for line in prompt.splitlines() if " like: " in line]


def birds_score(digest: Digest) -> float:
    """The mean score of the papers on birds, of which no field speaks."""
    found = [entry.score for entry in digest.scored if "birds" in entry.paper.title]
    return sum(found) / len(found)


def test_the_prompt_of_the_next_day_has_the_votes_by_title(stack: Stack) -> None:
    listed = some_papers(DAY, 4)
    stack.pass_day(DAY, listed)
    assert not any(votes_in(request.prompt) for request in stack.server.requests)
    cast(stack, listed[0], Choice.MORE)
    cast(stack, listed[1], Choice.LESS)
    cast(stack, listed[2], Choice.NONE)
    stack.server.requests.clear()
    stack.pass_day(NEXT, some_papers(NEXT, 4, first=101))
    assert len(stack.server.requests) == 2
    for request in stack.server.requests:
        assert votes_in(request.prompt) == [
            f"more like: {listed[0].title}",
            f"less like: {listed[1].title}",
        ]


def test_a_vote_that_comes_while_a_day_is_scored_waits_for_the_next(stack: Stack) -> None:
    cast(stack, some_papers(DAY, 1)[0], Choice.MORE, hours=24 + 4)  # when the next day starts
    stack.pass_day(NEXT, some_papers(NEXT, 4, first=101))
    assert not any(votes_in(request.prompt) for request in stack.server.requests)


def test_where_readers_do_not_vote_votes_that_are_left_count_for_nothing(stack: Stack) -> None:
    stack.night.fetch = replace(stack.night.fetch, voting=False)
    cast(stack, some_papers(DAY, 1)[0], Choice.MORE)
    stack.pass_day(NEXT, some_papers(NEXT, 4, first=101))
    assert not any(votes_in(request.prompt) for request in stack.server.requests)
    run = stack.cloud.runs.get(NEXT)
    assert run is not None
    assert run.votes == ()


def test_triage_of_the_next_day_keeps_what_readers_ask_for(stack: Stack) -> None:
    stack.set(triage={"keep": 0.5, "audit": 0})
    birds = [paper for paper in some_papers(DAY, 40) if "birds" in paper.title]
    for paper in birds:
        cast(stack, paper, Choice.MORE)
    for paper in some_papers(DAY, 40):
        if paper not in birds:
            cast(stack, paper, Choice.LESS)
    digest = stack.pass_day(NEXT, some_papers(NEXT, 12, first=101))
    # By likeness alone none of them would be, since no field speaks of birds.
    assert sum("birds" in entry.paper.title for entry in digest.scored) >= 4


def test_the_local_ranking_of_the_next_day_follows_the_votes(stacks: dict[str, Stack]) -> None:
    stack = stacks[LOCAL_SCORER.name]
    before = birds_score(stack.pass_day(DAY, some_papers(DAY, 12)))
    vote_for_birds(stack)
    after = birds_score(stack.pass_day(NEXT, some_papers(NEXT, 12, first=101)))
    assert before < 5 < after


def test_votes_on_which_readers_disagree_rank_although_no_prompt_has_them(
    stacks: dict[str, Stack],
) -> None:
    stack = stacks[LOCAL_SCORER.name]
    for paper in some_papers(DAY, 40, first=201):
        for number in range(4):
            more = ("birds" in paper.title) == (number > 0)
            choice = Choice.MORE if more else Choice.LESS
            cast(stack, paper, choice, reader=f"{number}@example.org")
    after = birds_score(stack.pass_day(NEXT, some_papers(NEXT, 12, first=101)))
    run = stack.cloud.runs.get(NEXT)
    assert run is not None
    assert run.votes == ()
    assert after > 5


@pytest.mark.parametrize("readers", ["vote later", "do not vote any more"])
def test_votes_that_do_not_count_leave_the_local_ranking_as_it_is(
    stacks: dict[str, Stack], readers: str
) -> None:
    stack = stacks[LOCAL_SCORER.name]
    if readers == "vote later":
        vote_for_birds(stack, hours=24 + 4)  # when the next day starts
    else:
        stack.night.fetch = replace(stack.night.fetch, voting=False)
        vote_for_birds(stack)
    assert birds_score(stack.pass_day(NEXT, some_papers(NEXT, 12, first=101))) < 5


def test_a_day_that_is_scored_once_more_is_ranked_by_the_votes_it_was_started_with(
    stacks: dict[str, Stack],
) -> None:
    stack = stacks[LOCAL_SCORER.name]
    runs = stack.cloud.runs
    vote_for_birds(stack)
    first = stack.pass_day(NEXT, some_papers(NEXT, 12, first=101))
    for paper in some_papers(DAY, 40, first=201):
        cast(stack, paper, Choice.NONE, hours=40, version=2)
    run = runs.get(NEXT)
    assert run is not None
    step = Score(runs, lambda *_: pytest.fail("nothing to ask"))
    for batch in runs.batches(NEXT):
        runs.reopen(run, batch.number)
        step(batch)
    again = stack.cloud.aggregate()(NEXT, at(30)).digest
    assert again is not None
    assert again.scored == first.scored


def test_votes_that_cannot_be_read_are_told_and_left_out(
    stacks: dict[str, Stack], capsys: pytest.CaptureFixture[str]
) -> None:
    stack = stacks[LOCAL_SCORER.name]
    vote_for_birds(stack)
    damages: list[dict[str, Any]] = [
        {"vote": "{"},
        {"vote": 7},
        {"vote": None},
        {"schema_version": SCHEMA_VERSION + 1},
    ]
    items = stack.cloud.items("VOTES")[: len(damages)]
    for item, damage in zip(items, damages, strict=True):
        damaged = {key: value for key, value in {**item, **damage}.items() if value is not None}
        stack.cloud.dynamodb.Table(stack.cloud.table).put_item(Item=damaged)
    assert birds_score(stack.pass_day(NEXT, some_papers(NEXT, 12, first=101))) > 5
    told = capsys.readouterr().out
    assert f"{len(damages)} votes cannot be read and do not count" in told
    for item in items:
        assert f"the table's item VOTES {item['sk']}" in told


@pytest.mark.parametrize("problem", [OSError("no table"), ValueError("a vote of some new kind")])
def test_a_run_is_started_without_votes_where_these_cannot_be_read(
    stack: Stack,
    problem: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cast(stack, some_papers(DAY, 1)[0], Choice.MORE)

    def fail(*_: object) -> list[Vote]:
        raise problem

    monkeypatch.setattr(Runs, "votes", fail)
    digest = stack.pass_day(NEXT, some_papers(NEXT, 4, first=101))
    assert digest.ledger.scored == 4
    assert not any(votes_in(request.prompt) for request in stack.server.requests)
    assert f"the run is started without votes, which cannot be read: {problem}" in (
        capsys.readouterr().out
    )


def test_one_vote_and_a_day_of_one_paper_make_a_digest(stacks: dict[str, Stack]) -> None:
    stack = stacks[LOCAL_SCORER.name]
    cast(stack, a_paper(1, title="Geese", abstract="Lakes."), Choice.MORE)
    digest = stack.pass_day(NEXT, [a_paper(101, title="Volcano", abstract="Ash.", announced=NEXT)])
    assert digest.ledger.scored == 1


def test_votes_of_one_profile_do_not_count_for_another(stack: Stack) -> None:
    paper = some_papers(DAY, 1)[0]
    vote = Vote(paper=paper, field=None, date=DAY, choice=Choice.MORE, version=1, cast_at=at(9))
    assert stack.cloud.runs.of("theory").cast(vote, voter("one@example.org"))
    stack.pass_day(NEXT, some_papers(NEXT, 4, first=101))
    assert not any(votes_in(request.prompt) for request in stack.server.requests)


def test_of_what_is_an_example_of_the_profile_the_prompt_has_the_profiles_word(
    stack: Stack,
) -> None:
    paper = a_paper(1, title="Geese")
    stack.cloud.archive.write(example_key(paper.id), KeptPaper(paper=paper).model_dump_json())
    stack.set(examples={"less": [paper.id]})
    cast(stack, paper, Choice.MORE)
    stack.pass_day(NEXT, some_papers(NEXT, 2, first=101))
    assert votes_in(stack.server.requests[0].prompt) == ["less like: Geese"]


def test_a_day_whose_budget_the_titles_of_votes_exceed_is_scored_the_best_ranked_first(
    stack: Stack,
) -> None:
    listed = some_papers(NEXT, 8, first=101)
    settings: dict[str, Any] = {"papers_per_call": 4, "language": "en"}
    profile = load_profile(yaml.safe_dump({**yaml.safe_load(PROFILE), **settings}))
    stack.set(**settings, daily_tokens=expected_of_day(listed, profile))
    for paper in some_papers(DAY, 40, first=201):
        cast(stack, paper, Choice.LESS if "birds" in paper.title else Choice.MORE)
    stack.pass_day(NEXT, listed)
    first, _ = stack.cloud.runs.batches(NEXT)
    assert all("pruning" in paper.title for paper in first.papers)


def test_a_days_own_papers_are_no_examples_of_it_where_it_is_rebuilt(stack: Stack) -> None:
    listed = some_papers(NEXT, 4, first=101)
    cast(stack, listed[0], Choice.MORE)
    stack.pass_day(NEXT, listed)
    assert not any(votes_in(request.prompt) for request in stack.server.requests)
