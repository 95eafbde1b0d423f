"""A digest as Markdown."""

from __future__ import annotations

import re

from arxiv_digest.models import Digest
from arxiv_digest.rendering.context import context, environment


def render_markdown(digest: Digest) -> str:
    """The digest as Markdown: title, four lines of account, then fields and papers."""
    given = {**context(digest), "escaped": markdown_text}
    return environment().get_template("digest.md.j2").render(given)


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
