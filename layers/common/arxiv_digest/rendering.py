"""A digest as Markdown, page, JSON and e-mail, and the archive's index; nothing is read or sent.

Everything that came from outside is escaped for the format it goes into.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from typing import Any

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from arxiv_digest.language import Words, feed_notes, rebuilt, scorer_name, updated, words
from arxiv_digest.models import Day, Digest, Recommendation, Unscored
from arxiv_digest.troubles import in_language

SCHEMA_NAME = "digest.schema.json"
"""The archive's key of the JSON Schema that every ``digest.json`` follows."""

AUTHORS_SHOWN = 12
"""Names shown on the page and in the mail; Markdown and JSON hold all of them."""


def render_markdown(digest: Digest) -> str:
    """The digest as Markdown: title, four lines of account, then fields and papers."""
    return _environment().get_template("digest.md.j2").render(_context(digest))


def render_page(digest: Digest, index: str = "../index.html") -> str:
    """The digest as one HTML page that needs nothing else.

    ``index`` is where the archive's front page lies as seen from this one.
    """
    context = {**_context(digest), "index": index}
    return _environment().get_template("digest.html.j2").render(context)


def render_json(digest: Digest) -> str:
    """The digest as JSON, by the schema of :func:`render_schema`."""
    return digest.model_dump_json(indent=1) + "\n"


def render_schema() -> str:
    """The JSON Schema of ``digest.json``."""
    schema = Digest.model_json_schema(mode="serialization")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def render_index(days: Iterable[Day], language: str) -> str:
    """The archive's front page: every day, the newest first."""
    newest_first = sorted(days, key=lambda day: day.date, reverse=True)
    template = _environment().get_template("index.html.j2")
    return template.render(days=newest_first, said=words(language))


def render_mail(digest: Digest, sender: Address, recipient: str, page: str) -> EmailMessage:
    """The digest as a multipart message, text and HTML, as it is handed to SES.

    ``page`` says where the digest stands in the archive. SES replaces ``Message-ID`` and ``Date``,
    so neither is set.
    """
    said = words(digest.reader.language)
    context = {**_context(digest), "page": page}
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = _subject(digest, said)
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<mailto:{sender.addr_spec}?subject=unsubscribe>"
    message["X-ArXiv-Digest"] = f"date={digest.date}; profile={digest.reader.profile}"
    environment = _environment()
    text = environment.get_template("mail.txt.j2").render(context)
    html = environment.get_template("mail.html.j2").render(context)
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(_inliner().inline(html), subtype="html", cte="quoted-printable")
    return message


def markdown_text(text: object) -> str:
    r"""Escape text so that CommonMark shows it letter by letter.

    Only what can start markup is escaped, so that ordinary titles stay as they are: an underscore
    inside a word, a hyphen or a dot never does.

    >>> markdown_text("A* in snake_case <b> [x](y)")
    'A\\* in snake_case \\<b\\> \\[x\\](y)'
    """
    line = " ".join(str(text).split())
    return _LIST_NUMBER.sub(r"\1\\", _MARKUP.sub(r"\\\g<0>", line))


_MARKUP = re.compile(
    r"[\\`*\[\]<>~]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis; inside a word an underscore is only itself
    r"|&(?=#?\w+;)"  # an entity
    r"|^[#+=-]"  # a heading, a list or a rule, at the start of a line
    r"|(?<=\s)#(?=#*$)"  # the end of a heading
)
_LIST_NUMBER = re.compile(r"^(\d{1,9})(?=[.)])")


def _subject(digest: Digest, said: Words) -> str:
    best = digest.best
    if best is None:
        return said.subject_none.format(date=digest.date)
    title = " ".join(best.paper.title.split())
    line = said.subject.format(date=digest.date, count=digest.recommended, title=title)
    return line if len(line) <= 150 else line[:149] + "…"


def _context(digest: Digest) -> dict[str, Any]:
    said = words(digest.reader.language)
    tokens = str(digest.tokens.total)
    if digest.tokens.unreported:
        tokens = said.tokens_unreported.format(tokens=tokens, calls=digest.tokens.unreported)
    read = said.read_one if digest.ledger.announced == 1 else said.read
    account = [
        updated(digest.made_at, digest.reader.time_zone, said),
        read.format(count=digest.ledger.announced),
        said.model.format(model=scorer_name(digest.scorer, said), tokens=tokens),
        said.ledger.format(date=digest.date, **digest.ledger.model_dump()),
    ]
    if digest.rebuilt:
        account.insert(1, rebuilt(digest.feeds, said))
    if digest.seen_before:
        account.append(said.seen_before.format(count=digest.seen_before))
    if digest.left_out:
        account.append(said.left_out.format(count=digest.left_out))
    verdict = said.verdicts[digest.verdict].format(threshold=f"{digest.reader.minimum_score:g}")
    return {
        "digest": digest,
        "said": said,
        "title": f"{said.title} - {digest.title_date}",
        "account": account,
        "summary": said.summary.format(
            announced=digest.ledger.announced, recommended=digest.recommended
        ),
        "notes": feed_notes(digest.feeds, digest.reader.language),
        "verdict": verdict,
        "reason": lambda paper: _reason(paper, digest.reader.language),
        "authors": lambda paper: _authors(paper, said),
    }


def _reason(paper: Recommendation | Unscored, language: str) -> str:
    if isinstance(paper, Unscored):
        return in_language(paper.reason, language) or words(language).not_scored_in_time
    return paper.reason or words(language).no_reason


def _authors(paper: Recommendation, said: Words) -> str:
    names = paper.paper.authors
    if len(names) <= AUTHORS_SHOWN:
        return ", ".join(names)
    rest = said.more_authors.format(count=len(names))
    return f"{', '.join(names[:3])}, … ({rest})"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("arxiv_digest"),
        autoescape=select_autoescape(("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["markdown"] = markdown_text
    return environment


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)
