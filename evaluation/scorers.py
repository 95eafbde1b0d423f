"""The scorers as the functions use them, on labelled days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from arxiv_digest.adapters.llm import LanguageModel
from arxiv_digest.batches import make_batches
from arxiv_digest.local import interest, score_day
from arxiv_digest.models import Failed, Paper, PastScore, Scored, Tokens
from arxiv_digest.profile import Profile
from arxiv_digest.scoring import NoAnswer, score_papers
from evaluation.labels import Label, Labels


class DayScores(NamedTuple):
    """What a scorer made of a day: the interest by paper, the scores where it gives any, tokens."""

    interest: list[float]
    scored: dict[str, Scored]
    tokens: Tokens
    failed: int = 0


class Scorer(Protocol):
    """Scores the papers of one labelled day, given all labels."""

    def __call__(self, day: dt.date, labels: Sequence[Label]) -> DayScores:
        """The scores of the papers of ``labels``, in their order."""


def local(profile: Profile) -> Scorer:
    """The local scorer without history."""

    def score(day: dt.date, labels: Sequence[Label]) -> DayScores:
        del day
        papers = [label.paper for label in labels]
        scored = score_day(papers, profile)
        # Not the scores, which are rounded: papers of one score would have no order.
        return DayScores([*interest(papers, profile)], scored, Tokens())

    return score


def triage(profile: Profile, known: Labels, days: int) -> Scorer:
    """What fetch ranks a day by after so many days of history, which the labels stand for."""

    def score(day: dt.date, labels: Sequence[Label]) -> DayScores:
        papers = [label.paper for label in labels]
        return DayScores([*interest(papers, profile, past(day))], {}, Tokens())

    def past(day: dt.date) -> list[PastScore]:
        before = [date for date in known.days if date < day][-days:]
        return [label.past(profile) for date in before for label in known.days[date]]

    return score


def language_model(profile: Profile, model: LanguageModel, say: Callable[[str], None]) -> Scorer:
    """A language model as score asks it: the same batches, prompts, and belief in its answers."""

    def score(day: dt.date, labels: Sequence[Label]) -> DayScores:
        papers: list[Paper] = [label.paper for label in labels]
        scored: dict[str, Scored] = {}
        tokens = Tokens()
        batches = make_batches(day, papers, profile.papers_per_call)
        for batch in batches:
            try:
                outcome = score_papers(batch.papers, profile, model.ask)
            except NoAnswer as problem:
                say(f"{day}: batch {batch.number} of {len(batches)} was not scored: {problem}")
                continue
            tokens += outcome.tokens
            scored |= {o.paper_id: o for o in outcome.outcomes if isinstance(o, Scored)}
            lost = sum(isinstance(o, Failed) for o in outcome.outcomes)
            say(f"{day}: batch {batch.number} of {len(batches)}, {lost} papers failed")
        interest_of = [scored[p.id].score if p.id in scored else 0.0 for p in papers]
        return DayScores(interest_of, scored, tokens, len(papers) - len(scored))

    return score
