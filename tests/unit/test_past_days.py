"""Days that are over: when their papers were submitted, and what the export API says of them."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arxiv_digest.announcements import (
    ApiPage,
    SubmissionWindow,
    joined,
    parse_api_page,
    submission_window,
)
from arxiv_digest.models import AnnounceType, FeedState
from arxiv_digest.troubles import in_language
from tests.builders import DAY, a_paper, papers
from tests.export_api import page, refusal


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("announced", "start", "end"),
    [
        # A week of winter: 14:00 US Eastern is 19:00 UTC.
        ("2026-01-19", "2026-01-15 19:00", "2026-01-16 19:00"),
        ("2026-01-20", "2026-01-16 19:00", "2026-01-19 19:00"),
        ("2026-01-21", "2026-01-19 19:00", "2026-01-20 19:00"),
        ("2026-01-22", "2026-01-20 19:00", "2026-01-21 19:00"),
        ("2026-01-23", "2026-01-21 19:00", "2026-01-22 19:00"),
        # Clocks go forward on Sunday 8 March 2026, and back on Sunday 1 November.
        ("2026-03-09", "2026-03-05 19:00", "2026-03-06 19:00"),
        ("2026-03-10", "2026-03-06 19:00", "2026-03-09 18:00"),
        ("2026-03-11", "2026-03-09 18:00", "2026-03-10 18:00"),
        ("2026-11-02", "2026-10-29 18:00", "2026-10-30 18:00"),
        ("2026-11-03", "2026-10-30 18:00", "2026-11-02 19:00"),
        ("2026-11-04", "2026-11-02 19:00", "2026-11-03 19:00"),
    ],
)
def test_a_date_announces_what_was_submitted_by_arxivs_schedule(
    announced: str, start: str, end: str
) -> None:
    window = submission_window(dt.date.fromisoformat(announced))
    assert window == SubmissionWindow(utc(start), utc(end))


@pytest.mark.parametrize("weekend", ["2026-01-24", "2026-01-25"])
def test_nothing_is_announced_on_a_weekend(weekend: str) -> None:
    assert submission_window(dt.date.fromisoformat(weekend)) is None


@given(st.dates(dt.date(1995, 1, 1), dt.date(2090, 1, 1)), st.integers(1, 400))
def test_the_windows_of_the_days_follow_each_other_without_gap_or_overlap(
    first: dt.date, count: int
) -> None:
    days = (first + dt.timedelta(number) for number in range(count))
    windows = [window for day in days if (window := submission_window(day))]
    for before, after in itertools.pairwise(windows):
        assert before.start < before.end == after.start


@pytest.mark.parametrize(
    ("name", "count", "total"),
    [
        ("search-20-entries", 20, 364_218),
        ("search-100-entries", 100, 214_881),
        ("old-style-id", 1, 1),
        ("no-results", 0, 0),
    ],
)
def test_real_answers_are_read_whole(digest_data: Path, name: str, count: int, total: int) -> None:
    read = parse_api_page((digest_data / f"api/{name}.xml").read_bytes(), "cs.LG", DAY)
    assert (read.total, read.entries, len(read.papers)) == (total, count, count)
    assert (read.unreadable, read.trouble, read.refusal) == ((), "", "")
    assert {paper.announced for paper in read.papers} <= {DAY}


def test_a_paper_is_new_in_its_primary_category_and_a_cross_list_in_others(
    digest_data: Path,
) -> None:
    content = (digest_data / "api/search-20-entries.xml").read_bytes()
    for category, new in [("cs.LG", 9), ("cs.CL", 5), ("hep-th", 0)]:
        kinds = [paper.announce_type for paper in parse_api_page(content, category, DAY).papers]
        assert kinds.count(AnnounceType.NEW) == new, category
        assert kinds.count(AnnounceType.CROSS) == 20 - new, category


def test_a_later_version_is_no_replacement_and_keeps_its_number() -> None:
    read = parse_api_page(page([a_paper(version=3)], 1), "cs.LG", DAY)
    assert [(paper.version, paper.announce_type) for paper in read.papers] == [(3, "new")]


@pytest.mark.parametrize(
    "element",
    ["", "<arxiv:primary_category/>", "<arxiv:primary_category>cs.CV</arxiv:primary_category>"],
)
def test_without_a_primary_category_the_first_one_counts(element: str) -> None:
    listed = a_paper(categories=("cs.LG", "cs.CV"))
    content = page([listed], 1).replace(b'<arxiv:primary_category term="cs.LG"/>', element.encode())
    for category, kind in [("cs.LG", "new"), ("cs.CV", "cross")]:
        [found] = parse_api_page(content, category, DAY).papers
        assert found.announce_type == kind


def test_an_error_is_a_refusal_in_arxivs_words() -> None:
    read = parse_api_page(refusal("start must be an integer"), "cs.LG", DAY)
    assert read == ApiPage(0, 0, (), (), refusal="start must be an integer")


def test_an_entry_that_cannot_be_read_is_named_and_the_others_are_kept() -> None:
    good, other = papers(2)
    content = page([good, other], 2).replace(b"<title>Paper 2 on things</title>", b"<title/>")
    read = parse_api_page(content, "cs.LG", DAY)
    assert (read.entries, [paper.id for paper in read.papers]) == (2, [good.id])
    assert read.unreadable == (f"{other.id}: no title",)


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"", "not a feed"),
        (b"<html><body>503</body></html>", "not a feed"),
        (b"\xff\xfe\x00", "not a feed"),
        (page(papers(2), 2).replace(b">2</open", b">many</open"), "does not say how many papers"),
        (page(papers(2), 2).replace(b">2</open", b">-1</open"), "does not say how many papers"),
        (page(papers(2), 2)[:-300], "breaks off"),
    ],
)
def test_an_answer_that_is_not_whole_says_so(content: bytes, trouble: str) -> None:
    assert trouble in parse_api_page(content, "cs.LG", DAY).trouble


def test_of_an_answer_that_breaks_off_the_last_entry_is_not_trusted() -> None:
    read = parse_api_page(page(papers(3), 3)[:-300], "cs.LG", DAY)
    assert [paper.id for paper in read.papers] == ["2601.00001", "2601.00002"]
    assert "2601.00003" in read.unreadable[0]


@given(st.binary(max_size=300), st.integers(0, 900))
def test_nothing_in_an_answer_raises(noise: bytes, place: int) -> None:
    whole = page(papers(1), 1)
    read = parse_api_page(whole[:place] + noise + whole[place:], "cs.LG", DAY)
    assert len(read.papers) + len(read.unreadable) <= max(read.entries, 1)


def a_page(*numbers: int, **changed: object) -> ApiPage:
    listed = tuple(a_paper(number) for number in numbers)
    return ApiPage(3, len(listed), listed, ())._replace(**changed)  # type: ignore[arg-type]


def test_pages_become_one_feed_and_a_paper_on_two_of_them_counts_once() -> None:
    feed = joined("cs.LG", DAY, [a_page(1, 2), a_page(2, 3, unreadable=("x: no title",))])
    assert [paper.id for paper in feed.papers] == ["2601.00001", "2601.00002", "2601.00003"]
    assert (feed.reading.state, feed.reading.date) == (FeedState.APPROXIMATE, DAY)
    assert (feed.reading.items, feed.reading.unreadable) == (3, ("x: no title",))


def test_pages_that_are_not_all_there_are_a_feed_cut_off() -> None:
    some = joined("cs.LG", DAY, [a_page(1)], "HTTP 503")
    none = joined("cs.LG", DAY, [], "HTTP 503")
    assert (some.reading.state, none.reading.state) == (FeedState.CUT_OFF, FeedState.UNREACHABLE)
    assert (some.reading.date, none.reading.date) == (DAY, None)
    for feed in (some, none):
        assert feed.reading.detail == "arXiv's export API: HTTP 503"
        assert in_language(feed.reading.detail, "zh") == "arXiv 的 export API：HTTP 状态 503"
