"""The cut below a day's best papers, and what the audit of the others tells."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arxiv_digest.models import Audit
from arxiv_digest.triage import Cut, cut, opens, recall
from tests.unit.test_imports import PACKAGE, imported

ORDERS = st.integers(0, 60).flatmap(lambda count: st.permutations(range(count)))
SHARES = st.floats(0, 1)


def an_audit(kept: int, below: int, audited: int, found: int) -> Audit:
    return Audit(kept_recommended=kept, below_cut=below, audited=audited, audited_recommended=found)


@st.composite
def audits(draw: st.DrawFn) -> Audit:
    below = draw(st.integers(0, 200))
    audited = draw(st.integers(0, below))
    return an_audit(draw(st.integers(0, 80)), below, audited, draw(st.integers(0, audited)))


@given(ORDERS, SHARES, SHARES, st.text())
def test_each_paper_is_kept_audited_or_dropped(
    order: list[int], keep: float, audit: float, seed: str
) -> None:
    made = cut(order, keep, audit, seed)
    assert sorted([*made.kept, *made.audited, *made.dropped]) == list(range(len(order)))
    assert made == cut(order, keep, audit, seed), "the same seed draws the same sample"


@given(ORDERS, SHARES, SHARES)
def test_what_is_kept_is_the_best_share_rounded_up(
    order: list[int], keep: float, audit: float
) -> None:
    made = cut(order, keep, audit, "2026-01-22")
    assert set(made.kept) == set(order[: len(made.kept)])
    assert keep * len(order) - 1e-6 <= len(made.kept) < keep * len(order) + 1
    assert [made.ranks[paper] for paper in order] == list(range(1, len(order) + 1))


def test_everything_is_kept_when_triage_is_off_and_audited_when_all_is_asked() -> None:
    assert cut((2, 0, 1), 1.0, 0.03, "") == Cut((0, 1, 2), (), (), (2, 3, 1))
    assert cut((2, 0, 1), 0.3, 1.0, "") == Cut((2,), (0, 1), (), (2, 3, 1))


@given(
    st.permutations(range(12)),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sets(st.integers(0, 11)),
    st.text(max_size=3),
)
def test_what_is_always_kept_is_kept_at_nobodys_cost(
    order: list[int], keep: float, audit: float, always: set[int], seed: str
) -> None:
    plain, made = cut(order, keep, audit, seed), cut(order, keep, audit, seed, always)
    assert set(made.kept) == set(plain.kept) | always
    assert sorted((*made.kept, *made.audited, *made.dropped)) == list(range(12))
    assert made.ranks == plain.ranks


def test_a_share_that_floating_point_puts_above_a_whole_number_is_that_number() -> None:
    assert 0.07 * 100 > 7
    assert len(cut(range(100), 0.07, 0, "").kept) == 7


def test_the_audited_share_is_exact_over_many_days_and_looks_at_no_rank() -> None:
    made = [cut(range(90), 0.5, 0.03, f"day {number}") for number in range(4000)]
    drawn = [paper for day in made for paper in day.audited]
    assert sum(len(day.audited) for day in made) / (45 * 4000) == pytest.approx(0.03, rel=0.03)
    assert sum(drawn) / len(drawn) == pytest.approx((45 + 89) / 2, rel=0.02)


@given(st.lists(audits(), max_size=30))
def test_the_interval_holds_the_estimate_and_lies_within_the_possible(days: list[Audit]) -> None:
    found = recall(days)
    assert 0 <= found.low <= found.high <= 1
    assert found.days == len(days)
    if found.estimate is not None:
        assert found.low - 1e-9 <= found.estimate <= found.high + 1e-9


@given(st.lists(audits(), min_size=1, max_size=5))
def test_where_everything_was_scored_recall_is_known(days: list[Audit]) -> None:
    days = [day.model_copy(update={"audited": day.below_cut}) for day in days]
    found = recall(days)
    kept = sum(day.kept_recommended for day in days)
    missed = sum(day.audited_recommended for day in days)
    if kept + missed:
        assert found.low == found.high == found.estimate == kept / (kept + missed)
    else:
        assert (found.estimate, found.low, found.high) == (None, 0, 1)


def test_without_an_audit_nothing_is_known_but_the_possible() -> None:
    assert tuple(recall([]).model_dump().values()) == (None, 0, 1, 0, 0)
    assert tuple(recall([an_audit(30, 90, 0, 0)]).model_dump().values()) == (None, 0.25, 1, 1, 0)


def test_the_interval_is_that_of_clopper_and_pearson_where_the_draw_is_small() -> None:
    # 3 of 100: the textbook's interval is 0.62 % to 8.52 %.
    found = recall([an_audit(1000, 1_000_000, 100, 3)])
    misses = [1000 * (1 / share - 1) / 1_000_000 for share in (found.high, found.low)]
    assert misses == pytest.approx([0.0062, 0.0852], abs=1e-4)
    # None of 100: the upper end has the closed form 1 - 0.025 ** (1 / 100).
    none = recall([an_audit(1000, 1_000_000, 100, 0)])
    assert none.high == 1
    assert 1000 * (1 / none.low - 1) / 1e6 == pytest.approx(1 - 0.025 ** (1 / 100), abs=1e-4)


@pytest.mark.parametrize(("audit", "missed"), [(0.03, 3), (0.03, 12), (0.1, 6), (0.5, 2)])
def test_the_interval_covers_the_truth_as_often_as_it_promises(audit: float, missed: int) -> None:
    chance = random.Random(7)
    trials, kept, below, days = 400, 50, 120, 10
    truth = kept / (kept + missed)
    covered = 0
    for trial in range(trials):
        seen = []
        for day in range(days):
            recommended = set(chance.sample(range(below), missed))
            drawn = cut(range(below), 0.0, audit, f"{trial} {day}").audited
            seen.append(an_audit(kept, below, len(drawn), len(recommended & set(drawn))))
        found = recall(seen)
        covered += found.low - 1e-9 <= truth <= found.high + 1e-9
    assert covered / trials >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / trials)


def test_triage_opens_only_when_even_the_upper_end_is_below_the_floor() -> None:
    month_of_losses = [an_audit(20, 100, 3, 1) for _ in range(30)]
    month_without = [an_audit(40, 100, 3, 0) for _ in range(30)]
    assert opens(recall(month_of_losses), 0.9)
    assert not opens(recall(month_without), 0.9)
    assert not opens(recall([]), 1.0), "nothing audited is no evidence"
    assert not opens(recall(month_of_losses[:1]), 0.9), "one paper of three is none either"


def test_triage_and_its_audit_need_nothing_that_takes_seconds_to_import() -> None:
    modules = {module.partition(".")[0] for module in imported(PACKAGE / "triage.py")}
    assert not modules & {"sklearn", "scipy", "numpy"}
