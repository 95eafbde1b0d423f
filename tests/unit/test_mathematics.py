"""TeX in titles, abstracts and reasons, as a page shows it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from markupsafe import escape

from arxiv_digest.rendering.mathematics import LONGEST, Formula, tex_html, tex_parts, tex_text

TEX = st.text(alphabet="$\\()[]{}^_~%& <>'\"ab1-\n", max_size=80)
MATHML = re.compile(r"<math.*?</math>", re.DOTALL)


def formulas(text: str) -> list[str]:
    return [part.source for part in tex_parts(text) if isinstance(part, Formula)]


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("M$^{3}$T2I", ["^{3}"]),
        (r"\(a\) and \[b\] and $$c$$ and $d$", ["a", "b", "c", "d"]),
        ("$a$$b$", ["a", "b"]),
        (r"the factor $\sim 5\times$, $K$-means, $20\%$", [r"\sim 5\times", "K", r"20\%"]),
        ("$x", []),
        ("costs $5 and $6", []),
        ("from $5 to $10", []),
        ("between $5M and 10M$ a year", []),
        ("$5-$10", []),
        (r"\$x\$ and $y$", ["y"]),
        (r"$x\$y$", [r"x\$y"]),
        ("$", []),
        ("$$", []),
        ("$$$$", []),
        (r"\(\(a\)", ["a"]),
    ],
)
def test_mathematics_is_told_from_money(text: str, sources: list[str]) -> None:
    assert formulas(text) == sources


@pytest.mark.parametrize(
    "text",
    [
        r"$\unknown{x}$",
        "$x_{1$",
        "$a}{b$",
        r"$\frac{1}$",
        r"$\def\a{\b\b}\def\b{ha}\a$",
        r"$\newcommand{\a}{x}\a$",
        r"$\input{/etc/passwd}$",
        r"$\text{\input{x}}$",
        r"$\unicode{0}$",
        r"$\unicode{110000000}$",
        "$\x00$",
        f"${'x' * (LONGEST + 1)}$",
        f"${'{' * 400}{'}' * 400}\\frac$",
    ],
)
def test_what_cannot_be_read_whole_stays_text(text: str) -> None:
    assert tex_html(text) == escape(text)


def test_a_formula_holds_its_tex_for_those_who_cannot_see_it() -> None:
    assert tex_html(r"$a<\beta$") == (
        r'<math alttext="a&lt;\beta"><mrow><mi>a</mi><mo>&lt;</mo><mi>β</mi></mrow></math>'
    )
    assert '<math display="block"' in tex_html(r"\[x\]")


def test_letters_of_another_style_are_unicodes_own() -> None:
    html = tex_html(r"$\bm{x}\mathscr{L}\mathbb{E}\mathbf{1}\boldsymbol{\beta}\mathscr{X}$")
    assert re.findall(r"<m[in]>(.)<", html) == ["𝒙", "ℒ", "𝔼", "𝟏", "𝜷", "𝒳"]
    assert "mathvariant" not in html


def test_no_address_and_no_colour_comes_in_by_mathematics() -> None:
    html = tex_html(r"$\href{javascript:alert(1)}{x} \color{red} y \style{color:red}{z}$")
    assert not re.search(r"(?:href|style|class|mathcolor)=", html)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"\textbf{50\%} \& \emph{a \textit{b}}", "50% & a b"),
        (r"see \url{https://x.org/~a_b}", "see https://x.org/~a_b"),
        (r"\emph{of $x_{1}$ and}", "of $x_{1}$ and"),
        (r"Cram\'er-Rao, Moir\'{e}", "Cramér-Rao, Moiré"),
        ("Fig.~1, et~al.", "Fig.\xa01, et\xa0al."),
        ("~50 and 10~20", "~50 and 10~20"),
        (r"{kept} \emph{open", r"{kept} \emph{open"),
        (r"\emphasis{x} }{", r"\emphasis{x} }{"),
    ],
)
def test_simple_commands_become_what_they_show(text: str, shown: str) -> None:
    assert tex_text(text) == shown


@given(TEX)
def test_any_text_gives_well_formed_markup_of_mathematics_only(text: str) -> None:
    html = tex_html(text)
    assert "<" not in MATHML.sub("", html)
    for found in MATHML.findall(html):
        etree.fromstring(found)
    tex_text(text)


@given(st.text())
def test_text_without_tex_is_only_escaped(text: str) -> None:
    plain = re.sub(r"[\\$~{}]", "", text)
    assert tex_html(plain) == escape(plain)


@pytest.mark.parametrize("piece", ["$x", "$$", r"\(", r"\(a", r"\[a\) ", r"\emph{", "{", "}", "~a"])
def test_time_grows_with_the_length_only(piece: str) -> None:
    began = time.process_time()
    tex_html(piece * 20_000)
    assert time.process_time() - began < 3


def test_the_formulas_of_real_papers_are_all_shown(digest_data: Path) -> None:
    shown = 0
    for name in ("seed-day-216-papers.jsonl", "hard_items.jsonl"):
        for line in (digest_data / name).read_text("utf-8").splitlines():
            paper = json.loads(line)
            html = tex_html(f"{paper['title']} {paper['abstract']}")
            shown += len(MATHML.findall(html))
            assert "$" not in MATHML.sub("", html), html
            for found in MATHML.findall(html):
                etree.fromstring(found)
    assert shown == 94
