"""A link that was followed, or a button that was pressed, to a reader's vote in the table."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qs

from arxiv_digest.adapters.archive import Archive
from arxiv_digest.adapters.runs import Runs
from arxiv_digest.migrations import DIGEST
from arxiv_digest.models import Choice, Digest, Recommendation, Vote
from arxiv_digest.rendering import render_refusal, render_vote
from arxiv_digest.voting import ANYBODY, Ballot, LinkExpired, LinkForged, checked, voter

LONGEST_FORM = 100
"""Characters of the form that a button sends: a choice and a number."""


class Answer(NamedTuple):
    """What a visitor is shown, and what the log is told, which is nothing of who it was."""

    status: HTTPStatus
    page: str
    log: str


class Unreadable(Exception):
    """A form that is none of the page's own."""


@dataclass(frozen=True)
class TakeVote:
    """The page behind the links; ``archive`` gives that of a profile by name, ``key`` is theirs."""

    runs: Runs
    archive: Callable[[str], Archive]
    key: str

    def __call__(self, token: str, form: str | None, now: dt.datetime) -> Answer:
        """Show what a link asks, or note what a button of that page said, in ``form``.

        Only a button changes anything. Pressed again it changes nothing more; where the vote was
        changed since its page was shown, it changes nothing at all.
        """
        try:
            ballot = checked(token, self.key, now)
            pressed = None if form is None else _pressed(form)
        except LinkForged as problem:
            return refusal(HTTPStatus.FORBIDDEN, "vote_forged", str(problem))
        except LinkExpired as problem:
            return refusal(HTTPStatus.GONE, "vote_expired", str(problem))
        except Unreadable as problem:
            return refusal(HTTPStatus.BAD_REQUEST, "vote_unreadable", str(problem))
        digest = self._digest(ballot)
        entry = _entry(digest, ballot.paper_id) if digest else None
        if digest is None or entry is None:
            return refusal(HTTPStatus.GONE, "vote_gone", f"no {ballot.paper_id} of {ballot.date}")
        runs = self.runs.of(ballot.profile)
        before = runs.vote(ballot.paper_id, ballot.reader)
        language = digest.reader.language
        if pressed is None:
            return _page(ballot, entry, language, before, "asked")
        choice, version = pressed
        vote = Vote(
            paper=entry.paper,
            field=entry.field,
            date=ballot.date,
            choice=choice,
            version=version + 1,
            cast_at=now,
        )
        if (before.choice if before else Choice.NONE) is choice:
            return _page(ballot, entry, language, before, "noted before")
        if runs.cast(vote, ballot.reader):
            return _page(ballot, entry, language, vote, f"noted: {choice}")
        since = runs.vote(ballot.paper_id, ballot.reader)
        return _page(ballot, entry, language, since, "changed since", changed=True)

    def _digest(self, ballot: Ballot) -> Digest | None:
        key = f"{ballot.date}/digest.json"
        content = self.archive(ballot.profile).read(key)
        return DIGEST.read(content, key) if content is not None else None


def _page(
    ballot: Ballot,
    entry: Recommendation,
    language: str,
    vote: Vote | None,
    log: str,
    *,
    changed: bool = False,
) -> Answer:
    page = render_vote(
        entry.paper,
        language,
        proposed=ballot.choice,
        choice=vote.choice if vote else None,
        version=vote.version if vote else 0,
        shared=ballot.reader == voter(ANYBODY),
        changed=changed,
    )
    return Answer(HTTPStatus.CONFLICT if changed else HTTPStatus.OK, page, log)


def refusal(status: HTTPStatus, why: str, log: str) -> Answer:
    """The answer to a request that nothing comes of."""
    return Answer(status, render_refusal(why), f"refused: {log}")


def _pressed(form: str) -> tuple[Choice, int]:
    """What a button said, and the version of the vote that its page had shown."""
    try:
        if len(form) > LONGEST_FORM:
            raise ValueError
        fields = parse_qs(form, strict_parsing=True, max_num_fields=2)
        [choice], [version] = fields["choice"], fields["version"]
        if not re.fullmatch("[0-9]{1,9}", version):
            raise ValueError
        return Choice(choice), int(version)
    except (ValueError, KeyError):
        raise Unreadable("a form that is not the page's own") from None


def _entry(digest: Digest, paper_id: str) -> Recommendation | None:
    return next((entry for entry in digest.scored if entry.paper.id == paper_id), None)
