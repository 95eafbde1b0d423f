"""Days that are triaged, audited and held to a budget, from the feed to the digest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import yaml

from arxiv_digest.adapters.llm import LanguageModel
from arxiv_digest.models import Audit, Day, Digest, Paper, Scored, Scorer, ScorerKind, Triaged
from arxiv_digest.steps.score import Score, ScoreDone
from tests.builders import DAY, a_paper
from tests.feeds import feed_server
from tests.integration.conftest import PROFILE, Cloud
from tests.integration.nights import Night, at
from tests.language_model import LanguageModelServer, language_model, true_score

MODEL = Scorer(kind=ScorerKind.LANGUAGE_MODEL, name="test-model")
NEXT = DAY + timedelta(days=1)


class Stack:
    """The three steps with one language model, on the emulated cloud."""

    def __init__(self, cloud: Cloud, night: Night, server: LanguageModelServer) -> None:
        self.cloud, self.night, self.server = cloud, night, server
        self.set()

    def set(self, **settings: Any) -> None:
        """Change the profile."""
        profile = {**yaml.safe_load(PROFILE), "language": "zh", **settings}
        text = yaml.safe_dump(profile, allow_unicode=True)
        self.cloud.s3.put_object(Bucket="archive", Key="config/profile.yaml", Body=text.encode())

    def step(self) -> Score:
        """The step that scores, for the test's runs and model."""
        return Score(
            self.cloud.runs,
            lambda mode, name: LanguageModel(
                self.server.base_url, name or "test-model", "sk-key", mode
            ),
        )

    def pass_day(self, day: date, listed: list[Paper]) -> Digest:
        """Announce papers, and let the day pass from fetch to the digest."""
        self.night.publish("cs.LG", day, *listed)
        self.night.publish("cs.CV", day)
        self.night.fire("last", at(4, day))
        step = self.step()
        for batch in self.cloud.messages():
            if batch.date == day:
                step(batch)
        made = self.cloud.aggregate()(day, at(5, day)).digest
        assert made is not None
        return made


@pytest.fixture
def stack(cloud: Cloud) -> Iterator[Stack]:
    with feed_server() as arxiv, language_model() as server:
        server.fields = ("Pruning", "Agents")
        yield Stack(cloud, Night(cloud, arxiv, MODEL), server)


def some_papers(day: date, count: int, first: int = 1) -> list[Paper]:
    """Papers of which every second one is about pruning, the others about nothing of the reader."""
    subjects = ("pruning experts of quantized models", "the migration of birds over the sea")
    return [
        a_paper(
            number,
            title=f"On {subjects[number % 2]}, part {number}",
            abstract=f"We study {subjects[number % 2]}. Part {number}.",
            announced=day,
        )
        for number in range(first, first + count)
    ]


def test_the_best_ranked_share_is_scored_and_the_rest_stands_in_the_digest_with_its_rank(
    stack: Stack,
) -> None:
    stack.set(triage={"keep": 0.5, "audit": 0})
    digest = stack.pass_day(DAY, some_papers(DAY, 12))
    ledger = digest.ledger
    assert (ledger.announced, ledger.scored, ledger.triaged, ledger.failed) == (12, 6, 6, 0)
    asked = {paper_id for request in stack.server.requests for paper_id in request.ids}
    assert asked == {f"2601.{number:05d}" for number in range(2, 13, 2)}
    assert [entry.rank for entry in digest.triaged] == [7, 8, 9, 10, 11, 12]
    assert {entry.paper.id for entry in digest.triaged}.isdisjoint(asked)
    assert list(digest.announcement_order) == [f"2601.{number:05d}" for number in range(1, 13)]
    outcomes = stack.cloud.runs.results(DAY).outcomes
    assert sum(isinstance(outcome, Triaged) for outcome in outcomes.values()) == 6
    page = stack.cloud.archive.read(f"{DAY}/digest.html")
    assert page is not None
    assert "第 7 名" in page.decode()


def test_what_triage_dropped_is_found_in_the_archive_and_is_not_read_again(stack: Stack) -> None:
    stack.set(triage={"keep": 0.5, "audit": 0})
    digest = stack.pass_day(DAY, some_papers(DAY, 4))
    dropped = digest.triaged[0].paper
    month = stack.cloud.archive.read("search/2026-01.js")
    assert month is not None
    assert dropped.id in month.decode()
    papers = stack.cloud.archive.read("papers/2026-01.json")
    assert papers is not None
    assert '"outcome":"triaged"' in papers.decode()
    again = stack.pass_day(NEXT, [dropped.model_copy(update={"announced": NEXT})])
    assert (again.ledger.announced, again.seen_before) == (0, 1)


def test_nothing_is_ranked_where_everything_is_kept_or_no_model_scores(stack: Stack) -> None:
    assert stack.pass_day(DAY, some_papers(DAY, 4)).triage is None
    stack.set(triage={"keep": 0.5})
    stack.night = Night(stack.cloud, stack.night.arxiv)
    digest = stack.pass_day(NEXT, some_papers(NEXT, 4, first=11))
    assert (digest.triage, digest.ledger.scored) == (None, 4)


def test_an_audit_is_scored_and_stands_for_its_share_of_what_was_dropped(stack: Stack) -> None:
    stack.set(triage={"keep": 0.5, "audit": 0.5})
    digest = stack.pass_day(DAY, some_papers(DAY, 12))
    assert digest.triage is not None
    assert (digest.triage.below_cut, len(digest.triage.audited)) == (6, 3)
    assert digest.ledger.triaged == 3
    audited = set(digest.triage.audited)
    history = stack.cloud.runs.history([DAY, NEXT])
    assert {past.paper.id for past in history if past.weight == 2} == audited
    assert [past.weight for past in history].count(1) == 6
    assert {past.date for past in history} == {DAY}
    assert digest.audit is not None
    assert (digest.audit.below_cut, digest.audit.audited) == (6, 3)
    [day] = stack.cloud.runs.days()
    assert day.audit == digest.audit


def test_the_local_scorer_learns_from_what_a_language_model_has_scored(stack: Stack) -> None:
    def about(day: date, pruning: list[int], birds: list[int]) -> list[Paper]:
        both = {number: some_papers(day, 1, first=number)[0] for number in (*pruning, *birds)}
        subjects = {number: some_papers(day, 2, first=2)[number in birds] for number in both}
        return [
            paper.model_copy(
                update={"title": subjects[number].title, "abstract": subjects[number].abstract}
            )
            for number, paper in both.items()
        ]

    # The model's scores follow from the ids: what is about birds, which no field asks for, has 8.
    numbers = range(1000, 1400)
    wanted = [number for number in numbers if true_score(f"2601.{number:05d}") == 8]
    unwanted = [number for number in numbers if true_score(f"2601.{number:05d}") == 0]
    stack.set(papers_per_call=40)
    stack.pass_day(DAY, about(DAY, unwanted, wanted))
    stack.night = Night(stack.cloud, stack.night.arxiv)
    digest = stack.pass_day(NEXT, about(NEXT, [1, 2, 3, 4], [5, 6, 7, 8]))
    assert digest.scorer.kind is ScorerKind.LOCAL
    scores = {
        int(entry.paper.id[-2:]): entry.score for entry in (*digest.recommendations, *digest.below)
    }
    assert min(scores[number] for number in (5, 6, 7, 8)) > max(scores[n] for n in (1, 2, 3, 4))


def an_index_line(day: date, audit: Audit) -> Day:
    return Day(date=day, announced=200, recommended=50, tokens=0, failed=0, audit=audit)


def test_triage_opens_by_itself_where_its_audits_are_sure_that_it_keeps_too_little(
    stack: Stack,
) -> None:
    stack.set(triage={"keep": 0.5, "audit": 0.5, "floor": 0.9})
    audit = Audit(kept_recommended=50, below_cut=100, audited=10, audited_recommended=5)
    for back in range(1, 5):
        stack.cloud.runs.record_day(an_index_line(DAY - timedelta(days=back), audit))
    # An audit of long ago says nothing of today's model.
    long_ago = Audit(kept_recommended=50, below_cut=100, audited=100, audited_recommended=0)
    stack.cloud.runs.record_day(an_index_line(DAY - timedelta(days=100), long_ago))
    digest = stack.pass_day(DAY, some_papers(DAY, 12))
    assert digest.triage is not None
    assert digest.triage.opened
    assert digest.triage.recall.high < 0.9
    assert (digest.ledger.scored, digest.ledger.triaged) == (12, 0)
    assert digest.audit is not None
    assert digest.audit.audited == digest.audit.below_cut == 6, "all of it was audited"
    front = stack.cloud.archive.read("index.html")
    assert front is not None
    assert "抽查估计" in front.decode()


def test_the_best_ranked_papers_are_scored_first_where_the_budget_is_too_small_for_all(
    stack: Stack,
) -> None:
    stack.server.prompt_tokens = 200
    stack.set(daily_tokens=2000, papers_per_call=3)
    digest = stack.pass_day(DAY, some_papers(DAY, 12))
    assert digest.ledger.scored == 12
    assert 0 < digest.scored_locally < 12
    asked = [paper_id for request in stack.server.requests for paper_id in request.ids]
    assert {int(paper_id[-2:]) % 2 for paper_id in asked[:6]} == {0}, "pruning comes first"
    locally = {
        entry.paper.id for entry in (*digest.recommendations, *digest.below) if entry.locally
    }
    assert locally.isdisjoint(asked)
    markdown = stack.cloud.archive.read(f"{DAY}/digest.md")
    assert markdown is not None
    assert "预算已用完" in markdown.decode()
    assert stack.cloud.runs.history([DAY]), "what the model scored is learned from"
    assert {past.paper.id for past in stack.cloud.runs.history([DAY])} == set(asked)


def test_of_a_triaged_day_too_the_best_ranked_are_scored_first_where_the_budget_is_small(
    stack: Stack,
) -> None:
    stack.server.prompt_tokens = 200
    stack.set(daily_tokens=1700, papers_per_call=2, triage={"keep": 0.5, "audit": 1})
    digest = stack.pass_day(DAY, some_papers(DAY, 12))
    asked = [paper_id for request in stack.server.requests for paper_id in request.ids]
    assert 0 < len(asked) <= 6
    assert {int(paper_id[-2:]) % 2 for paper_id in asked} == {0}, "the audit comes last"
    assert digest.audit is not None
    assert digest.audit.audited == 0, "a local score tells nothing of triage"


def test_a_budget_of_nothing_asks_no_model(stack: Stack) -> None:
    stack.set(daily_tokens=0)
    digest = stack.pass_day(DAY, some_papers(DAY, 4))
    assert (digest.scored_locally, digest.ledger.scored) == (4, 4)
    assert not stack.server.requests


def test_papers_that_are_asked_for_once_more_are_scored_locally_where_the_budget_ends(
    stack: Stack,
) -> None:
    stack.server.prompt_tokens = 200
    stack.set(daily_tokens=1100, papers_per_call=4)
    day = some_papers(DAY, 4)
    stack.server.misbehave("missing ids", day[0].id, 2)
    digest = stack.pass_day(DAY, day)
    assert len(stack.server.requests) == 1
    assert digest.ledger.failed == 0
    assert 0 < digest.scored_locally < 4


def test_a_call_that_was_not_answered_costs_nothing_of_the_budget(stack: Stack) -> None:
    # Enough for one such call, and not for two.
    stack.set(daily_tokens=1500, papers_per_call=4)
    day = some_papers(DAY, 4)
    stack.server.misbehaviour = "500"
    with pytest.raises(Exception, match="500"):
        stack.pass_day(DAY, day)
    stack.server.misbehaviour = ""
    [batch] = stack.cloud.runs.batches(DAY)
    stack.step()(batch)
    outcomes = stack.cloud.runs.results(DAY).outcomes.values()
    assert all(isinstance(outcome, Scored) and not outcome.locally for outcome in outcomes)


@pytest.mark.parametrize(("misbehaviour", "calls"), [("", 2), ("missing ids", 3)])
def test_of_the_budget_a_day_has_taken_what_its_calls_took(
    stack: Stack, misbehaviour: str, calls: int
) -> None:
    stack.set(papers_per_call=4)
    papers = some_papers(DAY, 8)
    if misbehaviour:
        stack.server.misbehave(misbehaviour, papers[0].id, 1)
    digest = stack.pass_day(DAY, papers)
    assert digest.tokens.calls == calls
    assert _taken(stack.cloud) == digest.tokens.total


def test_a_batch_that_another_delivery_has_counted_down_is_settled_all_the_same(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = stack.pass_day(DAY, some_papers(DAY, 2))
    step = stack.step()
    [batch] = step.runs.batches(DAY)
    # As this delivery had found the batch before the other one's came to its end.
    then = step.runs.opening(batch)._replace(done=False)
    monkeypatch.setattr(step.runs, "opening", lambda _: then)
    result = step(batch)
    assert result.done is ScoreDone.DONE_BEFORE
    assert _taken(stack.cloud) == digest.tokens.total + result.tokens.total


def _taken(cloud: Cloud) -> int:
    """The tokens of the budget that are taken or set apart."""
    [budget] = [item for item in cloud.items(f"RUN#{DAY}") if item["sk"] == "BUDGET"]
    return int(budget["tokens"])


def test_a_reservation_never_passes_the_budget_and_is_replaced_by_what_was_spent(
    cloud: Cloud,
) -> None:
    runs = cloud.runs
    assert runs.reserve(DAY, 600, 1000)
    assert not runs.reserve(DAY, 600, 1000)
    assert runs.reserve(DAY, 400, 1000)
    runs.settle(DAY, -500)
    assert not runs.reserve(DAY, 501, 1000)
    assert runs.reserve(DAY, 500, 1000)
    assert not runs.reserve(NEXT, 1001, 1000)
    assert runs.reserve(NEXT, 1000, 1000), "each day has a budget of its own"


def test_the_digest_and_the_archive_say_what_the_day_cost(stack: Stack) -> None:
    stack.set(prices={"test-model": {"prompt": 500, "completion": 1000}})
    digest = stack.pass_day(DAY, some_papers(DAY, 4))
    tokens = digest.tokens
    assert digest.cost == pytest.approx((500 * tokens.prompt + 1000 * tokens.completion) / 1e6)
    markdown = stack.cloud.archive.read(f"{DAY}/digest.md")
    front = stack.cloud.archive.read("index.html")
    assert markdown is not None
    assert front is not None
    assert "费用：US$0.0" in markdown.decode()
    assert "US$0.0" in front.decode()
