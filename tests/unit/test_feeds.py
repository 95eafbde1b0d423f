"""The archive as Atom feeds, held to RFC 4287."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from arxiv_digest.models import Digest, PapersOfDay
from arxiv_digest.rendering import render_day_feed, render_paper_feed
from tests.builders import DAY, NOW, a_digest, a_paper, a_profile, papers, scored

ATOM = "{http://www.w3.org/2005/Atom}"
GRAMMAR = etree.RelaxNG(etree.parse(Path(__file__).parents[1] / "schemas/atom.rng"))
FEEDS = [render_day_feed, render_paper_feed]
HOSTILE = "</title>]]>&amp; <script>alert(1)</script> \x00\x0b\x1b\ufffe '\"& 好"


def a_day(days_ago: int = 0, recommended: int = 1, **changed: Any) -> PapersOfDay:
    """A day with some recommended papers and one that is not."""
    day = DAY - timedelta(days=days_ago)
    listed = [a_paper(n + 1, **changed) for n in range(recommended + 1)]
    pairs = [(paper, scored(paper, 9)) for paper in listed[:-1]]
    digest = a_digest([*pairs, (listed[-1], scored(listed[-1], 2))], date=day, started_at=NOW)
    return PapersOfDay.of(digest.model_copy(update={"made_at": NOW - timedelta(days=days_ago)}))


def valid(text: str) -> Any:
    """A feed, parsed, that follows the grammar and the rules beside it."""
    tree = etree.fromstring(text.encode())
    assert GRAMMAR.validate(tree), GRAMMAR.error_log
    ids = [found.text for found in tree.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids))
    assert tree.find(f"{ATOM}author") is not None, "or each entry would need one"
    assert [link.get("rel") for link in tree.findall(f"{ATOM}link")].count("self") == 1
    parsed = feedparser.parse(text.encode())
    assert not parsed.bozo, parsed.get("bozo_exception")
    assert parsed.version == "atom10"
    return parsed


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("atom:updated", "a feed without time"),
        ("atom:entry/atom:id", "an entry without id"),
        ("atom:entry/atom:title", "an entry without title"),
        ("atom:author/atom:name", "an author without name"),
    ],
)
def test_the_grammar_refuses_what_lacks_something(path: str, why: str) -> None:
    tree = etree.fromstring(render_paper_feed([a_day()], "en", "an archive").encode())
    found = tree.find(path, {"atom": ATOM[1:-1]})
    assert found is not None
    found.getparent().remove(found)
    assert not GRAMMAR.validate(tree), why


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("render", FEEDS)
def test_both_feeds_are_valid_atom_whatever_their_papers_hold(render: Any, language: str) -> None:
    listed = [
        a_day(title=HOSTILE, authors=(HOSTILE, "B"), categories=(HOSTILE,)),
        a_day(1, recommended=0),
        a_day(2, authors=()),
    ]
    for days in (listed, listed[1:2]):
        assert valid(render(days, language, "an archive")).feed.language.startswith(language)


PLAIN = st.characters(exclude_categories=["Cs"], exclude_characters="\\${}~%`'")


@settings(deadline=None, max_examples=50)
@given(text=st.text(PLAIN, max_size=40))
def test_any_title_reaches_a_feed_reader_as_it_is_but_for_what_xml_cannot_hold(text: str) -> None:
    days = [a_day(title=f"x{text}x")]
    valid(render_day_feed(days, "en", "an archive"))
    rendered = render_paper_feed(days, "en", "an archive")
    valid(rendered)
    kept = "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
    title = etree.fromstring(rendered.encode()).findtext(f"{ATOM}entry/{ATOM}title")
    assert title is not None
    assert title.split() == f"x{kept}x".split()


def test_the_feed_of_days_has_an_entry_a_day_with_its_papers_newest_first() -> None:
    feed = valid(render_day_feed([a_day(0, recommended=2), a_day(1)], "en", "an archive"))
    assert [entry.link for entry in feed.entries] == [
        "2026-01-22/digest.html",
        "2026-01-21/digest.html",
    ]
    newest = feed.entries[0]
    assert newest.title == "arXiv digest 2026-01-22"
    assert newest.summary == "3 read, 2 recommended."
    assert "https://arxiv.org/abs/2601.00002" in newest.content[0].value
    assert "2601.00003" not in newest.content[0].value
    assert newest.updated == feed.feed.updated == NOW.isoformat()


def test_the_feed_of_papers_has_an_entry_a_paper_and_day() -> None:
    feed = valid(render_paper_feed([a_day(0), a_day(1)], "en", "an archive"))
    assert [entry.link for entry in feed.entries] == ["https://arxiv.org/abs/2601.00001"] * 2
    first, second = feed.entries
    assert first.id != second.id
    assert [name.name for name in first.authors] == ["Ada 1", "Bob Bee"]
    assert [tag.term for tag in first.tags] == ["Pruning"]
    assert "About 2601.00001." in first.content[0].value
    related = [link.href for link in first.links if link.rel == "related"]
    assert related == ["2026-01-22/digest.html#2601.00001"]
    assert (first.updated, second.updated) == (
        NOW.isoformat(),
        (NOW - timedelta(days=1)).isoformat(),
    )


def test_ids_stay_as_they_are_when_a_digest_is_made_again() -> None:
    # Feed readers know an entry by its id: these may never change.
    [day] = valid(render_day_feed([a_day()], "en", "an archive")).entries
    [paper] = valid(render_paper_feed([a_day()], "en", "an archive")).entries
    assert (day.id, paper.id) == (
        "urn:uuid:122c17f5-da82-58e6-a4f0-e55c2d88a289",
        "urn:uuid:347f7f66-4260-52fc-982c-491d7d99c089",
    )
    later = a_day(title="another").model_copy(update={"made_at": NOW + timedelta(hours=3)})
    base = "https://d.example.org/"
    [again] = valid(render_paper_feed([later], "zh", "an archive", base)).entries
    assert again.id == paper.id
    assert again.updated != paper.updated


def test_no_two_archives_have_an_id_in_common() -> None:
    for render in (render_day_feed, render_paper_feed):
        one, other = (valid(render([a_day()], "en", name)) for name in ("one", "other"))
        assert one.feed.id != other.feed.id
        assert one.entries[0].id != other.entries[0].id


@pytest.mark.parametrize("render", FEEDS)
def test_a_feed_with_an_address_names_everything_by_it(render: Any) -> None:
    base = "https://d123.cloudfront.net/"
    tree = etree.fromstring(render([a_day()], "en", "an archive", base).encode())
    links = [link.get("href") for link in tree.iter(f"{ATOM}link")]
    own = [link for link in links if not link.startswith("https://arxiv.org/")]
    assert len(own) >= 3
    assert all(link.startswith(base) for link in own)
    name = {render_day_feed: "feed.xml", render_paper_feed: "papers.xml"}[render]
    [itself] = [link for link in tree.findall(f"{ATOM}link") if link.get("rel") == "self"]
    assert itself.get("href") == base + name


def test_feeds_do_not_grow_without_end() -> None:
    days = [a_day(n, recommended=10) for n in range(40)]
    assert len(valid(render_day_feed(days, "en", "an archive")).entries) == 30
    assert len(valid(render_paper_feed(days, "en", "an archive")).entries) == 200


def test_simple_tex_is_read_in_a_feeds_titles() -> None:
    [entry] = valid(
        render_paper_feed([a_day(title=r"\textbf{Bold} claims")], "en", "an archive")
    ).entries
    assert entry.title == "Bold claims"


def test_a_digest_in_chinese_is_a_feed_in_chinese() -> None:
    paper = papers(1)[0]
    digest: Digest = a_digest([(paper, scored(paper, 9))], a_profile(language="zh"))
    feed = valid(render_day_feed([PapersOfDay.of(digest)], "zh", "an archive"))
    assert feed.feed.title == "ArXiv 每日推荐"
    assert feed.entries[0].summary == "阅读 1 篇，推荐 1 篇。"
