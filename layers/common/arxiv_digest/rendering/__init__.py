"""A digest as Markdown, page, JSON and e-mail, and the archive around it; nothing is read or sent.

Everything that came from outside is escaped for the format it goes into.
"""

from arxiv_digest.rendering.archive import render_index
from arxiv_digest.rendering.data import SCHEMA_NAME, render_json, render_schema
from arxiv_digest.rendering.feeds import DAYS_IN_FEED, render_day_feed, render_paper_feed
from arxiv_digest.rendering.files import day_files, shared_files
from arxiv_digest.rendering.mail import render_mail
from arxiv_digest.rendering.markdown import markdown_text, render_markdown
from arxiv_digest.rendering.months import render_month, render_papers, render_search
from arxiv_digest.rendering.page import render_page
from arxiv_digest.rendering.vote import render_refusal, render_vote, vote_policy

__all__ = [
    "DAYS_IN_FEED",
    "SCHEMA_NAME",
    "day_files",
    "markdown_text",
    "render_day_feed",
    "render_index",
    "render_json",
    "render_mail",
    "render_markdown",
    "render_month",
    "render_page",
    "render_paper_feed",
    "render_papers",
    "render_refusal",
    "render_schema",
    "render_search",
    "render_vote",
    "shared_files",
    "vote_policy",
]
