"""What the page of a day does in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from arxiv_digest.models import Failed, FeedReading, Paper, Triaged
from arxiv_digest.rendering import render_page
from arxiv_digest.rendering.citations import bibtex
from tests.browser.conftest import Visiting
from tests.builders import DAY, a_digest, a_paper, a_profile, scored
from tests.unit.test_golden import seed_digest
from tests.unit.test_intruders import HOSTILE

BEST = a_paper(5, title="Experts $x_1$ of Gutiérrez", categories=("cs.LG", "cs.CV"))
GOOD = a_paper(2, title="Agents browse", authors=("Zoë Zimmer",), categories=("cs.AI",))
LOW = a_paper(3, title="Zebra counting", abstract="Stripes.", categories=("cs.CV",))
TRIAGED = a_paper(4, title="A triaged paper")
FAILED = a_paper(1, title="Failed again")
EVERYTHING = (FAILED, GOOD, LOW, TRIAGED, BEST)
"""In the order of announcement."""


def a_page(language: str = "en") -> str:
    digest = a_digest(
        [
            (FAILED, Failed(paper_id=FAILED.id, reason="refused")),
            (GOOD, scored(GOOD, 8, "Agents", "It clicks.")),
            (LOW, scored(LOW, 3, "Agents", "Off the subject.")),
            (TRIAGED, Triaged(paper_id=TRIAGED.id, rank=1)),
            (BEST, scored(BEST, 9.5, "Pruning")),
        ],
        a_profile(language=language),
        feeds=(FeedReading(category="cs.XY", state="stale", date=DAY),),
    )
    return render_page(digest)


def ids(page: Page) -> list[str]:
    """The papers that can be seen, in their order."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('article')].filter(a => a.checkVisibility()).map(a => a.id)"
    )
    return found


def of(*papers: Paper) -> list[str]:
    return [paper.id for paper in papers]


def counted(page: Page) -> str:
    return page.locator("output").inner_text()


def test_at_first_it_shows_what_is_recommended_and_what_failed(visit: Visiting) -> None:
    page = visit(a_page()).page
    assert ids(page) == of(BEST, GOOD, FAILED)
    assert counted(page) == "Shown: 3 of 5"
    page.locator("#below summary").first.click()
    expect(page.locator("output")).to_have_text("Shown: 4 of 5")
    assert ids(page) == of(BEST, GOOD, FAILED, LOW)


SEARCHES = {
    "zebra": (LOW,),
    "AGENTS  clicks": (GOOD,),
    "zoe zimmer": (GOOD,),
    "stripes": (LOW,),
    "subject": (LOW,),
    "gutierrez": (BEST,),
    "x_1": (BEST,),
    "2601.00004": (TRIAGED,),
    "zebra clicks": (),
    "copy bibtex": (),
}


def test_a_search_finds_every_word_in_everything_that_was_read(visit: Visiting) -> None:
    page = visit(a_page()).page
    for query, found in SEARCHES.items():
        page.fill("#query", query)
        assert ids(page) == of(*found), query
        assert counted(page) == f"Shown: {len(found)} of 5"
        assert page.locator("#nothing").is_visible() == (not found)
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("output")).to_have_text("Shown: 3 of 5")
    assert page.input_value("#query") == ""
    assert ids(page) == of(BEST, GOOD, FAILED)


def test_filters_show_what_meets_all_of_them(visit: Visiting) -> None:
    page = visit(a_page()).page
    for field, category, score, found in (
        ("Agents", "Every category", "", (GOOD, LOW)),
        ("Every field", "cs.CV", "", (BEST, LOW)),
        ("Every field", "Every category", "3", (BEST, GOOD, LOW)),
        ("Every field", "Every category", "3.5", (BEST, GOOD)),
        ("Agents", "cs.CV", "1", (LOW,)),
        ("Pruning", "cs.AI", "", ()),
    ):
        page.get_by_label("Field", exact=True).select_option(label=field)
        page.get_by_label("Category").select_option(label=category)
        page.get_by_label("Lowest score").fill(score)
        assert ids(page) == of(*found), (field, category, score)


def test_a_paper_of_two_fields_is_found_under_both_and_by_what_steered_it(visit: Visiting) -> None:
    both = scored(BEST, 9.5, "Pruning").model_copy(update={"second_field": "Agents"})
    digest = a_digest(
        [(BEST, both), (LOW, scored(LOW, 3, "Pruning"))],
        a_profile(follow={"phrases": ["gutierrez", "experts"]}),
    )
    page = visit(render_page(digest)).page
    for field, found in (("Pruning", (BEST, LOW)), ("Agents", (BEST,))):
        page.get_by_label("Field", exact=True).select_option(label=field)
        assert ids(page) == of(*found), field
    page.fill("#query", "followed phrase")
    assert ids(page) == of(BEST)


def test_papers_stand_in_another_order_in_one_list(visit: Visiting) -> None:
    page = visit(a_page()).page
    for order, found in (
        ("By score", (BEST, GOOD, LOW, FAILED, TRIAGED)),
        ("As announced", EVERYTHING),
        ("By title", (TRIAGED, GOOD, BEST, FAILED, LOW)),
    ):
        page.get_by_label("Order").select_option(label=order)
        assert ids(page) == of(*found)
        assert counted(page) == "Shown: 5 of 5"
    page.get_by_label("Order").select_option(label="By field")
    assert ids(page) == of(BEST, GOOD, FAILED)


def test_what_is_chosen_stands_in_the_address_and_comes_back_from_it(visit: Visiting) -> None:
    page = visit(a_page()).page
    page.get_by_label("Order").select_option(label="By title")
    page.fill("#query", "zebra & 50%")
    expect(page).to_have_url(re.compile(r"page\.html#\?q=zebra\+%26\+50%25&sort=title$"))
    page.fill("#query", "zebra")
    expect(page).to_have_url(re.compile(r"page\.html#\?q=zebra&sort=title$"))
    again = visit(a_page(), page.url[page.url.index("#") :]).page
    assert ids(again) == of(LOW)
    assert again.locator("#all").is_visible()
    again.get_by_role("button", name="Reset").click()
    expect(again).to_have_url(re.compile(r"page\.html$"))


def test_an_address_with_nonsense_in_it_shows_the_day(visit: Visiting) -> None:
    for fragment in ("#?field=9&__proto__=1&sort=x&score=abc&elements=1", "#%E0%A4%A", "#nothing"):
        page = visit(a_page(), fragment).page
        assert page.locator(".controls").is_visible()
        assert page.locator("article").count() == 5


@pytest.mark.parametrize("paper", [GOOD, LOW, TRIAGED], ids=lambda paper: paper.title)
def test_a_permalink_opens_where_its_paper_is_folded_away(visit: Visiting, paper: Paper) -> None:
    page = visit(a_page(), f"#{paper.id}").page
    assert paper.id in ids(page)
    assert page.evaluate("document.activeElement.id") == paper.id


def test_a_permalink_shows_its_paper_whatever_is_filtered(visit: Visiting) -> None:
    page = visit(a_page(), "#?q=agents").page
    page.evaluate(f"location.hash = '#{LOW.id}'")
    expect(page.locator(f"[id='{LOW.id}']")).to_be_focused()
    assert LOW.id in ids(page)
    assert page.input_value("#query") == ""
    link = page.locator(f"[id='{LOW.id}'] .permalink")
    assert link.is_visible()
    assert link.get_attribute("href") == f"#{LOW.id}"


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_keys_go_through_the_papers_that_are_shown(visit: Visiting) -> None:
    page = visit(a_page()).page
    seen = []
    for key in "jjjjkk":
        page.keyboard.press(key)
        seen.append(focused(page))
    assert seen == of(BEST, GOOD, FAILED, FAILED, GOOD, BEST)
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("a")
    assert page.locator(f"[id='{BEST.id}'] details").evaluate("element => element.open")
    page.keyboard.press("a")
    assert not page.locator(f"[id='{BEST.id}'] details").evaluate("element => element.open")


def test_keys_search_help_and_leave(visit: Visiting) -> None:
    page = visit(a_page()).page
    page.keyboard.press("/")
    assert focused(page) == "query"
    page.keyboard.type("jack ?/")
    assert page.input_value("#query") == "jack ?/"
    page.keyboard.press("Escape")
    assert focused(page) != "query"
    assert page.input_value("#query") == "jack ?/"
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keyboard").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()


def test_a_key_opens_the_abstract_page_of_the_paper(visit: Visiting) -> None:
    page = visit(a_page()).page
    page.evaluate("addEventListener('click', e => {e.preventDefault(); window.to = e.target.href})")
    page.keyboard.press("o")
    page.keyboard.press("j")
    page.keyboard.press("o")
    assert page.evaluate("window.to") == BEST.link


def test_keys_with_others_held_and_keys_switched_off_do_nothing(visit: Visiting) -> None:
    page = visit(a_page()).page
    for key in ("Control+j", "Alt+j", "Meta+j"):
        page.keyboard.press(key)
        assert focused(page) == ""
    page.get_by_role("button", name="Keyboard").click()
    page.get_by_label("Single keys are on").uncheck()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    assert "2601" not in focused(page)


def test_bibtex_is_copied_and_that_is_said(visit: Visiting) -> None:
    page = visit(a_page(), permissions=["clipboard-read", "clipboard-write"]).page
    page.locator(f"[id='{GOOD.id}']").get_by_role("button", name="Copy BibTeX").click()
    expect(page.locator("#said")).to_have_text(f"BibTeX of {GOOD.id} copied")
    assert page.evaluate("navigator.clipboard.readText()") == bibtex([GOOD])
    page.keyboard.press("j")
    chosen = next(paper for paper in EVERYTHING if paper.id == focused(page))
    page.keyboard.press("c")
    expect(page.locator("#said")).to_have_text(f"BibTeX of {chosen.id} copied")
    assert page.evaluate("navigator.clipboard.readText()") == bibtex([chosen])


def test_bibtex_that_cannot_be_copied_can_be_selected(visit: Visiting) -> None:
    page = visit(a_page(), f"#{LOW.id}").page
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.keyboard.press("c")
    area = page.get_by_role("dialog").locator("textarea")
    assert area.input_value() == bibtex([LOW])
    assert area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)") == (
        bibtex([LOW])
    )


def test_without_scripts_everything_can_be_read_and_nothing_is_offered_in_vain(
    visit: Visiting,
) -> None:
    page = visit(a_page(), java_script_enabled=False).page
    assert page.locator(".controls").is_hidden()
    assert page.get_by_role("button").count() == 0
    assert page.get_by_role("heading", name="Agents browse").is_visible()
    page.locator("#below > summary").click()
    assert page.get_by_role("heading", name="Zebra counting").is_visible()
    page.locator(f"[id='{LOW.id}'] summary").click()
    assert page.get_by_text("Stripes.").is_visible()


def test_paper_gets_the_recommended_and_no_controls(visit: Visiting) -> None:
    page = visit(a_page()).page
    page.locator(f"[id='{BEST.id}'] summary").click()
    page.emulate_media(media="print")
    for gone in (".controls", ".copy", ".permalink", ".other-days", ".abstract", "#below"):
        assert not page.locator(gone).first.is_visible(), gone
    assert page.get_by_role("heading", name="Agents browse").is_visible()
    address = page.locator(f"[id='{GOOD.id}'] .links a").first
    assert GOOD.link in str(address.evaluate("a => getComputedStyle(a, '::after').content"))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_no_screen_has_to_be_scrolled_sideways(visit: Visiting, language: str, width: int) -> None:
    page = visit(a_page(language), viewport={"width": width, "height": 800}).page
    expect(page.locator(".controls")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_chinese_page_speaks_chinese_to_the_end(visit: Visiting) -> None:
    page = visit(a_page("zh")).page
    assert counted(page) == "显示 3 / 5 篇"
    page.fill("#query", "zebra")
    assert ids(page) == of(LOW)
    page.get_by_role("button", name="重置").click()
    assert page.locator(".copy").first.inner_text() == "复制 BibTeX"


def test_hostile_texts_run_nothing_and_are_copied_as_they_are(visit: Visiting) -> None:
    papers = [
        a_paper(number, title=" ".join(text.split()), abstract=text, authors=(text,))
        for number, text in enumerate(HOSTILE, 1)
    ]
    digest = a_digest([(paper, scored(paper, 9, reason=paper.title)) for paper in papers])
    page = visit(render_page(digest), permissions=["clipboard-read", "clipboard-write"]).page
    assert len(ids(page)) == len(papers)
    for paper in papers[-3:]:
        page.locator(f"[id='{paper.id}'] .copy").click()
        expect(page.locator("#said")).to_have_text(f"BibTeX of {paper.id} copied")
        assert page.evaluate("navigator.clipboard.readText()") == bibtex([paper])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing(axe: Callable[..., None], language: str) -> None:
    axe(a_page(language))


def test_axe_finds_nothing_in_what_opens(axe: Callable[..., None]) -> None:
    def open_all(page: Page) -> None:
        page.get_by_label("Order").select_option(label="By title")
        page.evaluate("document.querySelectorAll('details').forEach(f => f.open = true)")
        page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        page.locator(".copy").first.click()

    axe(a_page(), open_all)
    axe(a_page(), lambda page: page.keyboard.press("?"))


def test_a_day_of_216_papers_is_small(visit: Visiting, digest_data: Path) -> None:
    html = render_page(seed_digest(digest_data))
    assert len(html.encode()) < 600_000
    assert "216" in counted(visit(html).page)
