"""The page behind the links of votes, and these links, for everybody and by the rules of HTML."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from arxiv_digest.models import Choice
from arxiv_digest.rendering import render_page, render_refusal, render_vote
from arxiv_digest.voting import Voting
from tests.builders import a_digest, a_paper, a_profile, scored

PAPER = a_paper(title="Experts $x_1$ of <b>Gutiérrez</b>")


def pages(language: str) -> dict[str, str]:
    def asked(choice: Choice | None, version: int) -> str:
        told = {"choice": choice, "version": version, "shared": True, "changed": version > 1}
        return render_vote(PAPER, language, proposed=Choice.MORE, **told)

    digest = a_digest([(PAPER, scored(PAPER))], a_profile(language=language))
    return {
        "asks": asked(None, 0),
        "noted": asked(Choice.MORE, 1),
        "changed": asked(Choice.NONE, 2),
        "refused": render_refusal("vote_expired"),
        "day": render_page(digest, voting=Voting("https://vote.example/", "a key")),
    }


@pytest.mark.parametrize(
    ("name", "language"),
    [("asks", "zh"), ("noted", "en"), ("changed", "zh"), ("refused", "en"), ("day", "zh")],
)
def test_axe_finds_nothing(axe: Callable[..., None], name: str, language: str) -> None:
    axe(pages(language)[name])
