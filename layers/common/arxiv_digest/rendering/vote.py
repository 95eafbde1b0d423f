"""The page that a vote's link leads to: it asks, and says what is noted."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256

from arxiv_digest.language import LANGUAGES, words
from arxiv_digest.models import Choice, Paper
from arxiv_digest.rendering.context import environment
from arxiv_digest.rendering.mathematics import tex_html

_PLAIN = """
html { font: 1rem/1.65 system-ui, sans-serif; }
body { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem; }
h1 { margin: 2rem 0 0; font-size: 1.75rem; line-height: 1.25; }
"""
"""The style of a refusal: whoever makes up links without a pause is sent little for each."""


def render_vote(
    paper: Paper,
    language: str,
    *,
    proposed: Choice,
    choice: Choice | None,
    version: int,
    shared: bool,
    changed: bool = False,
) -> str:
    """The page of one reader's vote on a paper, with a button for whatever can be said of it.

    ``choice`` is what the reader said before, none where nothing; ``version`` that of the vote, 0
    for none. ``shared`` is the vote of all readers of a page; ``changed`` says that what was
    pressed came too late.
    """
    said = words(language)
    voted = choice in (Choice.MORE, Choice.LESS)
    other = Choice.LESS if proposed is Choice.MORE else Choice.MORE
    offered = [
        one for one in (proposed, other, Choice.NONE if voted else None) if one is not choice
    ]
    page = environment().get_template("vote.html.j2")
    return page.render(
        said=said,
        style=_style(),
        english_is_foreign=said.html_lang != "en",
        paper=paper,
        title=tex_html(paper.title),
        state=said.vote_state[choice] if choice else "",
        question=said.vote_question[proposed] if choice is None else "",
        choices=[one for one in offered if one],
        version=version,
        shared=shared,
        changed=changed,
    )


def render_refusal(why: str) -> str:
    """The page that says why nothing was noted, in each language, since nobody's is known.

    ``why`` is the name of one of the words, such as ``vote_expired``.
    """
    page = environment().get_template("vote_refused.html.j2")
    return page.render(style=_PLAIN, every=[words(name) for name in LANGUAGES], why=why)


@cache
def vote_policy() -> str:
    """The Content Security Policy of both pages: their own styles, and forms to where they are."""
    digests = (b64encode(sha256(one.encode()).digest()).decode() for one in (_style(), _PLAIN))
    styles = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; style-src {styles}; img-src data:; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    )


@cache
def _style() -> str:
    return environment().get_template("style.css.j2").render()
