"""What triage keeps, audits and drops, and what its audits say of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arxiv_digest.models import Audit
from arxiv_digest.triage import cut, opens, recall

SHARE = st.floats(0, 1)


def an_audit(kept: int, below: int, audited: int, found: int) -> Audit:
    return Audit(kept_recommended=kept, below_cut=below, audited=audited, audited_recommended=found)


@given(order=st.permutations(range(40)), keep=st.floats(0.01, 1), audit=SHARE, seed=st.text())
def test_every_paper_is_kept_audited_or_dropped_and_none_twice(
    order: list[int], keep: float, audit: float, seed: str
) -> None:
    parted = cut(order, keep, audit, seed)
    assert sorted((*parted.kept, *parted.audited, *parted.dropped)) == sorted(order)
    assert list(parted.kept) == order[: len(parted.kept)]
    assert len(parted.kept) - 1 < keep * 40 <= len(parted.kept) + 1e-6
    assert [order[rank - 1] for rank in parted.ranks] == list(range(40))
    # What is audited and dropped stays in the order of the ranking.
    for part in (parted.audited, parted.dropped):
        assert list(part) == [position for position in order if position in part]


@pytest.mark.parametrize(
    ("papers", "keep", "kept"), [(216, 0.5, 108), (10, 0.3, 3), (7, 0.5, 4), (3, 0.01, 1)]
)
def test_the_share_kept_is_rounded_up(papers: int, keep: float, kept: int) -> None:
    assert len(cut(range(papers), keep, 0, "a day").kept) == kept


def test_everything_is_kept_at_one_and_everything_else_audited_at_one() -> None:
    assert len(cut(range(9), 1, 0.03, "a day").kept) == 9
    parted = cut(range(9), 0.3, 1, "a day")
    assert (len(parted.audited), parted.dropped) == (6, ())


def test_nothing_is_parted_of_nothing() -> None:
    assert cut([], 0.5, 0.03, "a day") == ((), (), (), ())


def test_the_sample_is_that_of_the_day_and_of_its_share_over_many_days() -> None:
    days = [cut(range(40), 0.5, 0.03, f"day {number}") for number in range(2000)]
    assert cut(range(40), 0.5, 0.03, "day 7") == days[7]
    drawn = [position for day in days for position in day.audited]
    assert len(drawn) / (20 * 2000) == pytest.approx(0.03, rel=0.1)
    # Each paper below the cut is as likely as any other.
    often = [drawn.count(position) for position in range(20, 40)]
    assert min(often) > 0.5 * max(often)


def test_what_was_audited_whole_is_known_exactly() -> None:
    told = recall([an_audit(18, 50, 50, 2)])
    assert (told.estimate, told.low, told.high) == (0.9, 0.9, 0.9)


def test_a_sample_stands_for_the_rest_below_the_cut() -> None:
    # 3 of 100 audited are recommended, so of the other 900 some 27, between 6 and 77.
    told = recall([an_audit(270, 1000, 100, 3)])
    assert told.estimate == pytest.approx(270 / 300)
    assert told.low == pytest.approx(270 / (273 + 900 * 0.0851763), rel=1e-4)
    assert told.high == pytest.approx(270 / (273 + 900 * 0.0062297), rel=1e-4)
    assert (told.days, told.audited) == (1, 100)


def test_days_are_pooled() -> None:
    day = an_audit(27, 100, 10, 0)
    assert recall([day] * 10).low > recall([day]).low
    assert recall([day] * 10).estimate == 1


@pytest.mark.parametrize("days", [[], [an_audit(5, 20, 0, 0)], [an_audit(0, 0, 0, 0)]])
def test_without_an_audit_nothing_is_claimed(days: list[Audit]) -> None:
    told = recall(days)
    assert told.estimate is None or days[0].below_cut == 0
    assert (told.high, opens(told, 1.0)) == (1.0, False)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 90), st.integers(0, 150), SHARE, SHARE).map(
            lambda day: an_audit(
                day[0], day[1], int(day[1] * day[2]), int(int(day[1] * day[2]) * day[3])
            )
        ),
        max_size=30,
    )
)
def test_the_estimate_lies_in_its_interval(days: list[Audit]) -> None:
    told = recall(days)
    assert 0 <= told.low <= told.high <= 1
    if told.estimate is not None:
        assert told.low - 1e-9 <= told.estimate <= told.high + 1e-9


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    draw = random.Random(7)
    held = 0
    for _ in range(200):
        days, missed = [], 0
        for _ in range(30):
            below = [draw.random() < 0.05 for _ in range(100)]
            audited = draw.sample(below, 3)
            days.append(an_audit(50, 100, 3, sum(audited)))
            missed += sum(below)
        truth = 50 * 30 / (50 * 30 + missed)
        told = recall(days)
        held += told.low <= truth <= told.high
    assert held >= 190


def test_triage_opens_only_where_it_is_certain_to_keep_too_little() -> None:
    assert not opens(recall([an_audit(50, 100, 3, 1)]), 0.9)
    assert opens(recall([an_audit(50, 100, 3, 1)] * 30), 0.9)
