"""One batch to scores in the table: the second step of a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from arxiv_digest.adapters.runs import RunMissing, Runs
from arxiv_digest.batches import as_announced
from arxiv_digest.budget import expected_of_call
from arxiv_digest.firings import days_before
from arxiv_digest.models import Batch, Failed, Run, Scored, ScorerKind, Tokens, Value
from arxiv_digest.profile import Profile, load_profile
from arxiv_digest.scoring import (
    BatchOutcome,
    BudgetSpent,
    LanguageModelRefused,
    NoAnswer,
    Prompt,
    Reply,
    score_papers,
)
from arxiv_digest.voting import with_votes

if TYPE_CHECKING:
    from arxiv_digest.adapters.llm import LanguageModel


class ScoreDone(StrEnum):
    """What became of a batch."""

    SCORED = "scored"
    DONE_BEFORE = "done-before"


class ScoreResult(Value):
    """What became of a batch, with the numbers of its papers."""

    date: dt.date
    batch: int
    done: ScoreDone
    scored: int = 0
    failed: int = 0
    tokens: Tokens = Tokens()


@dataclass
class Score:
    """The second step with its adapters.

    ``language_model`` makes the client for a response mode (or none yet known) and the model that
    the profile names (or none); it is called only for runs that a language model scores.
    """

    runs: Runs
    language_model: Callable[[str | None, str | None], LanguageModel]
    _days: dict[tuple[dt.date, dt.datetime], dict[str, Scored]] = field(default_factory=dict)

    def __call__(self, batch: Batch) -> ScoreResult:
        """Score one batch and count its run down.

        A batch that was counted down before is left alone, so a redelivery costs nothing. Why a
        batch could not be scored is kept, for a digest that has to do without it. Raises
        :class:`~arxiv_digest.scoring.LanguageModelUnavailable` when the batch should be tried
        again later, :class:`~arxiv_digest.adapters.runs.RunMissing` for a batch of no run.
        """
        done, run, mode = self.runs.opening(batch)
        if done:
            return ScoreResult(date=batch.date, batch=batch.number, done=ScoreDone.DONE_BEFORE)
        if run is None:
            raise RunMissing(f"there is no run of {batch.date}; its items expire after 90 days")
        profile = load_profile(run.profile)
        owed = 0
        try:
            if run.scorer.kind is ScorerKind.LOCAL:
                outcome = self._locally(batch, run, profile)
            else:
                outcome, owed = self._by_language_model(batch, run, profile, mode)
        except Exception as problem:
            self.runs.note_trouble(batch, str(problem) or type(problem).__name__)
            raise
        counted = self.runs.complete_batch(batch, outcome.outcomes, outcome.tokens, owed)
        if owed and not counted:
            self.runs.settle(batch.date, owed)
        return ScoreResult(
            date=batch.date,
            batch=batch.number,
            done=ScoreDone.SCORED if counted else ScoreDone.DONE_BEFORE,
            scored=sum(isinstance(paper, Scored) for paper in outcome.outcomes),
            failed=sum(isinstance(paper, Failed) for paper in outcome.outcomes),
            tokens=outcome.tokens,
        )

    def _locally(self, batch: Batch, run: Run, profile: Profile) -> BatchOutcome:
        day = self._local_scores(run, profile)
        return BatchOutcome(tuple(day[paper.id] for paper in batch.papers), Tokens())

    def _local_scores(self, run: Run, profile: Profile) -> dict[str, Scored]:
        """The local scores of the whole day, of which each is a place."""
        key = (run.date, run.started_at)
        if key not in self._days:
            # Imported here: scikit-learn takes seconds, and a language model's runs need none.
            from arxiv_digest.local import score_day

            papers = as_announced([*self.runs.batches(run.date), *self.runs.triaged(run.date)])
            history = self.runs.history(days_before(run.date, profile.triage.history_days))
            taught = with_votes(history, self.runs.votes_of(run.date))
            self._days = {key: score_day(papers, profile, taught, examples=run.examples)}
        return self._days[key]

    def _by_language_model(
        self, batch: Batch, run: Run, profile: Profile, known: str | None
    ) -> tuple[BatchOutcome, int]:
        """The batch's papers within the day's budget, and locally what that does not reach.

        With them come the tokens, mostly below zero, that the calls took beyond what the budget
        has set apart for them; they are settled with the batch, which saves a request.
        """
        model = self.language_model(known, profile.model)
        spent = False
        owed = 0

        def ask(prompt: Prompt) -> Reply:
            nonlocal spent, owed
            expected = expected_of_call(prompt, len(batch.papers))
            if not self.runs.reserve(batch.date, expected + owed, profile.daily_tokens):
                spent = True
                raise BudgetSpent
            owed = 0
            try:
                reply = model.ask(prompt)
            except BaseException:
                self.runs.settle(batch.date, -expected)
                raise
            owed = 0 if reply.tokens.unreported else reply.tokens.total - expected
            return reply

        try:
            outcome = score_papers(batch.papers, profile, ask, (*run.examples, *run.votes))
        except BudgetSpent as problem:
            outcome = _all_failed(batch, problem)
        except LanguageModelRefused as problem:
            return _all_failed(batch, problem), owed
        if model.mode and model.mode != known:
            self.runs.remember_response_mode(batch.date, model.mode)
        if not spent:
            return outcome, owed
        # The budget ends with the last call, so whatever that left without a score is beyond it.
        day = self._local_scores(run, profile)
        outcomes = tuple(
            paper
            if isinstance(paper, Scored)
            else day[paper.paper_id].model_copy(update={"locally": True})
            for paper in outcome.outcomes
        )
        return outcome._replace(outcomes=outcomes), owed


def _all_failed(batch: Batch, problem: NoAnswer) -> BatchOutcome:
    failed = (Failed(paper_id=paper.id, reason=str(problem)) for paper in batch.papers)
    return BatchOutcome(tuple(failed), Tokens())
