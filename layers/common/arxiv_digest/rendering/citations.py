"""Papers as references: BibTeX and RIS, for reference managers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from arxiv_digest.models import Paper
from arxiv_digest.rendering.mathematics import Formula, balanced, tex_parts, tex_text

_BIBTEX_SIGNS = str.maketrans(
    {
        **{sign: rf"\{sign}" for sign in "&%$#_"},
        "\\": r"\textbackslash{}",
        # BibTeX counts the braces of \{ and \} as well.
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
    }
)
_SUFFIX = re.compile(r"(?:jr|sr)\.?|II|III|IV", re.IGNORECASE)
_GROUP = re.compile(r"\b(?:collaboration|consortium|team|group|project)\b", re.IGNORECASE)
_NOT_IN_BIBTEX = re.compile(r"(?<!\\)[%#]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def bibtex(papers: Iterable[Paper]) -> str:
    """The papers as BibTeX, an ``@misc`` entry each, with the fields of arXiv's own export.

    The key is the identifier, so that keys never meet when files are joined. Titles keep their
    capitals and their mathematics.
    """
    return "\n".join(map(_bibtex_entry, papers))


def ris(papers: Iterable[Paper]) -> str:
    """The papers as RIS, a record each; RIS ends its lines with CR LF."""
    return "".join(
        f"{tag}  - {_line(value)}\r\n" for paper in papers for tag, value in _ris_record(paper)
    )


def _bibtex_entry(paper: Paper) -> str:
    fields = {
        "title": f"{{{_bibtex_title(paper.title)}}}",
        "author": " and ".join(map(_bibtex_name, paper.authors)),
        "year": str(_year(paper)),
        "eprint": _bibtex_text(paper.id),
        "archivePrefix": "arXiv",
        "primaryClass": _bibtex_text(paper.categories[0]) if paper.categories else "",
        # Exporters leave an address as it is, and \url needs it so; an id holds no sign of TeX.
        "url": paper.link,
    }
    lines = (f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@misc{{arXiv:{paper.id},\n" + ",\n".join(lines) + "\n}\n"


def _ris_record(paper: Paper) -> list[tuple[str, str]]:
    return [
        ("TY", "UNPB"),
        ("TI", tex_text(paper.title)),
        *(("AU", _inverted(name)) for name in paper.authors),
        ("PY", str(_year(paper))),
        ("AB", tex_text(paper.abstract)),
        *(("KW", category) for category in paper.categories),
        ("PB", "arXiv"),
        ("AN", f"arXiv:{paper.id}"),
        ("DO", f"10.48550/arXiv.{paper.id}"),
        ("UR", paper.link),
        ("L1", paper.pdf_link),
        ("ER", ""),
    ]


def _year(paper: Paper) -> int:
    """The year in which the paper was submitted, which its identifier begins with (``YYMM``)."""
    year = int(paper.id.rpartition("/")[2][:2])
    # arXiv began in 1991, and a replacement may be announced decades later.
    return 1900 + year if year >= 91 else 2000 + year


def _name(name: str) -> tuple[str, str, str]:
    """A name as (surname, given names, suffix); a group's whole name is its surname."""
    words = _line(name).replace(",", " ").split()
    suffix = words.pop() if len(words) > 2 and _SUFFIX.fullmatch(words[-1]) else ""
    if len(words) < 2 or _GROUP.search(name):
        return " ".join([*words, suffix]).strip(), "", ""
    # Particles such as "van der" belong to the surname.
    first = next((place for place, word in enumerate(words) if place and word.islower()), -1)
    return " ".join(words[first:]), " ".join(words[:first]), suffix


def _inverted(name: str) -> str:
    return ", ".join(part for part in _name(name) if part)


def _bibtex_name(name: str) -> str:
    surname, given, suffix = (_bibtex_text(part) for part in _name(name))
    # The braces keep an "and" or a "von" inside a name from being read as BibTeX's own.
    if not given:
        return f"{{{surname}}}"
    keep = (
        f"{{{surname}}}" if re.search(r"\band\b", f"{surname} {given}", re.IGNORECASE) else surname
    )
    return ", ".join(part for part in (keep, suffix, given) if part)


def _bibtex_title(title: str) -> str:
    return "".join(
        _bibtex_formula(part) if isinstance(part, Formula) else _bibtex_signs(part)
        for part in tex_parts(_line(title))
    )


def _bibtex_formula(formula: Formula) -> str:
    fits = balanced(formula.written, escaped=True) and not _NOT_IN_BIBTEX.search(formula.source)
    return formula.written if fits else _bibtex_signs(formula.written)


def _bibtex_text(text: str) -> str:
    return _bibtex_signs(_line(text))


def _bibtex_signs(text: str) -> str:
    return text.translate(_BIBTEX_SIGNS)


def _line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())
