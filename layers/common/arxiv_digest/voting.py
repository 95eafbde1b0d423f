"""Readers' votes: the links by which they are cast, and what they teach.

A link says which paper of which digest it is about, who votes, and until when it can be used; a
signature by the stack's own key (HMAC-SHA256, RFC 2104, cut to 128 bits) makes that its word and
nobody else's. Following a link changes nothing: it leads to a page that asks.
"""

from __future__ import annotations

import datetime as dt
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from arxiv_digest.models import Choice, Digest, Example, PastScore, Vote

LINK_DAYS = 30
"""Days after the start of a digest's run in which its links can be used."""

LONGEST_TOKEN = 250
"""Characters; a profile's name has 40 at most, a paper's id some 20."""

ANYBODY = "page"
"""The reader of a page's links, whoever follows them: no address is called so."""

MOST = 500
"""So many votes count in a run, the latest: older ones count for little, and a run keeps them."""

TAUGHT = 20
"""So many of the latest votes of each kind stand in the prompt, by the titles of their papers."""

WEIGHT = 10.0
"""How many scores of a language model the readers' word on a paper counts for."""

SCORES = {Choice.MORE: 10.0, Choice.LESS: 0.0}
"""The score that a vote is taken for."""


class Ballot(NamedTuple):
    """What a link says: ``choice`` is what its page proposes, ``expires`` seconds since the epoch.

    ``profile`` is the name of one of many, or empty; ``reader`` what :func:`voter` makes of an
    address.
    """

    choice: Choice
    date: dt.date
    paper_id: str
    reader: str
    expires: int
    profile: str


class LinkRefused(Exception):
    """A link that does not count; the message is for the log, and says nothing of the reader."""


class LinkForged(LinkRefused):
    """Not a link of this stack: damaged, made up, another stack's, or of a key since replaced."""


class LinkExpired(LinkRefused):
    """A link of this stack whose time is over."""


class Links(NamedTuple):
    """The addresses by which one reader says of one paper: more like it, or less."""

    more: str
    less: str


def voter(address: str) -> str:
    """A reader in links and in the table, by e-mail address: the same for any spelling of it.

    It is not the address itself, which would stand in browsers' histories and in logs of proxies.
    """
    return _short(sha256(address.casefold().encode()).digest()[:9])


def signed(ballot: Ballot, key: str) -> str:
    """What a link carries: its words and their signature."""
    choice, date, paper_id, reader, expires, profile = ballot
    told = "~".join((choice, date.isoformat(), paper_id, reader, str(expires), profile))
    return f"{told}~{_signature(told, key)}"


def checked(token: str, key: str, now: dt.datetime) -> Ballot:
    """What a link says, if it may be used now.

    Raises :class:`LinkForged` or :class:`LinkExpired`.
    """
    told, _, signature = token.rpartition("~")
    readable = token.isascii() and len(token) <= LONGEST_TOKEN
    if not readable or not hmac.compare_digest(_signature(told, key), signature):
        raise LinkForged("a link that this stack's key has not signed")
    # Signed here, so it has the form that is written above.
    choice, date, paper_id, reader, expires, profile = told.split("~")
    if now.timestamp() >= int(expires):
        raise LinkExpired(f"a link of {date} whose time is over")
    return Ballot(
        Choice(choice), dt.date.fromisoformat(date), paper_id, reader, int(expires), profile
    )


@dataclass(frozen=True)
class Voting:
    """Where the digests of a profile are voted on: the page's address and the key of its links."""

    address: str
    key: str = field(repr=False)
    profile: str = ""

    def links(self, digest: Digest, reader: str = ANYBODY) -> VoteLinks:
        """The links of a digest for one reader, by e-mail address, or for those of its page."""
        expires = digest.started_at + dt.timedelta(days=LINK_DAYS)
        return VoteLinks(self, digest.date, voter(reader), int(expires.timestamp()))


@dataclass(frozen=True)
class VoteLinks:
    """The links of one digest for one reader, by paper; all readers' are of the same length."""

    voting: Voting
    date: dt.date
    reader: str
    expires: int

    def __call__(self, paper_id: str) -> Links:
        """The links of one paper."""
        return Links(self._link(Choice.MORE, paper_id), self._link(Choice.LESS, paper_id))

    def _link(self, choice: Choice, paper_id: str) -> str:
        voting = self.voting
        ballot = Ballot(choice, self.date, paper_id, self.reader, self.expires, voting.profile)
        return f"{voting.address}?v={signed(ballot, voting.key)}"


def votes_before(votes: Iterable[Vote], moment: dt.datetime) -> list[Vote]:
    """The votes that stood at a moment and were not changed since, the oldest first.

    Of more than :data:`MOST` it is the latest.
    """
    cast = (vote for vote in votes if vote.cast_at < moment and vote.choice is not Choice.NONE)
    return sorted(cast, key=lambda vote: vote.cast_at)[-MOST:]


def with_votes(history: Sequence[PastScore], votes: Sequence[Vote]) -> list[PastScore]:
    """What past scores and votes teach together.

    The votes on a paper, averaged over its readers, take the place of what a model gave it.
    """
    of_paper: dict[str, list[Vote]] = {}
    for vote in votes:
        of_paper.setdefault(vote.paper.id, []).append(vote)
    said = [
        PastScore(
            paper=cast[-1].paper,
            score=sum(SCORES[vote.choice] for vote in cast) / len(cast),
            field=cast[-1].field,
            date=cast[-1].date,
            weight=WEIGHT,
            voted=True,
        )
        for cast in of_paper.values()
    ]
    return [*(one for one in history if one.paper.id not in of_paper), *said]


def as_examples(votes: Sequence[Vote], papers: Iterable[str] = ()) -> tuple[Example, ...]:
    """The latest :data:`TAUGHT` votes of each kind, by title, as examples for a prompt.

    Left out are those on ``papers``, by id, of which a prompt says something else, and those of
    readers who do not agree.
    """
    others = set(papers)
    said: dict[str, set[Choice]] = {}
    latest: dict[str, Vote] = {}
    for vote in votes:
        said.setdefault(vote.paper.id, set()).add(vote.choice)
        latest[vote.paper.id] = vote
    agreed = [
        vote
        for name, vote in sorted(latest.items(), key=lambda pair: pair[1].cast_at)
        if len(said[name]) == 1 and name not in others
    ]
    return tuple(
        Example(id=vote.paper.id, more=choice is Choice.MORE, title=vote.paper.title)
        for choice in (Choice.MORE, Choice.LESS)
        for vote in [one for one in agreed if one.choice is choice][-TAUGHT:]
    )


def _signature(told: str, key: str) -> str:
    return _short(hmac.new(key.encode(), told.encode(), sha256).digest()[:16])


def _short(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
