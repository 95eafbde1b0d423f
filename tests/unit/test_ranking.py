"""Outcomes as a digest: the ledger, the order, the kind of day."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from arxiv_digest.models import Failed, FeedReading, Ledger, Tokens, Triaged, Verdict
from arxiv_digest.ranking import make_digest
from tests.builders import DAY, NOW, a_digest, a_paper, a_profile, a_run, papers, scored

FIELDS = ["Pruning", "Agents", None, "No field of the profile"]


@given(
    st.lists(
        st.none()
        | st.just("failed")
        | st.just("triaged")
        | st.tuples(st.floats(min_value=0, max_value=10), st.sampled_from(FIELDS))
    )
)
def test_the_ledger_adds_up_and_every_paper_stands_in_the_digest_once(
    outcomes: list[object],
) -> None:
    listed = papers(len(outcomes))
    found = []
    for paper, outcome in zip(listed, outcomes, strict=True):
        if isinstance(outcome, tuple):
            found.append((paper, scored(paper, outcome[0], outcome[1])))
        elif outcome == "failed":
            found.append((paper, Failed(paper_id=paper.id, reason="broken")))
        elif outcome == "triaged":
            found.append((paper, Triaged(paper_id=paper.id, rank=1)))
        else:
            found.append((paper, None))
    digest = a_digest(found)
    ledger = digest.ledger
    assert ledger.announced == len(listed) == ledger.scored + ledger.triaged + ledger.failed
    shown = [entry.paper for section in digest.sections for entry in section.papers]
    shown += [entry.paper for entry in digest.below]
    shown += [entry.paper for entry in (*digest.triaged, *digest.failed)]
    assert sorted(paper.id for paper in shown) == [paper.id for paper in listed]
    assert {section.field for section in digest.sections} <= {"Pruning", "Agents", None}


def test_papers_stand_by_score_then_announcement_and_fields_by_their_best_paper() -> None:
    one, two, three, four, five = papers(5)
    digest = a_digest(
        [
            (one, scored(one, 8, "Agents")),
            (two, scored(two, 9, "Pruning")),
            (three, scored(three, 8, "Pruning")),
            (four, scored(four, 6.9, "Pruning")),
            (five, scored(five, 9, "Agents")),
        ]
    )
    assert [
        (section.field, [entry.paper.id for entry in section.papers]) for section in digest.sections
    ] == [("Pruning", [two.id, three.id]), ("Agents", [five.id, one.id])]
    assert [entry.paper.id for entry in digest.below] == [four.id]
    assert digest.best is not None
    assert digest.best.paper == two


def test_a_paper_at_the_threshold_is_recommended() -> None:
    paper = a_paper()
    assert a_digest([(paper, scored(paper, 7))]).recommended == 1
    assert a_digest([(paper, scored(paper, 6.99))]).recommended == 0


def test_a_field_that_the_profile_does_not_have_is_not_shown_as_one() -> None:
    paper = a_paper()
    digest = a_digest([(paper, scored(paper, 9, "Astrology"))])
    assert [section.field for section in digest.sections] == [None]


def test_a_paper_without_outcome_has_failed_with_its_batchs_last_trouble() -> None:
    one, two = papers(2)
    digest = make_digest(
        a_run(2), a_profile(), [one, two], {}, Tokens(), NOW, {one.id: "answered 503"}
    )
    assert [entry.reason for entry in digest.failed] == ["answered 503", ""]


def test_a_run_whose_papers_are_not_all_there_is_refused() -> None:
    with pytest.raises(ValidationError, match="announced 2 is not scored 0"):
        make_digest(a_run(2), a_profile(), [a_paper()], {}, Tokens(), NOW, {})


@given(*[st.integers(min_value=0, max_value=9)] * 4)
def test_a_ledger_that_does_not_add_up_cannot_be_made(
    announced: int, scored_papers: int, triaged: int, failed: int
) -> None:
    values = {
        "announced": announced,
        "scored": scored_papers,
        "triaged": triaged,
        "failed": failed,
    }
    if announced == scored_papers + triaged + failed:
        assert Ledger(**values).announced == announced
    else:
        with pytest.raises(ValidationError):
            Ledger(**values)


def test_the_title_is_dated_by_the_readers_morning_or_by_the_announcements_long_after() -> None:
    profile = a_profile(time_zone="Asia/Shanghai")
    made = {
        made_at: make_digest(a_run(0, started_at=made_at), profile, [], {}, Tokens(), made_at, {})
        for made_at in (
            datetime(2026, 1, 22, 5, 30, tzinfo=UTC),
            datetime(2026, 1, 22, 16, 30, tzinfo=UTC),
            datetime(2026, 3, 1, 16, 30, tzinfo=UTC),
        )
    }
    assert [digest.title_date for digest in made.values()] == [
        date(2026, 1, 22),
        date(2026, 1, 23),
        date(2026, 1, 22),
    ]
    assert [str(digest.made_at)[:16] for digest in made.values()][:1] == ["2026-01-22 13:30"]
    next_morning = datetime(2026, 1, 22, 16, 30, tzinfo=UTC)
    again = make_digest(a_run(0), profile, [], {}, Tokens(), next_morning, {})
    assert again.title_date == DAY, "made again, it is the digest of its own morning still"
    run = a_run(0, rebuilt=True, started_at=next_morning)
    west = make_digest(
        a_run(0, started_at=datetime(2026, 1, 22, 5, 30, tzinfo=UTC)),
        a_profile(time_zone="America/Los_Angeles"),
        [],
        {},
        Tokens(),
        next_morning,
        {},
    )
    assert west.title_date == DAY, "the evening before is no morning"
    rebuilt = make_digest(run, profile, [], {}, Tokens(), next_morning, {})
    assert rebuilt.title_date == DAY, "that morning has a digest of its own"


def feed(state: str) -> FeedReading:
    return FeedReading(category="cs.LG", state=state, date=DAY)


@pytest.mark.parametrize(
    ("states", "seen_before", "verdict"),
    [
        (["empty", "empty"], 0, Verdict.NOTHING_ANNOUNCED),
        (["fresh", "empty"], 0, Verdict.NOTHING_NEW),
        (["fresh"], 5, Verdict.NOTHING_NEW),
        (["empty", "unreachable"], 0, Verdict.FEEDS_UNREADABLE),
        (["cut-off"], 0, Verdict.FEEDS_UNREADABLE),
        (["stale"], 0, Verdict.FEEDS_UNREADABLE),
        (["empty", "late"], 3, Verdict.NOTHING_NEW),
        (["empty", "approximate"], 0, Verdict.NOTHING_NEW),
        (["approximate", "unreachable"], 0, Verdict.FEEDS_UNREADABLE),
    ],
)
def test_a_day_without_papers_says_which_kind_it_was(
    states: list[str], seen_before: int, verdict: Verdict
) -> None:
    feeds = tuple(map(feed, states))
    assert a_digest([], feeds=feeds, seen_before=seen_before).verdict is verdict


def test_a_day_with_papers_says_whether_any_was_good_or_scored_at_all() -> None:
    paper = a_paper()
    failed = Failed(paper_id=paper.id, reason="broken")
    assert a_digest([(paper, scored(paper, 9))]).verdict is Verdict.RECOMMENDED
    assert a_digest([(paper, scored(paper, 2))]).verdict is Verdict.NOTHING_ABOVE_THRESHOLD
    assert a_digest([(paper, failed)]).verdict is Verdict.SCORING_FAILED
