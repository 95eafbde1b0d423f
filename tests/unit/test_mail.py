"""The mail of a digest, in both of its parts, on days of every size."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arxiv_digest.language import words
from arxiv_digest.models import Digest, Failed, FeedReading, Outcome, Paper, ranked
from arxiv_digest.profile import Profile, ResearchField
from arxiv_digest.rendering import mail, render_mail
from arxiv_digest.rendering.mail import (
    LONGEST_SENTENCE,
    LONGEST_TITLE,
    PART_BYTES,
    TEXT_COLUMNS,
    cut,
    first_line,
    wrapped,
)
from arxiv_digest.rendering.mathematics import tex_text
from tests.builders import DAY, a_digest, a_paper, a_profile, papers, scored
from tests.unit.test_rendering import SENDER, mailed, part

WEB = "https://digest.example.org/2026-01-22/digest.html"
GMAIL_CLIPS = 100_000
"""Bytes; the tests that were told of saw mails clipped from 99,507 bytes on."""

VOID = {"meta", "br", "img", "link", "hr", "input"}
FIELDS = tuple(
    ResearchField(name=name, description="x") for name in ("Pruning", "Agents", "Theory", "Safety")
)
REAL_TITLE = "Layer-adaptive Expert Pruning for Pre-Training of Mixture-of-Experts Language Models"


class Seen(HTMLParser):
    """A mail as a mail program reads it: elements with attributes, their language and their text.

    Tags must be closed in the order in which they were opened.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.elements: list[tuple[str, dict[str, str | None], str | None]] = []
        self.links: list[tuple[str, str, str | None]] = []
        self.texts: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()
        assert not self.open

    @property
    def language(self) -> str | None:
        return next((a["lang"] for _, a in reversed(self.open) if "lang" in a), None)

    def inside(self, tag: str, style: str = "") -> bool:
        return any(t == tag and style in (a.get("style") or "") for t, a in self.open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag not in VOID:
            self.open.append((tag, attributes))
        self.elements.append((tag, attributes, self.language))

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self.open.pop()
        assert opened == tag

    def handle_data(self, data: str) -> None:
        if not data.strip() or self.inside("head"):
            return
        self.texts.append((data, self.language))
        if self.open[-1][0] == "a":
            kind = "full" if self.inside("h3") else "line" if self.inside("li") else "other"
            self.links.append((kind, self.open[-1][1]["href"] or "", data))

    def linked(self, kind: str) -> list[str]:
        return [address for each, address, _ in self.links if each == kind]

    @property
    def visible(self) -> str:
        return "\n".join(text for text, _ in self.texts)


def a_day(
    recommended: int,
    failed: int = 0,
    language: str = "en",
    title: str = REAL_TITLE,
    reason: str = "Prunes 40 % of the experts of a mixture and keeps accuracy on ten benchmarks.",
    **run: object,
) -> Digest:
    """A day of as many papers; scores and fields change from paper to paper."""
    found: list[tuple[Paper, Outcome | None]] = []
    for number in range(1, recommended + failed + 1):
        names = tuple(f"Ada {n} Lovelace" for n in range(number % 7 + 1))
        paper = a_paper(number, title=f"{title} {number}", authors=names)
        if number <= recommended:
            score, field = 7 + number * 7 % 31 / 10, FIELDS[number * 3 % 4].name
            found.append((paper, scored(paper, score, field, reason)))
        else:
            found.append((paper, Failed(paper_id=paper.id, reason=reason)))
    return a_digest(found, a_profile(language=language, fields=FIELDS), **run)


def text_of(message: EmailMessage) -> str:
    return part(message, "plain").replace("\r\n", "\n")


def bytes_of(message: EmailMessage, subtype: str) -> int:
    body = message.get_body((subtype,))
    assert body is not None
    return len(body.get_payload(decode=True))


def counted(text: str, pattern: str) -> int:
    found = re.findall(pattern, text)
    assert len(found) <= 1
    return int(found[0].replace(",", "")) if found else 0


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_mail_reads_well_in_both_parts_and_names_sender_reader_and_day(language: str) -> None:
    paper = a_paper(title="Prüfung of π")
    digest = a_digest([(paper, scored(paper, 9))], a_profile(language=language))
    message = mailed(digest)
    assert message["From"].addresses[0] == SENDER
    assert message["To"].addresses[0].addr_spec == "reader@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] == "<mailto:digest@example.org?subject=unsubscribe>"
    assert message["X-ArXiv-Digest"] == "date=2026-01-22; profile=default"
    assert message["Message-ID"] is None
    assert message.get_content_type() == "multipart/alternative"
    for subtype in ("plain", "html"):
        body = part(message, subtype)
        assert "Prüfung of π" in body
        assert paper.link in body
        assert f"About {paper.id}." in body
        assert "s3://bucket/digest.html" in body


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_mail_is_text_and_then_html_of_short_ascii_lines(language: str) -> None:
    paper = a_paper(title="lang é 長い " * 150, abstract="x" * 3000)
    reason = "好" * LONGEST_SENTENCE
    digest = a_digest(
        [(paper, scored(paper, 9, reason=reason))], a_profile(language=language, name="v-2")
    )
    raw = render_mail(digest, SENDER, "r@example.org", "p").as_bytes()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert not any(b"\n" in line for line in raw.split(b"\r\n"))
    assert raw.isascii()
    message = message_from_bytes(raw, policy=default)
    assert message["X-ArXiv-Digest"] == "date=2026-01-22; profile=v-2"
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for each in parts:
        assert each.get_content_charset() == "utf-8"
        assert each["Content-Transfer-Encoding"] == "quoted-printable"
        assert reason in each.get_content()


def test_the_subject_names_the_date_the_number_of_papers_and_the_best_title() -> None:
    low, best = a_paper(1, title="Second"), a_paper(2, title="The  best\nof all")
    found = [(low, scored(low, 8)), (best, scored(best, 9.5, "Agents"))]
    for language, subject in (
        ("en", "arXiv digest 2026-01-22: 2 · The best of all"),
        ("zh", "ArXiv 每日推荐 2026-01-22：2 篇 · The best of all"),
    ):
        assert mailed(a_digest(found, a_profile(language=language)))["Subject"] == subject
    assert mailed(a_day(0))["Subject"] == "arXiv digest 2026-01-22: nothing to recommend"


def test_the_subject_is_dated_as_the_title_is() -> None:
    morning = datetime(2026, 1, 22, 16, 30, tzinfo=UTC)
    for found in ([], [(a_paper(), scored(a_paper(), 9))]):
        digest = a_digest(found, a_profile(time_zone="Asia/Shanghai"), started_at=morning)
        message = mailed(digest)
        assert "2026-01-23" in message["Subject"]
        assert "2026-01-23</h1>" in part(message, "html")


def test_a_subject_of_any_title_is_one_header() -> None:
    paper = a_paper(title="A\r\nBcc: everybody@example.org\r\n" + "é" * 400)
    message = mailed(a_digest([(paper, scored(paper, 9))]))
    assert message["Bcc"] is None
    assert len(message["Subject"]) == 150


def test_the_parts_are_rendered_once_for_all_recipients(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []
    fitted = mail._fitted

    def counted(digest: Digest, given: Any, template: Any) -> str:
        rendered.append(fitted(digest, given, template))
        return rendered[-1]

    monkeypatch.setattr(mail, "_fitted", counted)
    # Equal to a digest made again, though not the same.
    days = [a_digest([(paper, scored(paper, 9)) for paper in papers(7)]) for _ in range(3)]
    for number, day in enumerate(days):
        render_mail(day, SENDER, f"reader{number}@example.org", "s3://archive/for-this-test")
    assert len(rendered) == 2
    render_mail(days[0], SENDER, "reader@example.org", "s3://archive/elsewhere")
    assert len(rendered) == 4


def test_the_first_line_says_what_was_read_and_recommended_and_which_field_has_most() -> None:
    best, *others = papers(6)
    fields = ["Agents", "Pruning", "Pruning", None, "Agents"]
    found = [(best, scored(best, 9.9, "Pruning"))]
    found += [(paper, scored(paper, 8, field)) for paper, field in zip(others, fields, strict=True)]
    for language, line in (
        ("en", "6 papers read, 6 recommended, led by Pruning (3)."),
        ("zh", "阅读 6 篇，推荐 6 篇，以「Pruning」最多（3 篇）。"),
    ):
        digest = a_digest(found, a_profile(language=language))
        assert first_line(digest, words(language)) == line


def test_of_fields_with_equally_many_papers_the_first_section_is_named() -> None:
    one, two = papers(2)
    found = [(one, scored(one, 8, "Pruning")), (two, scored(two, 9, None))]
    assert first_line(a_digest(found), words("en")).endswith("led by Other (1).")


@pytest.mark.parametrize(
    ("digest", "line"),
    [
        (a_day(0), "No paper to read."),
        (a_day(0, language="zh"), "没有可读的论文。"),
        (a_day(0, failed=1), "1 paper read, none recommended. 1 could not be scored."),
        (a_day(0, 3, "zh"), "阅读 3 篇，没有推荐。其中 3 篇未能评分。"),
        (a_day(1, 1), "2 papers read, 1 recommended, led by Safety (1). 1 could not be scored."),
    ],
)
def test_the_first_line_is_the_first_that_is_seen_and_what_an_inbox_shows(
    digest: Digest, line: str
) -> None:
    message = mailed(digest)
    seen = Seen(part(message, "html"))
    preheader, title, first = (text for text, _ in seen.texts[:3])
    assert (preheader, first) == (line, line)
    assert title.endswith("2026-01-22")
    hidden = next(a for tag, a, _ in seen.elements if tag == "div")
    assert "display:none" in (hidden["style"] or "")
    assert text_of(message).splitlines()[2].startswith(wrapped(line).splitlines()[0])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_paper_in_full_has_score_title_authors_reason_and_three_links(language: str) -> None:
    paper = a_paper(authors=("Ada One", "Bob Two", "Cy Three", "Di Four", "Ed Five"))
    few = a_paper(2, authors=("Ada One", "Bob Two", "Cy Three"))
    found = [(paper, scored(paper, 9.24)), (few, scored(few, 8))]
    message = mailed(a_digest(found, a_profile(language=language)))
    seen = Seen(part(message, "html"))
    start = seen.texts.index(("9.2", words(language).html_lang))
    texts = [text for text, _ in seen.texts[start : start + 8]]
    authors = "Ada One, Bob Two, Cy Three +\N{NO-BREAK SPACE}2"
    assert texts[1:4] == [paper.title, authors, f"About {paper.id}."]
    assert texts[4].startswith("arXiv:")
    assert ("full", paper.link, paper.title) in seen.links
    for link in (paper.link, paper.pdf_link, paper.html_link):
        assert link in seen.linked("other")
    assert "Ada One, Bob Two, Cy Three" in [text for text, _ in seen.texts]
    entry = f"[9.2] {paper.title}\n      {authors}\n      About {paper.id}.\n      {paper.link}\n"
    assert entry in text_of(message)


def test_papers_stand_by_field_in_the_order_of_the_sections() -> None:
    digest = a_day(28)
    message = mailed(digest)
    expected = [entry.paper.link for section in digest.sections for entry in section.papers]
    assert Seen(part(message, "html")).linked("full") == expected
    text = text_of(message)
    assert re.findall(r"^ +(https://arxiv\.org/abs/\S+)$", text, re.MULTILINE) == expected
    places = [text.index(f"\n{s.field} ({len(s.papers)})\n---") for s in digest.sections]
    assert len(places) == 4
    assert places == sorted(places)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("recommended", [0, 1, 28, 120, 300])
def test_every_recommended_paper_is_in_full_or_in_a_line_or_counted(
    recommended: int, language: str
) -> None:
    digest = a_day(recommended, language=language)
    message = mailed(digest)
    best = [e.paper.link for e in ranked(e for s in digest.sections for e in s.papers)]
    pattern = r"(?:and|还有) ([\d,]+) (?:more, in the archive|篇，见归档)"

    seen = Seen(part(message, "html"))
    full, lines = seen.linked("full"), seen.linked("line")
    assert set(full) == set(best[: len(full)])
    assert set(lines) == set(best[len(full) : len(full) + len(lines)])
    assert len(full) + len(lines) + counted(seen.visible, pattern) == recommended
    assert len(full) >= min(recommended, 25)
    assert len(full) == len(set(full))
    assert bytes_of(message, "html") < GMAIL_CLIPS
    if recommended > 28:
        assert bytes_of(message, "html") > 0.97 * PART_BYTES

    text = text_of(message)
    listed = re.findall(r"^ +(https://arxiv\.org/abs/\S+)$", text, re.MULTILINE)
    assert set(listed) == set(best[: len(listed)])
    assert len(listed) + counted(text, pattern) == recommended
    assert bytes_of(message, "plain") < GMAIL_CLIPS


def test_a_day_of_300_papers_of_usual_titles_leaves_none_out_and_one_of_900_counts_the_rest() -> (
    None
):
    seen = Seen(part(mailed(a_day(300), WEB), "html"))
    assert len(seen.linked("full")) + len(seen.linked("line")) == 300
    seen = Seen(part(mailed(a_day(900), WEB), "html"))
    assert len(seen.linked("full")) == 25
    rest = 900 - 25 - len(seen.linked("line"))
    assert rest > 0
    assert ("other", WEB, f"and {rest} more, on the page") in seen.links


def test_failed_papers_are_listed_as_far_as_they_fit_and_the_rest_is_counted() -> None:
    message = mailed(a_day(0, 734))
    html, text = Seen(part(message, "html")), text_of(message)
    pattern = r"and ([\d,]+) more, in the archive"
    shown = len(html.linked("line"))
    assert shown > 200
    assert shown + counted(html.visible, pattern) == 734
    listed = re.findall(r"^  (https://arxiv\.org/abs/\S+)$", text, re.MULTILINE)
    assert len(listed) + counted(text, pattern) == 734
    for subtype in ("html", "plain"):
        assert PART_BYTES * 0.97 < bytes_of(message, subtype) < GMAIL_CLIPS


def test_some_failed_papers_are_listed_even_where_others_fill_the_mail() -> None:
    seen = Seen(part(mailed(a_day(900, 50)), "html"))
    failed = {a_paper(number).link for number in range(901, 951)}
    assert len(failed & set(seen.linked("line"))) >= 10


@pytest.mark.parametrize(
    ("language", "said"), [("en", "and 491 more notes"), ("zh", "还有 491 条说明")]
)
def test_of_hundreds_of_notes_some_are_shown_and_the_rest_is_counted(
    language: str, said: str
) -> None:
    lost = tuple(f"2601.{number:05d}: no title {'x' * 900}" for number in range(500))
    feed = FeedReading(category="cs.LG", state="cut-off", date=DAY, unreadable=lost)
    message = mailed(a_day(300, language=language, feeds=(feed,)))
    for subtype in ("html", "plain"):
        assert said in part(message, subtype)
        assert bytes_of(message, subtype) < GMAIL_CLIPS


ANY_TEXT = st.builds(
    lambda text, times: text * times,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
    | st.sampled_from(["&", '"', "<b>", "𝔐", "好", "a\u0092b ", "word "]),
    st.sampled_from([1, 40, 450]),
)


@settings(max_examples=12, deadline=None)
@given(
    recommended=st.integers(0, 300),
    failed=st.integers(0, 300),
    notes=st.integers(0, 400),
    title=ANY_TEXT,
    reason=ANY_TEXT,
    note=ANY_TEXT,
    field=ANY_TEXT.filter(str.split),
    name=ANY_TEXT,
    language=st.sampled_from(["zh", "en"]),
    page=st.sampled_from([WEB, "s3://bucket/2026-01-22/digest.html"]),
)
# A part of 98,000 bytes before its last line break, and a title of which nothing can be shown.
@example(129, 28, 109, " ", "0", "0", "000" * 40, "&", "zh", WEB)
@example(0, 1, 0, "\x1b", "0", "0", "0", "0", "zh", WEB)
def test_no_digest_makes_a_part_that_is_clipped(
    recommended: int,
    failed: int,
    notes: int,
    title: str,
    reason: str,
    note: str,
    field: str,
    name: str,
    language: str,
    page: str,
) -> None:
    profile = Profile.model_validate(
        {
            **a_profile(language=language).model_dump(),
            "fields": (*FIELDS, ResearchField(name=f"A {field}", description="x")),
        }
    )
    found: list[tuple[Paper, Outcome | None]] = []
    for number in range(1, recommended + failed + 1):
        paper = a_paper(number, title=title, authors=(name,) * (number % 6))
        outcome: Outcome = Failed(paper_id=paper.id, reason=reason)
        if number <= recommended:
            chosen = profile.fields[number % 5].name
            outcome = scored(paper, 7 + number % 31 / 10, chosen, reason)
        found.append((paper, outcome))
    feed = FeedReading(category="cs.LG", state="cut-off", date=DAY, unreadable=(note,) * notes)
    message = mailed(a_digest(found, profile, feeds=(feed,)), page)
    for subtype in ("plain", "html"):
        assert bytes_of(message, subtype) <= PART_BYTES
    assert len(message["Subject"]) <= 150
    seen = Seen(part(message, "html"))
    shown = len(seen.linked("full")) + len(seen.linked("line"))
    assert bool(shown) == bool(recommended + failed) or not cut(title, LONGEST_TITLE)


def test_titles_of_real_hard_papers_are_shown_letter_by_letter(digest_data: Path) -> None:
    lines = (digest_data / "hard_items.jsonl").read_text("utf-8").splitlines()
    written = [json.loads(line)["title"] for line in lines]
    found = [a_paper(number, title=title) for number, title in enumerate(written, 1)]
    # Formulas stay as they are written, accents and simple commands do not.
    titles = [tex_text(title) for title in written]
    message = mailed(a_digest([(paper, scored(paper, 9)) for paper in found]))
    shown = [text for kind, _, text in Seen(part(message, "html")).links if kind == "full"]
    assert shown == [" ".join(title.split()) for title in titles]
    text = " ".join(text_of(message).split())
    assert not [title for title in titles if " ".join(title.split()) not in text]


def test_layout_tables_say_that_they_are_none_and_nothing_is_fetched() -> None:
    html = part(mailed(a_day(60, 3, "zh"), WEB), "html")
    seen = Seen(html)
    tables = [attributes for tag, attributes, _ in seen.elements if tag == "table"]
    assert len(tables) == 2 + 4
    assert {table["role"] for table in tables} == {"presentation"}
    assert not {"img", "link", "script", "iframe", "object"} & {tag for tag, _, _ in seen.elements}
    assert "url(" not in html
    assert "@import" not in html
    for tag in ("h1", "h2", "h3", "ul"):
        assert all(a.get("style") for each, a, _ in seen.elements if each == tag), tag
    [style] = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert "prefers-color-scheme: dark" in style
    outside = re.sub(r"@media[^{]+\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", style)
    assert not outside.strip()


def test_english_in_a_chinese_mail_is_marked_as_such() -> None:
    digest = a_day(60, 3, "zh")
    titles = [paper.title for paper in digest.papers]
    reasons = {entry.reason for section in digest.sections for entry in section.papers}
    seen = Seen(part(mailed(digest), "html"))
    assert {language for text, language in seen.texts if text in titles} == {"en"}
    assert {language for text, language in seen.texts if text in reasons} == {"en"}
    assert dict(seen.texts)[first_line(digest, words("zh"))] == "zh-CN"
    assert ' lang="en"' not in part(mailed(a_day(2)), "html").replace('<html lang="en"', "")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_page_on_the_web_is_linked_at_the_top_at_each_paper_and_at_the_foot(
    language: str,
) -> None:
    digest = a_day(2, language=language)
    message = mailed(digest, WEB)
    seen = Seen(part(message, "html"))
    said = words(language)
    assert seen.links[0] == ("other", WEB, said.read_page)
    assert seen.links[-1] == ("other", WEB, WEB)
    for paper in digest.papers:
        assert f"{WEB}#{paper.id}" in seen.linked("other")
        assert paper.link in seen.linked("full")
    text = text_of(message)
    assert text.index(f"{said.read_page}\n{WEB}\n") < text.index(digest.papers[0].link)
    assert text.index(f"{said.read_on_page}\n{WEB}\n") > text.index(digest.papers[-1].link)


def test_a_page_in_the_bucket_is_text_at_the_foot_only() -> None:
    page = "s3://bucket/2026-01-22/digest.html"
    digest = a_day(2)
    message = mailed(digest, page)
    seen = Seen(part(message, "html"))
    assert not [address for _, address, _ in seen.links if not address.startswith("https://arxiv")]
    assert words("en").read_page not in seen.visible
    for body in (seen.visible, text_of(message)):
        assert body.count(page) == 1
        assert body.index(page) > body.index("Announcement of 2026-01-22")


def test_text_is_wrapped_between_words_and_links_and_chinese_are_left_whole() -> None:
    long = "https://example.org/" + "x" * 90
    lines = wrapped(f"{REAL_TITLE} {long} {REAL_TITLE}", "[9.0] ", "      ").splitlines()
    assert f"      {long}" in lines
    assert all(len(line) <= TEXT_COLUMNS for line in lines if long not in line)
    assert [line[:6] for line in lines] == ["[9.0] "] + ["      "] * (len(lines) - 1)
    chinese = "提出层自适应专家剪枝算法 LAEP，针对 MoE LLM 预训练阶段剪枝未充分利用的专家，" * 3
    assert wrapped(chinese, "      ", "      ") == f"      {chinese}"


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "P"]), min_size=1)))
def test_wrapping_changes_nothing_but_where_lines_end(found: list[str]) -> None:
    assert wrapped(" ".join(found), "  ", "  ").split() == found


def test_nothing_in_the_text_starts_a_line_but_what_the_digest_says_itself() -> None:
    forged = "x\nPruning (99)\n----\n\n[9.9] Forged " + "word " * 60
    paper = a_paper(title=forged, authors=(forged,))
    text = text_of(mailed(a_digest([(paper, scored(paper, 9, reason=forged))])))
    flush = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert [line for line in flush if "Forged" in line] == [
        line for line in flush if line.startswith("[9.0] x Pruning (99) ---- [9.9] Forged")
    ]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 50))
def test_what_is_cut_is_one_line_without_controls_and_never_longer(text: str, longest: int) -> None:
    line = cut(text, longest)
    assert len(line) <= longest
    assert line == " ".join(line.split())
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)


def test_a_title_of_any_real_length_is_shown_whole() -> None:
    # The longest of 12,219 real ones has 212 characters.
    title = "x" * 212
    assert cut(title, LONGEST_TITLE) == title


def test_a_sender_is_named_as_given() -> None:
    sender = Address("A, B", addr_spec="digest@example.org")
    message = render_mail(a_day(0), sender, "reader@example.org", WEB)
    parsed = message_from_bytes(message.as_bytes(), policy=default)
    assert parsed["From"].addresses[0] == sender
