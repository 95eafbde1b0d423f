"""The mail as a browser lays it out, at the widths of telephones and of a desk."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from arxiv_digest.models import Failed, FeedReading
from tests.builders import DAY, a_digest, a_paper, a_profile, scored
from tests.unit.test_rendering import mailed, part

WORD = "https://example.org/" + "x" * 250


def a_mail_of_long_words(language: str) -> str:
    field = {"name": WORD, "description": "x"}
    profile = a_profile(language=language, fields=(field,))
    good, failed = (a_paper(n, title=WORD, authors=(WORD,)) for n in (1, 2))
    feed = FeedReading(category="cs.LG", state="cut-off", date=DAY, detail=WORD)
    lines = [a_paper(number, title=WORD) for number in range(3, 200)]
    found = [(good, scored(good, 9, WORD, WORD)), (failed, Failed(paper_id=failed.id, reason=WORD))]
    found += [(paper, scored(paper, 8, WORD, WORD)) for paper in lines]
    html = part(mailed(a_digest(found, profile, feeds=(feed,)), f"s3://{WORD}"), "html")
    assert 'class="lines"' in html
    return html


@pytest.mark.parametrize(("width", "language"), [(320, "zh"), (390, "en"), (1280, "zh")])
def test_no_word_is_wider_than_the_mail(
    tab: Callable[..., Page], width: int, language: str
) -> None:
    page = tab(viewport={"width": width, "height": 800})
    page.set_content(a_mail_of_long_words(language))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    sheet = page.evaluate("document.querySelector('.sheet').getBoundingClientRect().width")
    assert sheet == min(width, 640)


CONTRAST = """scheme => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const ground = element => {
    const found = channels(getComputedStyle(element).backgroundColor);
    return found.length === 4 && found[3] === 0 ? ground(element.parentElement) : found;
  };
  return [...document.querySelectorAll("h1, h2, p, a, b, strong, .score, li")].map(element => {
    const [one, two] = [channels(getComputedStyle(element).color), ground(element)].map(light);
    return (Math.max(one, two) + .05) / (Math.min(one, two) + .05);
  });
}"""
"""The contrast of each text with its ground, as WCAG 2.2 defines it."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground_by_day_and_by_night(
    tab: Callable[..., Page], scheme: str
) -> None:
    page = tab(color_scheme=scheme)
    page.set_content(a_mail_of_long_words("en"))
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(244, 241, 235)", "dark": "rgb(16, 18, 20)"}[scheme]
    contrasts = page.evaluate(CONTRAST)
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5
