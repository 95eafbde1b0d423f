"""The page of a day."""

from __future__ import annotations

from arxiv_digest.models import Digest
from arxiv_digest.rendering.context import context, environment


def render_page(digest: Digest, index: str = "../index.html") -> str:
    """The digest as one HTML page that needs nothing else.

    ``index`` is where the archive's front page lies as seen from this one.
    """
    given = {**context(digest), "index": index}
    return environment().get_template("digest.html.j2").render(given)
