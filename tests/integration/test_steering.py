"""Days that a profile steers, from the feed through fetch, score and aggregate to the digest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from arxiv_digest.models import SteeringEntry
from tests.builders import DAY, NOW, a_paper, papers
from tests.export_api import ExportApiServer, export_api, refusal
from tests.feeds import feed_server
from tests.integration.conftest import Cloud
from tests.integration.nights import Night
from tests.integration.test_triage import MODEL, Stack, some_papers
from tests.language_model import language_model, true_score

NEXT = DAY + timedelta(days=1)
MORE = a_paper(
    901,
    id="2512.00901",
    title="Geese over the sea",
    abstract="Geese migrate over the northern sea.",
)
LESS = a_paper(902, id="2512.00902", title="Trees of decision", abstract="Random forests of trees.")


@pytest.fixture
def api() -> Iterator[ExportApiServer]:
    with export_api() as server:
        server.submit(NOW, MORE, LESS)
        yield server


@pytest.fixture
def stack(cloud: Cloud, api: ExportApiServer) -> Iterator[Stack]:
    with feed_server() as arxiv, language_model() as server:
        server.fields = ("Pruning", "Agents")
        yield Stack(cloud, Night(cloud, arxiv, MODEL, api.url), server)


def told(entries: tuple[SteeringEntry, ...]) -> dict[str, tuple[int, int, int]]:
    return {entry.entry: (entry.papers, entry.recommended, entry.held_back) for entry in entries}


def test_a_day_passes_with_everything_that_steers(stack: Stack, api: ExportApiServer) -> None:
    listed = papers(12)
    ada = next(paper for paper in listed if true_score(paper.id) == 6)
    survey = next(paper for paper in listed if true_score(paper.id) == 9)
    day = [
        paper.model_copy(
            update={ada.id: {"authors": ("A. Lovelace",)}, survey.id: {"title": "A survey"}}.get(
                paper.id, {}
            )
        )
        for paper in listed
    ]
    stack.set(
        fields=[
            {"name": "Pruning", "description": "pruning experts", "at_most": 1},
            {"name": "Agents", "description": "agents that use tools", "minimum_score": 8},
        ],
        follow={"authors": ["Ada Lovelace"], "phrases": ["no such words"]},
        mute=["survey"],
        examples={"more": [MORE.id], "less": [LESS.id]},
    )
    digest = stack.pass_day(DAY, day)
    ledger = digest.ledger
    assert (ledger.announced, ledger.scored, ledger.triaged, ledger.failed) == (12, 12, 0, 0)
    assert len({paper.id for paper in digest.papers}) == 12

    entries = told(digest.steering)
    assert set(entries) == {
        "Ada Lovelace", "no such words", "survey", "Pruning", "Agents", MORE.id, LESS.id
    }  # fmt: skip
    assert entries["Ada Lovelace"][0] == 1
    assert entries["no such words"] == (0, 0, 0)
    assert entries["survey"] == (1, 0, 1)
    assert entries["Pruning"][2] >= 1
    raised = next(entry for entry in digest.scored if entry.paper.id == ada.id)
    assert (raised.score, raised.scorer_score) == (8, 6)
    assert survey.id not in {entry.paper.id for entry in digest.recommendations}

    asked = stack.server.requests[0].prompt
    assert f"more like: {MORE.title}\nless like: {LESS.title}\n" in asked
    about_ada = next(r.prompt for r in stack.server.requests if ada.id in r.ids)
    assert about_ada.endswith(f"Give a reason for these as well, whatever their score: {ada.id}")
    assert [request["id_list"] for request in api.requests] == [f"{MORE.id},{LESS.id}"]

    for name in ("digest.html", "digest.md", "digest.json"):
        kept = stack.cloud.archive.read(f"{DAY}/{name}")
        assert kept is not None
        assert "survey" in kept.decode()


def test_arxiv_is_asked_for_an_example_once_and_the_archive_keeps_it(
    stack: Stack, api: ExportApiServer
) -> None:
    stack.set(examples={"more": [MORE.id, "2512.00999"]})
    first = stack.pass_day(DAY, some_papers(DAY, 4))
    assert [entry.title for entry in first.steering] == [MORE.title, ""]
    assert first.steering[1].trouble == "arXiv's export API does not have this paper"
    assert stack.cloud.objects("raw/examples/") == [f"raw/examples/{MORE.id}.json"]
    stack.pass_day(NEXT, some_papers(NEXT, 4, first=11))
    asked = [request["id_list"] for request in api.requests]
    assert asked == [f"{MORE.id},2512.00999", "2512.00999"]


@pytest.mark.parametrize("fault", [404, b"<html>", refusal("incorrect id format")])
def test_a_day_goes_on_without_an_example_that_arxiv_does_not_give_and_says_so(
    stack: Stack, api: ExportApiServer, fault: int | bytes
) -> None:
    api.faults.append(fault)
    stack.set(examples={"more": [MORE.id]})
    digest = stack.pass_day(DAY, some_papers(DAY, 4))
    assert digest.ledger.scored == 4
    [entry] = digest.steering
    assert (entry.papers, entry.title) == (0, "")
    assert entry.trouble.startswith("arXiv's export API: ")
    assert "<examples>" not in stack.server.requests[0].prompt
    page = stack.cloud.archive.read(f"{DAY}/digest.html")
    assert page is not None
    assert f"示例 {MORE.id} 不起作用：arXiv 的 export API：" in page.decode()


def test_what_is_kept_of_an_example_and_cannot_be_read_is_asked_for_anew(
    stack: Stack, api: ExportApiServer
) -> None:
    stack.cloud.archive.write(f"raw/examples/{MORE.id}.json", "{}")
    stack.set(examples={"less": [MORE.id]})
    digest = stack.pass_day(DAY, some_papers(DAY, 4))
    assert digest.steering[0].title == MORE.title
    assert len(api.requests) == 1


def test_what_is_followed_is_scored_on_a_triaged_day_however_low_it_ranks(stack: Stack) -> None:
    day = some_papers(DAY, 12)
    [worst] = [paper for paper in day if paper.id == "2601.00011"]
    day = [
        paper.model_copy(update={"authors": ("Ada Lovelace",)}) if paper is worst else paper
        for paper in day
    ]
    stack.set(triage={"keep": 0.5, "audit": 0}, follow={"authors": ["A. Lovelace"]})
    digest = stack.pass_day(DAY, day)
    assert (digest.ledger.scored, digest.ledger.triaged) == (7, 5)
    assert worst.id in {entry.paper.id for entry in digest.scored}
    assert digest.triage is not None
    assert digest.triage.below_cut == 5
    assert told(digest.steering)["A. Lovelace"][0] == 1


def test_what_is_followed_is_scored_first_where_the_budget_is_small(stack: Stack) -> None:
    stack.server.prompt_tokens = 200
    day = some_papers(DAY, 12)
    day[10] = day[10].model_copy(update={"authors": ("Ada Lovelace",)})
    stack.set(daily_tokens=1700, papers_per_call=2, follow={"authors": ["Ada Lovelace"]})
    stack.pass_day(DAY, day)
    assert day[10].id in stack.server.requests[0].ids


def test_examples_rank_the_day_of_the_local_scorer_and_the_digest_names_the_nearest(
    cloud: Cloud, api: ExportApiServer
) -> None:
    goose = a_paper(50, title="Where geese fly", abstract="Geese cross the northern sea in flocks.")
    day = [*some_papers(DAY, 10), goose]
    places = []
    with feed_server() as arxiv, language_model() as server:
        stack = Stack(cloud, Night(cloud, arxiv, export_api=api.url), server)
        for examples in ({}, {"more": [MORE.id]}):
            stack.set(examples=examples)
            when = NEXT if examples else DAY
            renamed = [
                paper.model_copy(
                    update={"id": paper.id.replace("2601.", "2602.") if examples else paper.id}
                )
                for paper in day
            ]
            digest = stack.pass_day(when, renamed)
            ranking = [entry.paper.title for entry in (*digest.recommendations, *digest.below)]
            places.append(ranking.index(goose.title))
        assert not server.requests
    assert places[1] < places[0]
    [entry] = digest.steering
    assert (entry.kind, entry.papers >= 1) == ("more-like", True)
