"""A digest as the e-mail that is handed to SES."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache

import css_inline

from arxiv_digest.language import Words, words
from arxiv_digest.models import Digest
from arxiv_digest.rendering.context import context, environment


def render_mail(digest: Digest, sender: Address, recipient: str, page: str) -> EmailMessage:
    """The digest as a multipart message, text and HTML, as it is handed to SES.

    ``page`` says where the digest stands in the archive. SES replaces ``Message-ID`` and ``Date``,
    so neither is set.
    """
    said = words(digest.reader.language)
    given = {**context(digest), "page": page}
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = _subject(digest, said)
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<mailto:{sender.addr_spec}?subject=unsubscribe>"
    message["X-ArXiv-Digest"] = f"date={digest.date}; profile={digest.reader.profile}"
    text = environment().get_template("mail.txt.j2").render(given)
    html = environment().get_template("mail.html.j2").render(given)
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(_inliner().inline(html), subtype="html", cte="quoted-printable")
    return message


def _subject(digest: Digest, said: Words) -> str:
    best = digest.best
    if best is None:
        return said.subject_none.format(date=digest.date)
    title = " ".join(best.paper.title.split())
    line = said.subject.format(date=digest.date, count=digest.recommended, title=title)
    return line if len(line) <= 150 else line[:149] + "…"


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)
