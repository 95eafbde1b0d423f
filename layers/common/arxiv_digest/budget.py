"""What scoring will take in tokens, before a provider has counted them."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from arxiv_digest.batches import make_batches
from arxiv_digest.models import Example, Paper
from arxiv_digest.profile import Profile
from arxiv_digest.scoring import Prompt, make_prompt

BYTES_A_TOKEN = 3
"""Fewer bytes of UTF-8 than any current tokenizer needs for a token of English abstracts (some 4.5)
or of Chinese (some 4), so that more is expected than is taken."""

ANSWER_TOKENS = 40
"""Tokens of an answer for a paper, on average: an id and a score for all, a reason for few."""


def expected_of_call(prompt: Prompt, papers: int) -> int:
    """The tokens of one call with so many papers, prompt and answer together."""
    size = len(prompt.system.encode()) + len(prompt.user.encode())
    return ceil(size / BYTES_A_TOKEN) + ANSWER_TOKENS * papers


def expected_of_day(
    papers: Sequence[Paper], profile: Profile, examples: Sequence[Example] = ()
) -> int:
    """The tokens of scoring every paper of a day once, in batches of the profile.

    ``examples`` are what every prompt has, votes among them.
    """
    if not papers:
        return 0
    batches = make_batches(papers[0].announced, papers, profile.papers_per_call)
    return sum(
        expected_of_call(make_prompt(batch.papers, profile, examples), len(batch.papers))
        for batch in batches
    )
