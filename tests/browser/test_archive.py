"""The archive's front page in a browser, opened as a file as after ``aws s3 sync``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from arxiv_digest.models import Day, Digest, PapersOfDay
from arxiv_digest.rendering import day_files, render_index, render_search, shared_files
from tests.browser.conftest import Tab, Tabs
from tests.builders import a_digest, a_paper, a_profile, scored
from tests.unit.test_archive_pages import weekdays

DAYS = [date(2025, 11, 28), date(2025, 12, 31), date(2026, 1, 20), date(2026, 1, 22)]
HOSTILE = "<img src=x onerror=alert(1)> </script> \u2028 & Gómez"


def a_day(day: date, language: str) -> Digest:
    title = HOSTILE if day == DAYS[0] else f"Trimming on {day}"
    paper = a_paper(id="astro-ph/0601001", title=title, authors=("José Peña",))
    listed = [paper, *(a_paper(n, title=f"Agents, part {n}") for n in range(60))]
    pairs = [(each, scored(each, 9 if each is paper else 3)) for each in listed]
    if day == DAYS[2]:
        pairs[0] = (paper, pairs[0][1].model_copy(update={"second_field": "Agents"}))
    return a_digest(pairs, a_profile(language=language), date=day)


BOTH = pytest.mark.parametrize("archive", ["zh", "en"], indirect=True)


@pytest.fixture(scope="module")
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four days in three months."""
    folder = tmp_path_factory.mktemp("archive")
    digests = [a_day(day, getattr(request, "param", "en")) for day in DAYS]
    days = [Day.of(digest) for digest in digests]
    papers = {digest.date: PapersOfDay.of(digest) for digest in digests}
    files: dict[str, bytes] = {}
    for digest in digests:
        month = f"{digest.date:%Y-%m}"
        of_month = [day for day in papers.values() if f"{day.date:%Y-%m}" == month]
        search = render_search(month, of_month)
        files |= {**dict(day_files(digest)), f"search/{month}.js": search}
    files |= dict(shared_files(digests[-1], digests[-1], days, papers, "an archive"))
    for key, body in files.items():
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    return folder


Opened = Callable[..., Page]


@pytest.fixture
def opened(tabs: Tabs, archive: Path) -> Iterator[Opened]:
    """The front page as a file, with what it asked for, refused or said held to nothing."""
    opened: list[Tab] = []

    def open_page(fragment: str = "", **settings: Any) -> Page:
        tab = take(**settings)
        opened.append(tab)
        tab.page.goto(f"{archive.as_uri()}/index.html{fragment}")
        return tab.page

    with tabs.used() as take:
        yield open_page
        for tab in opened:
            assert tab.said + tab.errors == []
            assert [u for u in tab.requests if not u.startswith((archive.as_uri(), "data:"))] == []


@BOTH
def test_axe_finds_nothing(axe: Callable[..., None], archive: Path) -> None:
    axe((archive / "index.html").read_text("utf-8"))


def test_axe_finds_nothing_in_earlier_years(axe: Callable[..., None]) -> None:
    open_all = "document.querySelectorAll('details').forEach(year => year.open = true)"
    axe(render_index(weekdays(200)[::10], "en"), lambda page: page.evaluate(open_all))


def results(page: Page) -> Any:
    return page.locator(".search li a")


def test_nothing_is_loaded_before_the_reader_searches(opened: Opened) -> None:
    page = opened()
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
    assert page.evaluate("document.querySelectorAll('script[src]').length") == 0
    expect(page.locator(".search")).to_be_visible()


def test_a_search_finds_papers_in_every_month_and_leads_to_their_place(opened: Opened) -> None:
    page = opened()
    page.fill("#query", "trim on")
    expect(results(page)).to_have_count(3)
    expect(page.locator("[role=status]")).to_contain_text("3")
    assert [link.split(" on ")[1] for link in results(page).all_inner_texts()] == [
        "2026-01-22",
        "2026-01-20",
        "2025-12-31",
    ]
    results(page).first.click()
    page.wait_for_url("**/2026-01-22/digest.html#*")
    assert page.evaluate("document.querySelector(':target')?.id") == "astro-ph/0601001"


def test_a_search_finds_a_paper_by_its_second_field_too(opened: Opened) -> None:
    page = opened()
    page.fill("#query", "trimming agents")
    expect(results(page)).to_have_text(["Trimming on 2026-01-20"])
    expect(page.locator(".search li p")).to_have_text(
        "2026-01-20 · 9.0 · Pruning, Agents · José Peña"
    )


def test_a_hostile_title_is_text_and_is_found_without_accents(opened: Opened) -> None:
    page = opened()
    page.fill("#query", "GOMEZ pena")
    expect(results(page)).to_have_count(1)
    assert results(page).text_content() == HOSTILE
    assert page.locator(".search img").count() == 0


def test_a_search_stops_at_what_can_be_looked_through_and_goes_on_when_asked(
    opened: Opened,
) -> None:
    page = opened()
    page.fill("#query", "agents part")
    more = page.locator(".search button")
    for found in (50, 100, 150, 200):
        expect(results(page)).to_have_count(found)
        expect(more).to_be_visible()
        more.click()
    expect(results(page)).to_have_count(240)
    expect(more).to_be_hidden()
    page.fill("#query", "nobody wrote this")
    expect(results(page)).to_have_count(0)
    expect(page.locator("[role=status]")).to_contain_text("3")


def test_a_month_whose_index_is_missing_is_named(
    tab: Callable[..., Page], archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_bytes((archive / "index.html").read_bytes())
    page = tab()
    page.goto(f"{tmp_path.as_uri()}/index.html")
    page.fill("#query", "pruning")
    expect(page.locator("[role=status]")).to_contain_text("2026-01, 2025-12, 2025-11")


def test_the_calendar_leads_to_a_day(opened: Opened) -> None:
    page = opened()
    page.locator(".month a").first.click()
    page.wait_for_url("**/2026-01-20/digest.html")


@pytest.mark.parametrize(
    ("fragment", "day"),
    [
        ("#before-2026-01-22", "2026-01-20"),
        ("#before-2026-01-20", "2025-12-31"),
        ("#after-2025-11-28", "2025-12-31"),
        ("#after-2026-01-01", "2026-01-20"),
    ],
)
def test_a_fragment_leads_to_the_day_beside_at_once(
    opened: Opened, fragment: str, day: str
) -> None:
    page = opened(fragment)
    page.wait_for_url(f"**/{day}/digest.html")
    page.go_back()
    assert page.url == "about:blank", "going back does not lead here again"


@pytest.mark.parametrize("fragment", ["#after-2026-01-22", "#before-2025-11-28", "#before-x'\"<"])
def test_where_there_is_no_day_beside_the_front_page_stays(opened: Opened, fragment: str) -> None:
    page = opened(fragment)
    page.wait_for_timeout(100)
    assert page.locator("table.days").count() == 1


def test_without_scripts_a_fragment_shows_the_days_row_and_no_search(opened: Opened) -> None:
    for way in ("before", "after"):
        page = opened(
            f"#{way}-2025-11-28",
            java_script_enabled=False,
            viewport={"width": 600, "height": 300},
        )
        expect(page.locator("#before-2025-11-28")).to_be_in_viewport()
        expect(page.locator(".search")).to_be_hidden()
        assert page.locator(".month a").count() == 4


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_width_scrolls_sideways(opened: Opened, width: int) -> None:
    page = opened(viewport={"width": width, "height": 800})
    page.fill("#query", "trimming")
    expect(results(page)).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for table in page.locator("table").all():
        box = table.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width


def test_dark_and_light_are_the_readers_choice_with_text_that_can_be_read(opened: Opened) -> None:
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        colours = page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll("td[class^=s]")]
                .map((e) => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color])"""
        )
        assert all(contrast(page, *pair) >= 4.5 for pair in colours), (scheme, colours)
        dark = luminance(page, colours[0][0]) < 0.5
        assert dark is (scheme == "dark")


def luminance(page: Page, colour: str) -> float:
    """A colour's relative luminance (WCAG 2.2), as the browser draws it."""
    drawn = page.evaluate(
        """(colour) => {
            const context = document.createElement("canvas").getContext("2d");
            context.fillStyle = colour;
            context.fillRect(0, 0, 1, 1);
            return Array.from(context.getImageData(0, 0, 1, 1).data);
        }""",
        colour,
    )
    red, green, blue = (
        c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4
        for c in drawn[:3]
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(page: Page, one: str, other: str) -> float:
    low, high = sorted((luminance(page, one), luminance(page, other)))
    return (high + 0.05) / (low + 0.05)
