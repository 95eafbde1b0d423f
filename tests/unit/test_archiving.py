"""What a digest writes into the archive, and calls for different days at the same time."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from functools import partial
from typing import Any
from weakref import WeakSet

import pytest

from arxiv_digest.lazily import Lazily
from arxiv_digest.models import Day, Digest, PapersOfDay
from arxiv_digest.rendering import render_json, render_papers, shared_files
from arxiv_digest.steps.archiving import Archiving
from tests.builders import DAY, a_digest, a_paper, a_profile, a_run, scored
from tests.memory import MemoryArchive, MemoryRuns


def a_digest_of(day: date, title: str = "", language: str = "en") -> Digest:
    """A digest of one paper, which has the day in its title."""
    paper = a_paper(title=title or f"Paper of {day}")
    return a_digest([(paper, scored(paper, 9))], a_profile(language=language), date=day)


class Place:
    """The archive and its index in memory."""

    def __init__(self) -> None:
        self.archive = MemoryArchive()
        self.runs = MemoryRuns(a_run(0), [])
        self.logged: list[str] = []

    def write(self, digest: Digest) -> None:
        archiving: Any = Archiving
        archiving(self.runs, self.archive, self.logged.append)(digest)

    def text(self, key: str) -> str:
        return self.archive.objects[key].decode()

    def meanwhile(self, when: int, other: Digest) -> list[int]:
        """Let another day be written whole before one of the accesses of the next call."""
        happened: list[int] = []
        left = when

        def before() -> None:
            nonlocal left
            left -= 1
            if left == -1:
                happened.append(when)
                self.write(other)

        self.archive.before = self.runs.before = before
        return happened


@pytest.mark.parametrize("apart", [1, -1, 31, -31])
def test_days_that_are_written_at_the_same_time_lose_nothing(apart: int) -> None:
    mine, others = a_digest_of(DAY), a_digest_of(DAY - timedelta(days=apart))
    interleaved = 0
    while True:
        place = Place()
        happened = place.meanwhile(interleaved, others)
        place.write(mine)
        if not happened:
            break
        interleaved += 1
        for day in (mine.date, others.date):
            for key in ("index.html", "feed.xml"):
                assert f"{day}/digest.html" in place.text(key), (key, interleaved)
            month = json.loads(place.text(f"papers/{day:%Y-%m}.json"))
            assert str(day) in {paper["date"] for paper in month["papers"]}, interleaved
            assert f"Paper of {day}" in place.text(f"search/{day:%Y-%m}.js"), interleaved
            assert f"Paper of {day}" in place.text("papers.xml"), interleaved
        newest = max(mine.date, others.date)
        assert json.loads(place.text("latest.json"))["date"] == str(newest), interleaved
    assert interleaved > 20, "it was interrupted at every access"


def test_a_day_that_is_made_again_meanwhile_is_told_as_it_is_in_the_end() -> None:
    place = Place()
    again = a_digest_of(DAY - timedelta(days=1), "Another paper")
    place.write(a_digest_of(again.date))
    for when in range(40):
        happened = place.meanwhile(when, again)
        place.write(a_digest_of(DAY))
        if happened:
            assert "Another paper" in place.text("search/2026-01.js"), when
            assert "Another paper" in place.text("papers.xml"), when


def test_a_day_that_is_disturbed_reads_again_only_what_changed() -> None:
    place = years(20)
    other = a_digest_of(DAY - timedelta(days=5), "Another paper")
    # After it has read what all days left.
    happened = place.meanwhile(35, other)
    place.write(a_digest_of(DAY))
    assert happened
    assert "Another paper" in place.text("papers.xml")
    # Twenty-one days and the other one's twenty-one; then the one that changed.
    assert place.archive.requests["read"] - 2 * 21 < 5


def test_written_twice_the_archive_is_the_same() -> None:
    place = Place()
    place.write(a_digest_of(DAY))
    before = dict(place.archive.objects)
    place.write(a_digest_of(DAY))
    assert place.archive.objects == before


def years(count: int) -> Place:
    """An archive of some days, the last of them the day before the tests' own."""
    place = Place()
    for ago in range(count, 0, -1):
        digest = a_digest_of(DAY - timedelta(days=ago))
        place.archive.objects[f"{digest.date}/papers.json"] = render_papers(digest)
        place.archive.objects[f"{digest.date}/digest.json"] = render_json(digest)
        place.runs.record_day(Day.of(digest))
    place.archive.requests.clear()
    place.archive.written.clear()
    return place


def test_what_a_day_writes_does_not_grow_with_the_years_but_for_its_line_of_the_index() -> None:
    cost: dict[int, tuple[Counter[str], Counter[str]]] = {}
    for count in (100, 1000):
        place = years(count)
        place.write(a_digest_of(DAY))
        cost[count] = (place.archive.requests, place.archive.written)
    requests, written = cost[1000]
    assert requests == cost[100][0]
    assert requests["read"] <= 31 + 30
    assert requests["tags"] <= 2 * 3
    index = written.pop("index.html")
    old_index = cost[100][1].pop("index.html")
    assert written == cost[100][1]
    assert (index - old_index) / 900 < 600, "bytes a day"


def test_a_day_touches_the_files_of_its_day_and_month_and_those_of_all_days() -> None:
    place = years(60)
    place.write(a_digest_of(DAY))
    own = {f"{DAY}/{name}" for name in ("papers.json",)} | {
        f"{DAY}/digest.{form}" for form in ("md", "html", "json", "bib", "ris")
    }
    month = {"papers/2026-01.json", "search/2026-01.js"}
    latest = {f"latest.{form}" for form in ("md", "html", "json")}
    shared = {"index.html", "feed.xml", "papers.xml", "robots.txt", "digest.schema.json"}
    assert set(place.archive.written) == own | month | latest | shared


def test_an_earlier_day_that_is_rebuilt_mends_its_month_and_leaves_the_newest() -> None:
    place = years(60)
    rebuilt = a_digest_of(DAY - timedelta(days=40), "A paper rebuilt")
    place.write(rebuilt)
    assert json.loads(place.text("latest.json"))["date"] == str(DAY - timedelta(days=1))
    assert "A paper rebuilt" in place.text(f"search/{rebuilt.date:%Y-%m}.js")
    assert "A paper rebuilt" in place.text("index.html")
    month = json.loads(place.text(f"papers/{rebuilt.date:%Y-%m}.json"))
    first = rebuilt.date.replace(day=1)
    kept = {DAY - timedelta(days=ago) for ago in range(1, 61)}
    assert {paper["date"] for paper in month["papers"]} == {
        str(day) for day in kept if day.replace(day=1) == first
    }


def test_a_file_of_another_version_costs_nobody_the_digest() -> None:
    place = Place()
    place.write(a_digest_of(DAY - timedelta(days=1)))
    place.archive.objects["2026-01-20/papers.json"] = b'{"schema_version": 2}'
    place.write(a_digest_of(DAY))
    assert "2026-01-20/papers.json is left out" in place.logged[0]
    assert len(json.loads(place.text("papers/2026-01.json"))["papers"]) == 2


def test_what_leads_to_a_file_is_written_after_it() -> None:
    place = Place()
    place.write(a_digest_of(DAY))
    keys = list(place.archive.written)
    assert keys[-1] == "index.html"
    assert keys.index(f"{DAY}/digest.html") < keys.index("feed.xml")


def test_a_months_papers_are_in_memory_one_day_after_the_other() -> None:
    digests = [a_digest_of(DAY - timedelta(days=number)) for number in range(10)]
    alive: WeakSet[PapersOfDay] = WeakSet()
    most = 0

    def read(digest: Digest) -> PapersOfDay:
        nonlocal most
        alive.add(made := PapersOfDay.of(digest))
        most = max(most, len(alive))
        return made

    days = [Day.of(digest) for digest in reversed(digests)]
    papers = Lazily({digest.date: partial(read, digest) for digest in digests})
    for key, body in shared_files(digests[0], digests[0], days, papers, "an archive"):
        assert body, key
    assert 0 < most <= 3


def test_no_search_engine_may_read_the_archive() -> None:
    digest = a_digest_of(DAY)
    days, papers = [Day.of(digest)], {DAY: PapersOfDay.of(digest)}
    files = dict(shared_files(digest, digest, days, papers, "an archive"))
    assert files["robots.txt"] == b"User-agent: *\nDisallow: /\n"


def test_the_shared_files_have_the_language_of_the_newest_digest() -> None:
    older = a_digest_of(DAY, language="zh")
    newest = a_digest_of(DAY + timedelta(days=1), language="en")
    digests = (older, newest)
    days = [Day.of(each) for each in digests]
    papers = {each.date: PapersOfDay.of(each) for each in digests}
    files = dict(shared_files(older, newest, days, papers, "an archive"))
    assert b'<html lang="en">' in files["index.html"]
    assert b'xml:lang="en"' in files["feed.xml"]


def test_the_feeds_tell_of_the_newest_days_alone() -> None:
    long_ago = a_digest_of(DAY)
    days = [Day.of(a_digest_of(DAY + timedelta(days=number))) for number in range(40)]
    newest = a_digest_of(days[-1].date)
    papers = {each.date: PapersOfDay.of(each) for each in (long_ago, newest)}
    files = dict(shared_files(long_ago, newest, days, papers, "an archive"))
    for name in ("feed.xml", "papers.xml"):
        assert f"{newest.date}/digest.html" in files[name].decode()
        assert f"{DAY}/digest.html" not in files[name].decode()
