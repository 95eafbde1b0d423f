"""A digest in every form that leaves the stack."""

from __future__ import annotations

import dataclasses
import json
import re
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from typing import get_type_hints

import jsonschema
import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from arxiv_digest.language import EN, LANGUAGES, ZH, Counted, Words
from arxiv_digest.models import Digest, Failed, FeedReading
from arxiv_digest.rendering import (
    markdown_text,
    render_json,
    render_mail,
    render_markdown,
    render_page,
    render_schema,
)
from tests.builders import DAY, a_digest, a_paper, a_profile, papers, scored

SENDER = Address("每日 digest", addr_spec="digest@example.org")
HOSTILE = 'A* <script>alert(1)</script> & "b" [x](javascript:y) `c` \\d_ $\\pi^{*}_{0.6}$ #'
COMMONMARK = MarkdownIt("commonmark")


def shown_by_commonmark(text: str) -> str:
    """What a reader of the Markdown sees, the same in a heading, a list and a quotation."""
    shown = set()
    for context in ("## {}", "- **x:** {}", "> {}"):
        tokens = COMMONMARK.parse(context.format(text))
        children = [child for token in tokens for child in token.children or ()]
        kinds = {child.type for child in children}
        assert kinds <= {"text", "text_special", "strong_open", "strong_close"}, kinds
        said = "".join(child.content for child in children)
        shown.add((said.removeprefix("x:") if "**" in context else said).strip())
    assert len(shown) == 1, shown
    return shown.pop()


def mailed(digest: Digest, page: str = "s3://bucket/digest.html") -> EmailMessage:
    message = render_mail(digest, SENDER, "reader@example.org", page)
    parsed = message_from_bytes(message.as_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def part(message: EmailMessage, subtype: str) -> str:
    found = message.get_body((subtype,))
    assert found is not None
    return str(found.get_content())


def mailed_text(digest: Digest) -> str:
    """The plain part of a digest's mail, as if its lines were not wrapped."""
    return " ".join(part(mailed(digest), "plain").split())


class Parsed(HTMLParser):
    """Every tag, attribute and address of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in ("href", "src", "background", "action")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def a_hostile_digest(language: str = "en") -> Digest:
    good, failed = (a_paper(n, title=HOSTILE, authors=(HOSTILE,), abstract=HOSTILE) for n in (1, 2))
    return a_digest(
        [
            (good, scored(good, 9, reason=HOSTILE)),
            (failed, Failed(paper_id=failed.id, reason=HOSTILE)),
        ],
        a_profile(language=language),
        feeds=(FeedReading(category="cs.LG", state="cut-off", date=DAY, detail=HOSTILE),),
    )


@pytest.mark.parametrize(
    "text", ["a #", "a ##", "#", "# a", "1. a", "123456789) a", "&amp;", "---", "===", "~~~", "a\\"]
)
def test_commonmark_shows_text_that_looks_like_a_block_letter_by_letter(text: str) -> None:
    assert shown_by_commonmark(markdown_text(text)) == text


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1))
def test_commonmark_shows_escaped_text_letter_by_letter(text: str) -> None:
    assert shown_by_commonmark(markdown_text(text)) == " ".join(text.split())


@given(st.text(alphabet="*_[]()<>`~\\#+-=|!&;:ab1. /$", min_size=1))
def test_commonmark_shows_text_full_of_markup_letter_by_letter(text: str) -> None:
    assert shown_by_commonmark(markdown_text(text)) == " ".join(text.split())


@pytest.mark.parametrize(
    "title",
    [
        "RadixMLP -- Intra-batch Deduplication for Causal Transformers",
        "Which Quantization Should I Use? A Unified Evaluation of llama.cpp on Llama-3.1-8B",
        "snake_case and +35.28% (a, b): c; d!",
    ],
)
def test_ordinary_text_is_left_as_it_is(title: str) -> None:
    assert markdown_text(title) == title


def test_titles_of_real_hard_papers_survive_markdown(digest_data: Path) -> None:
    lines = (digest_data / "hard_items.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 52
    for line in lines:
        title = json.loads(line)["title"]
        assert shown_by_commonmark(markdown_text(title)) == " ".join(title.split())


def test_markdown_holds_every_section_of_a_troubled_day() -> None:
    text = render_markdown(a_hostile_digest("zh"))
    tokens = COMMONMARK.parse(text)
    headings = [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open"]
    assert len(headings) == 4
    assert "未能评分的论文（1）" in headings
    links = [c.attrs["href"] for t in tokens for c in t.children or () if c.type == "link_open"]
    assert links == ["https://arxiv.org/abs/2601.00001", "https://arxiv.org/abs/2601.00002"]
    assert not [c for t in tokens for c in t.children or () if c.type == "html_inline"]
    assert "> 公告日 2026-01-22：公告 2 = 评分 1 + 分流 0 + 失败 1" in text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_from_outside_becomes_markup(language: str) -> None:
    digest = a_hostile_digest(language)
    for html, scripts in ((render_page(digest), 2), (part(mailed(digest), "html"), 0)):
        parsed = Parsed(html)
        assert parsed.tags.count("script") == scripts
        assert not any(address.startswith("javascript:") for address in parsed.addresses)
        assert HOSTILE.partition("$")[0] in parsed.text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_page_and_mail_ask_nothing_of_anybody(language: str) -> None:
    digest = a_hostile_digest(language)
    for html in (render_page(digest), part(mailed(digest), "html")):
        assert not {"img", "iframe", "object"} & set(Parsed(html).tags)
        assert not re.search(r"<script[^>]+src", html)
        assert "url(" not in html
        assert "@import" not in html
        stylesheets = re.findall(r'<link[^>]+rel="stylesheet"', html)
        assert not stylesheets


def test_the_page_shows_every_paper_with_its_links_and_folds_away_what_was_not_recommended() -> (
    None
):
    good, low = papers(2)
    page = render_page(a_digest([(good, scored(good, 9)), (low, scored(low, 2))]))
    parsed = Parsed(page)
    for link in (good.link, good.pdf_link, good.html_link, low.link):
        assert link in parsed.addresses
    assert f'id="{good.id}"' in page
    assert "../index.html" in parsed.addresses
    assert low.title in parsed.text


def test_json_follows_the_published_schema_and_reads_back_as_the_digest() -> None:
    digest = a_hostile_digest()
    text = render_json(digest)
    schema = json.loads(render_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    assert Digest.model_validate_json(text) == digest
    assert json.loads(text)["ledger"] == {"announced": 2, "scored": 1, "triaged": 0, "failed": 1}


def test_the_published_schema_is_the_one_in_the_documentation() -> None:
    published = Path(__file__).parents[2] / "docs/digest.schema.json"
    assert published.read_text("utf-8") == render_schema()


def test_no_language_leaves_a_word_empty_or_another_languages() -> None:
    for words in LANGUAGES.values():
        for name, value in dataclasses.asdict(words).items():
            for text in value.values() if isinstance(value, dict) else [value]:
                assert text or name == "verdicts"
    han = re.compile(r"[\u4e00-\u9fff]")
    assert not han.search(str(dataclasses.asdict(EN)))
    placeholders = re.compile(r"\{(\w+)\}")
    for name, value in dataclasses.asdict(ZH).items():
        other = getattr(EN, name)
        assert set(placeholders.findall(str(value))) == set(placeholders.findall(str(other))), name


def test_each_language_has_the_forms_that_its_numbers_need() -> None:
    counted = {name for name, kind in get_type_hints(Words).items() if kind == Counted}
    assert "read" in counted
    for words in LANGUAGES.values():
        needed = {str(form) for form in Locale.parse(words.locale).plural_form.tags} | {"other"}
        for name in counted:
            assert set(getattr(words, name)) == needed, (words.locale, name)


def test_the_local_scorer_is_named_as_what_it_is() -> None:
    for language, said in (("zh", "未使用语言模型"), ("en", "no language model")):
        paper = a_paper()
        digest = a_digest([(paper, scored(paper))], a_profile(language=language))
        for text in (render_markdown(digest), render_page(digest), mailed_text(digest)):
            assert said in text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("empty", "arXiv announced nothing on this day"),
        ("stale", "stale"),
        ("cut-off", "incomplete"),
        ("unreachable", "could not be read"),
        ("approximate", "found by submission time"),
    ],
)
def test_a_feed_that_was_not_simply_read_is_named_everywhere(state: str, said: str) -> None:
    feed = FeedReading(category="cs.XY", state=state, date=DAY, detail="because of the weather")
    digest = a_digest([], feeds=(feed,))
    for text in (
        render_markdown(digest),
        render_page(digest),
        mailed_text(digest),
        part(mailed(digest), "html"),
    ):
        assert "cs.XY" in text
        assert said in text
        assert "because of the weather" in text


@pytest.mark.parametrize(
    ("states", "zh", "en"),
    [
        (("fresh", "empty"), "原样重建", "exactly, from the feeds kept of that day"),
        (("fresh", "approximate"), "近似重建", "rebuilt approximately, by submission time"),
        (("approximate", "unreachable"), "近似重建", "rebuilt approximately, by submission time"),
        (("fresh", "cut-off"), "仍能读到的内容", "from what can still be read"),
        (("unreachable",), "仍能读到的内容", "from what can still be read"),
    ],
)
def test_a_rebuilt_digest_says_so_and_how_exactly_everywhere(
    states: tuple[str, ...], zh: str, en: str
) -> None:
    feeds = tuple(FeedReading(category="cs.XY", state=state, date=DAY) for state in states)
    for language, said in (("zh", zh), ("en", en)):
        profile = a_profile(language=language)
        rebuilt = a_digest([], profile, feeds=feeds, rebuilt=True)
        usual = a_digest([], profile, feeds=feeds)
        for digest, lines in ((rebuilt, 1), (usual, 0)):
            for text in (
                render_markdown(digest),
                render_page(digest),
                mailed_text(digest),
                part(mailed(digest), "html"),
            ):
                assert text.count(said) == lines


def test_a_weekend_without_feeds_is_not_said_to_be_rebuilt_from_them() -> None:
    detail = "arXiv announces nothing on Saturdays and Sundays"
    feed = FeedReading(category="cs.XY", state="empty", date=DAY, detail=detail)
    assert "what can still be read" in render_markdown(a_digest([], feeds=(feed,), rebuilt=True))
