"""A digest as Markdown, page, JSON and e-mail, and the archive's index; nothing is read or sent.

Everything that came from outside is escaped for the format it goes into.
"""

from arxiv_digest.rendering.archive import render_index
from arxiv_digest.rendering.data import SCHEMA_NAME, render_json, render_schema
from arxiv_digest.rendering.mail import render_mail
from arxiv_digest.rendering.markdown import markdown_text, render_markdown
from arxiv_digest.rendering.page import render_page

__all__ = [
    "SCHEMA_NAME",
    "markdown_text",
    "render_index",
    "render_json",
    "render_mail",
    "render_markdown",
    "render_page",
    "render_schema",
]
