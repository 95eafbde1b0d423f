"""A reader's own papers, from what reference managers export: BibTeX, CSL-JSON, CSV, RIS, ids."""

from __future__ import annotations

import csv
import html
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import StringIO
from pathlib import PurePath
from typing import NamedTuple

from bibtexparser.entrypoint import parse_string
from bibtexparser.model import (
    DuplicateBlockKeyBlock,
    DuplicateFieldKeyBlock,
    Entry,
    ImplicitComment,
    ParsingFailedBlock,
)
from pydantic import TypeAdapter, ValidationError

from arxiv_digest.matching import words_of
from arxiv_digest.profile import ArxivId
from arxiv_digest.rendering.mathematics import Formula, tex_parts
from local.categories import CATEGORIES

_ARXIV_ID = TypeAdapter[str](ArxivId)
# What names arXiv before an identifier: a bare one could be part of any DOI or address.
_MENTION = re.compile(
    # DBLP and Google Scholar write it as the volume abs/1706.03762 of a journal.
    r"(?:arxiv\.org/(?:abs|pdf|html|format)/|10\.48550/arxiv\.|\barxiv\s*:\s*|\A\s*abs/)([^\s,;]+)",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?:[0-9]{4}\.[0-9]{4,5}|[a-z-]+(?:\.[A-Z]{2})?/[0-9]{7})(?:v[0-9]+)?")
_ARCHIVES = frozenset(name.partition(".")[0] for name in CATEGORIES)
_CATEGORY = re.compile(r"\[([a-z]+(?:-[a-z]+)*(?:\.[A-Za-z-]+)?)\]")
_MARKUP = re.compile(r"</?(?:i|b|em|strong|sub|sup|sc|span|p|jats:\w+)\b[^>]*>", re.IGNORECASE)
_RIS_LINE = re.compile(r"([A-Z][A-Z0-9])  - ?(.*)")

_BRACE_APART = re.compile(r"^([ \t]*@\w+)(\s+)([{(])", re.MULTILINE)
_BEGINS_AN_ENTRY = re.compile(r"\s*@\w")

_NO_BRACES = str.maketrans("", "", "{}")

TITLES = ("title", "ti", "t1")
ABSTRACTS = ("abstract", "abstractnote", "abstract note", "ab", "n2")


class Reference(NamedTuple):
    """One paper of a reader's own; what its source does not tell is empty."""

    title: str
    abstract: str = ""
    arxiv_id: str = ""
    categories: tuple[str, ...] = ()


class References(NamedTuple):
    """Distinct papers in the order of their source, and what else was there.

    ``repeated`` counts entries of papers that stand there more than once, ``unreadable`` has a
    sentence for each entry that is no paper.
    """

    found: tuple[Reference, ...]
    repeated: int = 0
    unreadable: tuple[str, ...] = ()


Fields = Mapping[str, str]
"""What one entry says, by the lower-case names of its source."""


def read_references(name: str, text: str) -> References:
    """Read what a file holds, whose kind its name's ending tells; nothing in the text raises.

    ``.bib`` is BibTeX, ``.json`` CSL-JSON, ``.csv`` Zotero's, ``.ris`` RIS; a ``.txt`` or a file
    without an ending has arXiv identifiers or links, and ``#`` begins a comment. There is no other
    kind than those of :data:`ENDINGS`.
    """
    read = _READERS[PurePath(name).suffix.lower()]
    found: list[Reference] = []
    unreadable: list[str] = []
    for where, entry in read(text.removeprefix("\ufeff")):
        if isinstance(entry, str):
            unreadable.append(f"{where}: {entry}")
        elif reference := _reference(entry):
            found.append(reference)
        else:
            unreadable.append(f"{where}: neither a title nor an arXiv identifier")
    kept = distinct(found)
    return References(kept, len(found) - len(kept), tuple(unreadable))


def distinct(references: Iterable[Reference]) -> tuple[Reference, ...]:
    """References of which those of one paper, by its identifier or its title, are joined.

    What the first of them does not tell the next ones do. Of papers of one title with different
    identifiers each is one of its own.
    """
    by_identifier = _joined(references, lambda one: one.arxiv_id)
    first: dict[object, str] = {}
    for one in by_identifier:
        if one.arxiv_id:
            first.setdefault(_title(one), one.arxiv_id)

    def title(one: Reference) -> object:
        # What has the title alone is taken for the first paper of this title.
        own = _title(one)
        return own if not one.arxiv_id or first[own] == one.arxiv_id else ()

    return _joined(by_identifier, title)


def _title(one: Reference) -> tuple[str, ...]:
    return tuple(words_of(one.title))


def _joined(
    references: Iterable[Reference], key: Callable[[Reference], object]
) -> tuple[Reference, ...]:
    """References of which those of the same key are one; those of an empty key stay apart."""
    kept: dict[object, Reference] = {}
    for number, one in enumerate(references):
        place = key(one) or number
        before = kept.get(place, one)
        kept[place] = Reference(
            before.title or one.title,
            before.abstract or one.abstract,
            before.arxiv_id or one.arxiv_id,
            before.categories or one.categories,
        )
    return tuple(kept.values())


def _reference(fields: Fields) -> Reference | None:
    title, abstract = (_plain(_first(fields, names)) for names in (TITLES, ABSTRACTS))
    # A title or an abstract may name the identifier of another paper.
    rest = [value for key, value in fields.items() if key not in (*TITLES, *ABSTRACTS)]
    identity = _eprint(fields) or next(filter(None, map(_mentioned, rest)), "")
    if not title and not identity:
        return None
    categories = [fields.get("primaryclass", ""), fields.get("eprintclass", "")]
    if identity:
        categories += [found for value in rest for found in _CATEGORY.findall(value)]
    return Reference(title, abstract, identity, tuple(dict.fromkeys(filter(None, categories))))


def _first(fields: Fields, names: Iterable[str]) -> str:
    return next((value for name in names if (value := fields.get(name, "").strip())), "")


def _eprint(fields: Fields) -> str:
    kind = fields.get("archiveprefix") or fields.get("eprinttype") or "arxiv"
    kind = kind.strip().lower()
    if kind not in ("arxiv", *_ARCHIVES):
        return ""
    archive = kind if kind in _ARCHIVES else fields.get("primaryclass", "").partition(".")[0]
    eprint = fields.get("eprint", "").strip()
    # Of an old identifier the archive may stand in another field.
    return arxiv_id(eprint) or arxiv_id(f"{archive}/{eprint}")


def _mentioned(value: str) -> str:
    found = (arxiv_id(match[1]) for match in _MENTION.finditer(value))
    return next(filter(None, found), "")


def arxiv_id(text: str) -> str:
    """The arXiv identifier in a text, without its version, or nothing where there is none."""
    try:
        return _ARXIV_ID.validate_python(text)
    except ValidationError:
        return ""


def named_paper(word: str) -> str:
    """The arXiv identifier that a word is or links to, or nothing: a file's name may hold one."""
    alone = _BARE.fullmatch(word) or "://" in word
    return arxiv_id(word) if alone else _mentioned(word)


def _plain(text: str) -> str:
    """A title or an abstract on one line, without TeX commands, markup and control signs."""
    parts = tex_parts(html.unescape(_MARKUP.sub("", text)))
    # Braces outside mathematics only keep BibTeX from changing the case.
    line = "".join(
        part.written if isinstance(part, Formula) else part.translate(_NO_BRACES) for part in parts
    )
    return " ".join("".join(sign if sign.isprintable() else " " for sign in line).split())


Read = Iterator[tuple[str, Fields | str]]
"""Entries, each with where it stands; of one that cannot be read, what is wrong with it."""


def _bibtex(text: str) -> Read:
    # What it warns of is in the blocks.
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)
    # The parser takes an entry whose brace stands apart from its kind for a comment.
    text = _BRACE_APART.sub(r"\1\3\2", text)
    for block in parse_string(text).blocks:
        where = f"line {(block.start_line or 0) + 1}"
        entry = block
        if isinstance(block, DuplicateBlockKeyBlock | DuplicateFieldKeyBlock):
            # Citation keys are nothing to us, and of a field that stands twice the first counts.
            entry = block.ignore_error_block or block
        if isinstance(entry, Entry):
            yield where, {field.key.lower(): str(field.value) for field in reversed(entry.fields)}
        elif isinstance(block, ParsingFailedBlock):
            begun = " ".join((block.raw or "").split())[:60]
            yield where, f"its braces, quotes or commas do not match: {begun}"
        elif isinstance(block, ImplicitComment):
            for number, line in enumerate(block.comment.splitlines(), (block.start_line or 0) + 1):
                if _BEGINS_AN_ENTRY.match(line):
                    yield f"line {number}", f"is no entry that can be read: {line.strip()[:60]}"


def _csl_json(text: str) -> Read:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as problem:
        yield "the file", f"is not JSON ({problem})"
        return
    items = content.get("items") if isinstance(content, dict) else content
    if not isinstance(items, list):
        yield "the file", "is no list of items, as CSL-JSON is"
        return
    for number, item in enumerate(items, 1):
        if isinstance(item, dict):
            yield f"item {number}", _texts(item)
        else:
            yield f"item {number}", "is no item with keys"


def _texts(item: Mapping[object, object]) -> Fields:
    return {str(key).lower(): value for key, value in item.items() if isinstance(value, str)}


def _csv(text: str) -> Read:
    # A field may be as long as the file, and the limit is one for all readers.
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    rows = csv.DictReader(StringIO(text, newline=""), strict=True)
    begun = 1
    try:
        if "Title" not in (rows.fieldnames or ()):
            yield "the file", "has no column Title, as Zotero's CSV has"
            return
        begun = rows.line_num + 1
        for row in rows:
            yield f"line {begun}", _texts(row)
            begun = rows.line_num + 1
    except csv.Error as problem:
        yield f"line {begun} and what follows", f"is not CSV ({problem})"


def _ris(text: str) -> Read:
    fields: dict[str, str] = {}
    key, begun = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        tag = _RIS_LINE.fullmatch(line.rstrip())
        if tag and tag[1] == "TY":
            if fields:
                yield f"line {begun}", fields
            fields, key, begun = {}, "", number
        elif tag and tag[1] == "ER":
            if fields:
                yield f"line {begun}", fields
            fields, key = {}, ""
        elif tag:
            key, begun = tag[1].lower(), begun or number
            fields[key] = f"{fields.get(key, '')} {tag[2]}".strip()
        elif key and line.strip():
            fields[key] += f" {line.strip()}"
        elif line.strip():
            yield f"line {number}", f"is no RIS: {line.strip()[:60]}"
    if fields:
        yield f"line {begun}", fields


def _identifiers(text: str) -> Read:
    for number, line in enumerate(text.splitlines(), 1):
        for word in line.partition("#")[0].replace(",", " ").split():
            found = named_paper(word)
            where = f"line {number}"
            yield where, {"eprint": found} if found else f"{word[:60]!r} is no arXiv identifier"


_READERS: Mapping[str, Callable[[str], Read]] = {
    ".bib": _bibtex,
    ".json": _csl_json,
    ".csv": _csv,
    ".ris": _ris,
    ".txt": _identifiers,
    "": _identifiers,
}
ENDINGS = tuple(_READERS)
"""How the names of files end that can be read, in lower case."""
