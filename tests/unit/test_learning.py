"""What past scores teach: with real labels where there are any, and on small days."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arxiv_digest.learning import learn
from arxiv_digest.local import interest, likeness, score_day
from arxiv_digest.models import Paper, PastScore
from arxiv_digest.profile import ResearchField, load_profile
from evaluation.labels import LabelledDay, read_labels
from evaluation.rolling import lexical, roll, unread
from evaluation.terms import KeptCounts
from tests.builders import DAY, a_paper, a_profile

ROOT = Path(__file__).parents[2]
YESTERDAY = DAY - dt.timedelta(days=1)


def on(subject: str, number: int) -> Paper:
    return a_paper(number, title=f"On {subject}", abstract=f"We study {subject} {number}.")


def past(subject: str, score: float, count: int = 8, first: int = 100, **other: object) -> list:
    field = "Pruning" if score >= 7 else None
    values = {"score": score, "field": field, "date": YESTERDAY, **other}
    return [PastScore(paper=on(subject, first + n), **values) for n in range(count)]


@pytest.fixture(scope="module")
def labelled_days(digest_data: Path) -> list[LabelledDay]:
    return unread(read_labels(sorted(digest_data.glob("labels/pool-*"))).days)


def test_it_ranks_the_labelled_days_as_well_as_documented(labelled_days: list[LabelledDay]) -> None:
    profile = load_profile((ROOT / "profile.yaml").read_text("utf-8"))
    rank = lexical(profile, KeptCounts())
    for history, area, best in ((0, 0.76, 0.80), (30, 0.90, 0.95)):
        figures = roll(labelled_days, 4, history, rank, profile, 0.5)
        areas = [day.measures["auc"] for day in figures]
        recalls = [day.measures["recall of the best"] for day in figures]
        assert np.mean(areas) >= area, f"{history} days of history"
        assert np.mean(recalls) >= best, f"{history} days of history"
        assert min(areas) >= 0.85 or history < 30


def test_without_history_it_is_likeness_alone() -> None:
    listed = [on("pruning experts", 1), on("geese", 2), on("agents that use tools", 3)]
    found = interest(listed, a_profile())
    assert found.tolist() == likeness(listed, a_profile()).overall.tolist()


def test_history_lifts_what_it_recommended_and_lowers_what_it_did_not() -> None:
    history = past("lottery tickets", 9, count=30) + past("experts in law", 1, first=200)
    tickets, law = on("lottery tickets", 1), on("experts in law", 2)
    others = [on(f"things {number}", number) for number in range(3, 9)]
    day = [law, *others, tickets]
    before, after = (interest(day, a_profile(), taught) for taught in ((), history))
    assert before[0] > before[-1], "experts are what the profile speaks of"
    assert after[-1] > after[0]
    assert after.argmax() == len(day) - 1


def test_a_paper_of_the_day_is_not_learned_from() -> None:
    history = past("lottery tickets", 9) + past("geese", 1, first=200)
    day = [on("geese", 1), on("lottery tickets", 2), on("lakes", 3)]
    seen = [PastScore(day[0], 10, "Pruning", YESTERDAY)]
    with_it, without = (interest(day, a_profile(), taught) for taught in (history + seen, history))
    assert np.argsort(with_it).tolist() == np.argsort(without).tolist()


def test_votes_alone_lift_what_they_ask_for_above_what_was_never_shown() -> None:
    votes = past("lottery tickets", 10, count=30, voted=True)
    others = [on(f"things {number}", number) for number in range(2, 9)]
    day = [*others, on("lottery tickets", 1)]
    before, after = (interest(day, a_profile(), taught) for taught in ((), votes))
    assert before.argmax() != len(day) - 1
    assert after.argmax() == len(day) - 1
    # As scores they would teach nothing, since every one of them is high.
    as_scores = interest(day, a_profile(), [one._replace(voted=False) for one in votes])
    assert after[-1] - after[0] > as_scores[-1] - as_scores[0]


def test_a_vote_that_shares_no_word_with_the_day_teaches_it_nothing() -> None:
    [vote] = past("lottery tickets", 10, count=1, voted=True)
    goose = a_paper(1, title="Geese", abstract="Lakes and geese.")
    assert learn([goose], a_profile(), [vote]) is None
    assert score_day([goose], a_profile(), [vote]).keys() == {goose.id}


def test_votes_alone_lower_what_they_do_not_ask_for() -> None:
    votes = past("lottery tickets", 10, count=30, voted=True)
    votes += past("experts in law", 0, count=30, first=200, voted=True)
    day = [on("experts in law", 1), *(on(f"things {n}", n) for n in range(4, 9))]
    before, after = (interest(day, a_profile(), taught) for taught in ((), votes))
    assert before.argmax() == 0
    assert after.argmax() != 0


def test_a_vote_counts_whenever_its_field_was_added() -> None:
    long_ago = YESTERDAY - dt.timedelta(days=20)
    history = past("tools that wake", 9, date=YESTERDAY, field="Agents")
    history += past("geese", 9, first=200, date=YESTERDAY - dt.timedelta(days=25))
    votes = past("tools that sleep", 0, first=300, date=long_ago, field=None, weight=10)
    day = [on(f"tools that {verb}", place) for place, verb in enumerate(("sleep", "wake", "sing"))]
    day += [on("geese", 4), on("lakes", 5)]
    known, unasked = (
        interest(day, a_profile(), [*history, *(one._replace(voted=voted) for one in votes)])
        for voted in (True, False)
    )
    assert known[0] - known[1] < unasked[0] - unasked[1]


def test_recommendations_for_a_field_that_is_gone_are_not_learned_from() -> None:
    gone = past("geese", 9, field="Birds")
    day = [on("geese", 1), on("pruning", 2)]
    assert interest(day, a_profile(), gone).tolist() == interest(day, a_profile()).tolist()


def test_low_scores_from_before_a_field_was_added_do_not_tell_against_it() -> None:
    geese = ResearchField(name="Geese", description="flight of geese over lakes in winter")
    profile = a_profile(fields=(*a_profile().fields, geese))
    history = past("geese over lakes", 0, count=30, first=200) + past("pruning experts", 9)
    day = [on("pruning experts", 1), on("geese over lakes", 2)]
    day += [on(f"markets {number}", number) for number in range(3, 30)]
    places = np.argsort(np.argsort(-interest(day, profile, history)))
    assert places[1] <= 2


def test_a_weight_counts_as_so_many_papers() -> None:
    one = past("geese", 9, count=1) + past("geese", 0, count=3, first=200)
    day = [on("geese", 1), on("lakes", 2)]
    heavy = [one[0]._replace(weight=33.0), *one[1:]]
    light, more = (interest(day, a_profile(), taught) for taught in (one, heavy))
    assert more[0] - more[1] >= light[0] - light[1]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.text(), st.floats(0, 10), st.booleans(), st.integers(0, 40)), max_size=6),
    st.lists(st.text(), max_size=5),
)
def test_any_history_ranks_any_day(
    scored: list[tuple[str, float, bool, int]], abstracts: list[str]
) -> None:
    history = [
        PastScore(
            a_paper(100 + n, abstract=text),
            score,
            "Pruning" if named else None,
            DAY - dt.timedelta(days=ago),
        )
        for n, (text, score, named, ago) in enumerate(scored)
    ]
    day = [a_paper(n, abstract=text) for n, text in enumerate(abstracts, 1)]
    found = interest(day, a_profile(), history)
    assert found.shape == (len(day),)
    assert np.isfinite(found).all()
    assert found.tolist() == interest(list(day), a_profile(), list(history)).tolist()
    assert score_day(day, a_profile(), history).keys() == {paper.id for paper in day}
