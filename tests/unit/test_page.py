"""The page of a day as it is written; what it does in a browser is tested in tests/browser."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re

import pytest

from arxiv_digest.models import Digest, Failed, Scorer, Triaged
from arxiv_digest.rendering import render_page
from arxiv_digest.rendering.citations import bibtex
from tests.builders import a_digest, a_paper, a_profile, papers, scored
from tests.unit.test_rendering import Parsed

KINDS = ("good", "low", "triaged", "failed")


def a_mixed_digest(language: str = "en", **run: object) -> Digest:
    """Papers 1 to 4: recommended, below the threshold, triaged, failed."""
    good, low, triaged, failed = papers(4)
    return a_digest(
        [
            (failed, Failed(paper_id=failed.id, reason="refused")),
            (good, scored(good, 9)),
            (triaged, Triaged(paper_id=triaged.id, rank=1)),
            (low, scored(low, 2, field="Agents")),
        ],
        a_profile(language=language),
        **run,
    )


def article(page: str, paper_id: str) -> str:
    [found] = re.findall(rf'<article id="{paper_id}".*?</article>', page, re.DOTALL)
    return str(found)


@pytest.mark.parametrize("number", range(1, 5), ids=KINDS)
def test_every_paper_that_was_read_is_there_whole(number: int) -> None:
    paper = papers(4)[number - 1]
    shown = article(render_page(a_mixed_digest()), paper.id)
    for text in (paper.title, paper.authors[0], paper.abstract, "cs.LG"):
        assert text in shown
    for address in (paper.link, paper.pdf_link, paper.html_link, f"#{paper.id}"):
        assert f'href="{address}"' in shown


def test_what_has_a_score_shows_it_and_what_was_read_and_not_recommended_is_folded_away() -> None:
    page = render_page(a_mixed_digest())
    assert 'data-score="9.0" data-field="0"' in article(page, "2601.00001")
    assert 'data-score="2.0" data-field="1"' in article(page, "2601.00002")
    assert "data-score" not in article(page, "2601.00003") + article(page, "2601.00004")
    folded = re.findall(
        r'<details id="(\w+)" class="part fold">(.*?)</article>\n</details>', page, re.DOTALL
    )
    assert [name for name, _ in folded] == ["triaged", "below"]
    assert [re.findall(r'<article id="(\S+)"', text) for _, text in folded] == [
        ["2601.00003"],
        ["2601.00002"],
    ]
    assert "About 2601.00002." in article(page, "2601.00002")
    assert "refused" in article(page, "2601.00004")


def test_papers_know_their_place_in_the_announcement() -> None:
    page = render_page(a_mixed_digest())
    order = dict(re.findall(r'<article id="(\S+)" data-order="(\d)"', page))
    assert sorted(order, key=lambda paper: order[paper]) == [
        "2601.00004",
        "2601.00001",
        "2601.00003",
        "2601.00002",
    ]


def test_headings_never_skip_a_level() -> None:
    levels = [int(level) for level in re.findall(r"<h(\d)", render_page(a_mixed_digest()))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_the_policy_names_the_pages_own_style_and_script_and_allows_nothing_else() -> None:
    page = render_page(a_mixed_digest())
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    hashes = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in re.findall(r"<(style|script)>(.*?)</\1>", page, re.DOTALL)
    }
    assert policy.replace("&#39;", "'") == (
        f"default-src 'none'; style-src 'sha256-{hashes['style']}';"
        f" script-src 'sha256-{hashes['script']}';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"<[^>]+ (?:style|on\w+)=", page)


def test_the_bibtex_of_each_paper_can_be_put_together_again() -> None:
    hostile = a_paper(5, title="</script><!-- <script> \\u003c & ]]>", authors=("A </script>",))
    read = [*papers(3), hostile, a_paper(id="astro-ph/0601001")]
    page = render_page(a_digest([(paper, scored(paper, 9)) for paper in read]))
    [island] = re.findall(r'<script type="application/json" id="bibtex">(.*?)</script>', page)
    references = json.loads(island)
    for paper in read:
        head, tail = references["heads"][paper.id]
        assert (head + references["tails"][tail]).replace("\t", paper.id) == bibtex([paper])
    assert len(references["tails"]) == 2


def test_foreign_passages_say_their_language_and_native_ones_do_not() -> None:
    chinese = article(render_page(a_mixed_digest("zh")), "2601.00001")
    assert re.search(r'<h3 lang="en">', chinese)
    assert re.search(r'<p lang="en">Abstract of', chinese)
    assert re.search(r'<p class="reason" lang="en">About', chinese)
    model = Scorer(kind="language-model", name="m")
    by_model = article(render_page(a_mixed_digest("zh", scorer=model)), "2601.00001")
    assert '<p class="reason">About' in by_model
    assert 'lang="en"' not in render_page(a_mixed_digest("en")).partition("<body>")[2]


def test_long_lists_of_authors_are_shortened_and_kept_whole_with_the_abstract() -> None:
    paper = a_paper(authors=tuple(f"Ada {number}" for number in range(40)))
    shown = article(render_page(a_digest([(paper, scored(paper, 9))])), paper.id)
    brief, _, on_demand = shown.partition('<details class="abstract">')
    assert "Ada 30" not in brief
    assert "Ada 30, Ada 31" in on_demand


def test_mathematics_is_shown_in_titles_abstracts_and_reasons() -> None:
    paper = a_paper(title="T $x_1$", abstract=r"A \(x_2\)")
    shown = article(render_page(a_digest([(paper, scored(paper, 9, reason="R $x_3$"))])), paper.id)
    assert re.findall(r'alttext="(\w+)"', shown) == ["x_1", "x_3", "x_2"]


def test_the_days_beside_it_are_found_by_the_archives_front_page() -> None:
    page = render_page(a_mixed_digest(), root="")
    addresses = Parsed(page).addresses
    for address in ("index.html", "index.html#before-2026-01-22", "index.html#after-2026-01-22"):
        assert addresses.count(address) == 2


def test_fields_and_categories_can_be_chosen_that_have_papers() -> None:
    odd = a_paper(5, categories=("cs.XY", "cs.LG"))
    page = render_page(a_digest([(a_paper(), scored(a_paper(), 9)), (odd, scored(odd, 1, None))]))
    options = re.findall(r'<option(?: value="([^"]+)")?>([^<]+)</option>', page)
    assert [option for option in options if option[0] in ("0", "1", "other")] == [
        ("0", "Pruning"),
        ("other", "Other"),
    ]
    assert [name for value, name in options if not value and "." in name] == ["cs.LG", "cs.XY"]


def test_a_day_without_papers_has_nothing_to_find_and_no_script() -> None:
    page = render_page(a_digest([]))
    assert not {"script", "form", "article", "svg", "dialog"} & set(Parsed(page).tags)


def test_the_newest_digests_papers_are_kept_at_their_own_days_page() -> None:
    paper = a_paper()
    digest = a_digest([(paper, scored(paper, 9))])
    assert f'class="permalink" href="#{paper.id}"' in render_page(digest)
    assert f'class="permalink" href="2026-01-22/digest.html#{paper.id}"' in render_page(digest, "")


def test_the_recommendations_can_be_taken_along() -> None:
    paper = a_paper()
    for root in ("../", ""):
        addresses = Parsed(render_page(a_digest([(paper, scored(paper, 9))]), root)).addresses
        for ending in ("bib", "ris", "json"):
            assert f"{root}2026-01-22/digest.{ending}" in addresses
    nothing = render_page(a_digest([(paper, scored(paper, 1))]))
    assert "digest.bib" not in nothing


def test_every_number_and_the_date_are_written_by_the_language() -> None:
    found = [(paper, scored(paper, 9 if n < 1100 else 1)) for n, paper in enumerate(papers(2300))]
    page = render_page(a_digest(found, left_out=1234, seen_before=5678))
    text = re.sub(r"<(script|style)\b.*?</\1>|<article.*?</article>", "", page, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", " ", text)
    for number in ("2,300", "1,100", "1,200", "1,234", "5,678"):
        assert number in text
    assert not re.search(r"(?<![\d.,-])(2300|1100|1200|1234|5678)\b", text)
    assert "Thursday, January 22, 2026" in text
