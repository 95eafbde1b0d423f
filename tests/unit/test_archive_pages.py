"""The archive's front page without its script."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import date, timedelta
from hashlib import sha256

import pytest
from lxml import html

from arxiv_digest.models import Day
from arxiv_digest.rendering import render_index

NEWEST = date(2026, 1, 22)
HOSTILE = "</table><script>alert(1)</script> \" ' & \u2028 好"


def a_line(day: date, recommended: int = 3, **changed: object) -> Day:
    values = {"announced": 1216, "tokens": 98727, "failed": 2, "best": f"Best of {day}"}
    fields = {"Pruning": recommended} if recommended else {}
    return Day.model_validate(
        {"date": day, "recommended": recommended, "fields": fields, **values, **changed}
    )


def weekdays(count: int) -> list[Day]:
    """Lines of the newest weekdays, each with some papers of two fields."""
    days = (NEWEST - timedelta(days=ago) for ago in range(2 * count))
    listed = [day for day in days if day.weekday() < 5][:count]
    return [
        a_line(day, 10 + place % 20, fields={"Pruning": 10, "Agents": place % 20})
        for place, day in enumerate(listed)
    ]


def page(days: list[Day], language: str = "en") -> html.HtmlElement:
    return html.document_fromstring(render_index(days, language))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_list_has_every_day_newest_first_with_its_numbers_and_best_paper(language: str) -> None:
    days = [a_line(NEWEST), a_line(date(2025, 12, 31)), a_line(date(2026, 1, 20))]
    rows = page(days, language).xpath('//table[@class="days"]/tbody/tr[@id]')
    assert [row.xpath("th/a/@href") for row in rows] == [
        [f"{day}/digest.html"] for day in ("2026-01-22", "2026-01-20", "2025-12-31")
    ]
    assert [cell.text for cell in rows[0].xpath("td")] == [
        "1,216",
        "3",
        "2",
        "98,727",
        "Best of 2026-01-22",
    ]


def test_the_calendar_links_each_day_with_its_count_below_the_right_weekday() -> None:
    tables = page([a_line(NEWEST, 28), a_line(date(2025, 11, 30), 1)]).xpath(
        '//table[@class="month"]'
    )
    assert [table.findtext("caption") for table in tables] == ["January 2026", "November 2025"]
    assert tables[0].xpath("thead//th/@abbr")[3] == "Thursday"
    [cell] = tables[0].xpath("tbody/tr/td[a]")
    assert len(cell.xpath("preceding-sibling::td")) == 3, "a Thursday"
    [link] = cell.xpath("a")
    assert link.get("href") == "2026-01-22/digest.html"
    assert link.get("title") == "2026-01-22: 28 papers recommended"
    assert link.xpath("string()") == "22 28"
    [other] = tables[1].xpath("tbody/tr/td[a]")
    assert other.xpath("a/@title") == ["2025-11-30: 1 paper recommended"]
    assert len(other.xpath("preceding-sibling::td")) == 6, "a Sunday"


def test_the_more_papers_the_darker_is_a_day() -> None:
    days = [a_line(NEWEST - timedelta(days=n), count) for n, count in enumerate((0, 1, 14, 28))]
    cells = page(days).xpath('//table[@class="month"]//td[a]')
    assert [cell.get("class") for cell in reversed(cells)] == ["s0", "s1", "s2", "s4"]
    assert page([a_line(NEWEST, 0)]).xpath('//table[@class="month"]//td[a]/@class') == ["s0"]


def test_every_day_can_be_asked_for_the_one_before_and_after_it() -> None:
    days = weekdays(40)
    found = page(days)
    for day in days:
        for way in ("before", "after"):
            [element] = found.xpath(f'//*[@id="{way}-{day.date}"]')
            assert element.xpath("ancestor-or-self::tr//a/@href") == [f"{day.date}/digest.html"]


def test_months_beyond_the_newest_are_folded_away_by_year() -> None:
    found = page(weekdays(400))
    assert len(found.xpath('//div[@class="months" and not(ancestor::details)]/table')) == 6
    years = found.xpath("//details/summary/text()")
    assert years == ["Earlier: 2025", "Earlier: 2024"]
    assert len(found.xpath('//table[@class="month"]//td/a')) == 400


def test_the_fields_are_drawn_by_day_with_their_numbers_as_text() -> None:
    days = [
        a_line(NEWEST, 3, fields={"Pruning": 2, "": 1}),
        a_line(date(2026, 1, 20), 4, fields={"Pruning": 4}),
    ]
    rows = page(days).xpath('//table[@class="fields"]/tbody/tr')
    told = [(row.xpath("th/text()")[0], row.xpath("td[2]/text()")[0]) for row in rows]
    assert told == [("Pruning", "6"), ("Other", "1")]
    [drawing] = rows[0].xpath(".//svg")
    assert drawing.get("role") == "img"
    assert drawing.get("aria-label") == "2026-01-20: 4, 2026-01-22: 2"
    assert rows[0].xpath(".//path/@d") == ["M281 40v-40h8V40M291 40v-20h8V40"]


def test_the_drawing_of_many_days_is_by_month_and_does_not_grow_without_end() -> None:
    found = page(weekdays(61))
    assert "one bar a month" in found.xpath('string(//table[@class="fields"]/caption)')
    assert "2026-01: 160" in found.xpath('(//table[@class="fields"]//svg)[1]/@aria-label')[0]
    years = [
        a_line(date(2016 + n // 12, n % 12 + 1, 1), 13, fields={f"F{m}": m + 1 for m in range(13)})
        for n in range(120)
    ]
    rows = page(years).xpath('//table[@class="fields"]/tbody/tr')
    assert [row.xpath("string(th)") for row in rows] == [
        *(f"F{m}" for m in range(12, 2, -1)),
        "Other",
    ]
    assert len(rows[0].xpath(".//path/@d")[0].split("M")) == 60 + 1
    assert rows[-1].xpath("td[2]/text()") == ["360"], "the three fields that are not drawn"


def test_lines_without_fields_are_listed_and_not_drawn() -> None:
    old = Day(date=NEWEST, announced=3, recommended=1, tokens=9, failed=0)
    found = page([old])
    assert not found.xpath("//svg")
    assert found.xpath('//table[@class="days"]//td[last()]/text()') == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_from_outside_becomes_markup(language: str) -> None:
    text = render_index([a_line(NEWEST, best=HOSTILE, fields={HOSTILE: 3})], language)
    found = html.document_fromstring(text)
    assert len(found.xpath("//script")) == 1
    assert len(found.xpath('//table[@class="days"]')) == 1
    assert found.xpath('string(//table[@class="days"]//td[last()])') == HOSTILE
    assert found.xpath('string(//table[@class="fields"]/tbody//th)') == HOSTILE


def test_the_page_allows_its_own_style_and_scripts_and_nothing_else() -> None:
    text = render_index([a_line(NEWEST)], "zh")
    [policy] = html.document_fromstring(text).xpath("//meta[@http-equiv]/@content")
    told = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert told["default-src"] == "'none'"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        [inside] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = b64encode(sha256(inside.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in told[rule]
        assert "unsafe" not in told[rule]
    assert " style=" not in text, "the policy would refuse it"
    assert not re.search(r"\son\w+=", text), "the policy would refuse it"


def test_the_page_names_both_feeds_and_the_newest_digest() -> None:
    found = page([a_line(date(2026, 1, 20)), a_line(NEWEST)])
    feeds = found.xpath('//link[@rel="alternate" and @type="application/atom+xml"]/@href')
    assert feeds == ["feed.xml", "papers.xml"]
    assert found.xpath("//header//a/@href") == ["2026-01-22/digest.html", "feed.xml", "papers.xml"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_archive_without_days_says_so(language: str) -> None:
    found = page([], language)
    assert found.xpath('//p[@class="verdict"]/text()')
    assert not found.xpath("//table")


def test_the_page_of_a_thousand_days_stays_below_600_kilobytes() -> None:
    title = "Which Quantization Should I Use? A Unified Evaluation of llama.cpp on Llama-3.1-8B"
    days = [day.model_copy(update={"best": title}) for day in weekdays(1000)]
    assert 300_000 < len(render_index(days, "zh").encode()) < 600_000
