"""Papers as BibTeX and RIS."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arxiv_digest.announcements import author_names
from arxiv_digest.rendering.citations import bibtex, ris
from tests.builders import a_paper, papers

RIS_LINE = re.compile(r"(?:TY|TI|AU|PY|AB|KW|PB|AN|DO|UR|L1|ER)  - .*")
HOSTILE = st.text(alphabet='{}\\"@%#$&_~^,= \r\n\x00aé论', max_size=60)


def entries(text: str) -> list[dict[str, str]]:
    """Read BibTeX as BibTeX itself does: by its braces, whatever stands before them."""
    found = []
    place = 0
    while (start := text.find("@misc{", place)) >= 0:
        key = text[start + 6 : text.index(",", start)]
        fields = {"key": key}
        place = text.index(",", start) + 1
        while match := re.compile(r"\s*(\w+) = \{").match(text, place):
            depth, end = 1, match.end()
            while depth:
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            fields[match[1]] = text[match.end() : end - 1]
            place = end + (text[end] == ",")
        assert text[place : place + 2] == "\n}", text[place:]
        found.append(fields)
    return found


def test_an_entry_has_the_fields_of_arxivs_own_export() -> None:
    paper = a_paper(id="2601.14327", title="Pruning by 50%", categories=("cs.LG", "cs.CV"))
    assert bibtex([paper]) == (
        "@misc{arXiv:2601.14327,\n"
        "  title = {{Pruning by 50\\%}},\n"
        "  author = {1, Ada and Bee, Bob},\n"
        "  year = {2026},\n"
        "  eprint = {2601.14327},\n"
        "  archivePrefix = {arXiv},\n"
        "  primaryClass = {cs.LG},\n"
        "  url = {https://arxiv.org/abs/2601.14327}\n"
        "}\n"
    )


def test_a_record_of_ris_has_what_a_reference_manager_reads() -> None:
    paper = a_paper(id="2601.14327", title=r"\emph{Pruning}", abstract="A\n b.")
    assert ris([paper]).split("\r\n") == [
        "TY  - UNPB",
        "TI  - Pruning",
        "AU  - 1, Ada",
        "AU  - Bee, Bob",
        "PY  - 2026",
        "AB  - A b.",
        "KW  - cs.LG",
        "PB  - arXiv",
        "AN  - arXiv:2601.14327",
        "DO  - 10.48550/arXiv.2601.14327",
        "UR  - https://arxiv.org/abs/2601.14327",
        "L1  - https://arxiv.org/pdf/2601.14327",
        "ER  - ",
        "",
    ]


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("M$^{3}$T2I & more", r"M$^{3}$T2I \& more"),
        (r"\textbf{A} of $x$", "A of $x$"),
        ("costs $5 and $6", r"costs \$5 and \$6"),
        ("A } brace {", r"A \textbraceright{} brace \textbraceleft{}"),
        (r"$\{x$ \input{y}", r"\$\textbackslash{}\textbraceleft{}x\$ \textbackslash{}input"
         r"\textbraceleft{}y\textbraceright{}"),
        ("$a%b$", r"\$a\%b\$"),
        ("大模型", "大模型"),
    ],
)  # fmt: skip
def test_a_title_keeps_its_mathematics_and_nothing_else_of_tex(title: str, written: str) -> None:
    assert entries(bibtex([a_paper(title=title)]))[0]["title"] == f"{{{written}}}"


@pytest.mark.parametrize(
    ("name", "bibtex_name", "ris_name"),
    [
        ("Ada Lovelace", "Lovelace, Ada", "Lovelace, Ada"),
        ("Laurens van der Maaten", "van der Maaten, Laurens", "van der Maaten, Laurens"),
        ("Sammy Davis Jr.", "Davis, Jr., Sammy", "Davis, Sammy, Jr."),
        ("NVIDIA", "{NVIDIA}", "NVIDIA"),
        ("Rock and Roll Team", "{Rock and Roll Team}", "Rock and Roll Team"),
        ("A and B", "{and B}, A", "and B, A"),
        ("王 伟", "伟, 王", "伟, 王"),
    ],
)
def test_names_are_split_as_reference_managers_want_them(
    name: str, bibtex_name: str, ris_name: str
) -> None:
    paper = a_paper(authors=(name,))
    assert entries(bibtex([paper]))[0]["author"] == bibtex_name
    assert f"AU  - {ris_name}\r\n" in ris([paper])


@pytest.mark.parametrize(
    ("paper_id", "year"),
    [("2601.14327", 2026), ("astro-ph/0601001", 2006), ("hep-th/9108001", 1991)],
)
def test_the_year_is_that_of_the_identifier(paper_id: str, year: int) -> None:
    paper = a_paper(id=paper_id)
    assert entries(bibtex([paper]))[0]["year"] == str(year)
    assert f"PY  - {year}\r\n" in ris([paper])


def test_every_paper_is_there_once_under_a_key_of_its_own() -> None:
    assert [entry["key"] for entry in entries(bibtex(papers(3)))] == [
        f"arXiv:{paper.id}" for paper in papers(3)
    ]
    assert ris(papers(3)).count("ER  - \r\n") == 3
    assert bibtex([]) == ris([]) == ""


@given(HOSTILE, HOSTILE)
def test_no_text_breaks_out_of_its_field(title: str, name: str) -> None:
    paper = a_paper(title=title, authors=(name, "Ada B"), abstract=title, categories=(name,))
    [entry] = entries(bibtex([paper]))
    assert entry["url"] == paper.link
    assert entry["author"].endswith("B, Ada")
    lines = ris([paper]).split("\r\n")
    assert all(RIS_LINE.fullmatch(line) for line in lines[:-1]), lines


def test_real_hard_papers_are_read_back_whole(digest_data: Path) -> None:
    rows = [
        json.loads(line)
        for line in (digest_data / "hard_items.jsonl").read_text("utf-8").splitlines()
    ]
    hard = [
        a_paper(id=row["id"], title=row["title"], authors=author_names(row["authors"]))
        for row in rows
    ]
    read = entries(bibtex(hard))
    assert [entry["eprint"] for entry in read] == [paper.id for paper in hard]
    assert [entry["author"].count(" and ") + 1 for entry in read] == [
        len(paper.authors) for paper in hard
    ]
