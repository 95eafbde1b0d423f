"""A vote on the deployed stack, from the link in a mail to the next day's prompt."""

from __future__ import annotations

import re
from datetime import date
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from arxiv_digest.models import Choice
from arxiv_digest.voting import Ballot, signed, voter
from local.day import logged
from tests.deployed import READERS, Deployed, papers_of
from tests.e2e.test_permissions import physical_name

READER = READERS[0]


class Shown(NamedTuple):
    """What a browser was answered."""

    status: int
    page: str

    @property
    def version(self) -> int:
        found = re.search(r'name="version" value="(\d+)"', self.page)
        assert found
        return int(found[1])


def follow(deployed: Deployed, link: str, **pressed: object) -> Shown:
    """Follow a link, or press a button of its page: the emulator has no name in the DNS."""
    address = urlsplit(link)
    request = Request(
        f"{deployed.stack.emulator.url}{address.path}?{address.query}",
        data=urlencode(pressed).encode() if pressed else None,
        headers={"Host": address.netloc},
    )
    try:
        with build_opener(ProxyHandler({})).open(request) as answer:
            return Shown(answer.status, answer.read().decode())
    except HTTPError as refused:
        return Shown(refused.code, refused.read().decode())


def mailed_links(deployed: Deployed, day: date, reader: str) -> list[str]:
    """The links of a reader's mail of a day as it was handed to SES."""
    mail = message_from_string(deployed.read(f"{day}/mail/{reader}.eml"), policy=default)
    assert isinstance(mail, EmailMessage)
    html = mail.get_body(("html",))
    assert html is not None
    return re.findall(r'href="([^"]+\?v=[^"]+)"', html.get_content())


def votes(deployed: Deployed) -> dict[str, tuple[Choice, int]]:
    return {vote.paper.id: (vote.choice, vote.version) for vote in deployed.runs.votes()}


@pytest.fixture
def voted_day(deployed: Deployed) -> date:
    """A day whose digest was mailed, and on which nobody voted yet."""
    day = date(2026, 3, 16)
    if not deployed.objects(f"{day}/digest.json"):
        deployed.publish(day, {"cs.CV": papers_of(day, 12)})
        deployed.fetch()
        deployed.digest(day)
    return day


def test_a_link_of_a_mail_asks_and_its_button_votes_once_and_takes_it_back(
    deployed: Deployed, voted_day: date
) -> None:
    more, less = mailed_links(deployed, voted_day, READER)[:2]
    assert more.startswith(deployed.stack.outputs["VoteAddress"])
    asked = follow(deployed, more)
    assert (asked.status, votes(deployed)) == (200, {})

    noted = follow(deployed, more, choice="more", version=asked.version)
    again = follow(deployed, more, choice="more", version=asked.version)
    [(paper_id, vote)] = votes(deployed).items()
    assert (noted.status, again.status, vote) == (200, 200, (Choice.MORE, 1))

    back = follow(deployed, less, choice="none", version=noted.version)
    assert (back.status, votes(deployed)[paper_id]) == (200, (Choice.NONE, 2))
    replayed = follow(deployed, more, choice="more", version=asked.version)
    assert (replayed.status, votes(deployed)[paper_id]) == (409, (Choice.NONE, 2))
    assert voter(READER) not in "\n".join(logged(deployed.stack))

    follow(deployed, more, choice="more", version=replayed.version)
    next_day = date(2026, 3, 17)
    deployed.publish(next_day, {"cs.CV": papers_of(next_day, 3)})
    deployed.fetch()
    digest = deployed.digest(next_day)
    [title] = [vote.paper.title for vote in deployed.runs.votes()]
    assert digest.ledger.scored == 3
    prompts = [request.prompt for request in deployed.model.requests]
    assert f"more like: {title}" in prompts[-1]


def test_forged_expired_and_foreign_links_are_refused(deployed: Deployed, voted_day: date) -> None:
    link = mailed_links(deployed, voted_day, READERS[1])[0]
    address, _, token = link.partition("?v=")
    secrets = deployed.stack.client("secretsmanager")
    key = secrets.get_secret_value(SecretId=physical_name(deployed, "VoteKey"))["SecretString"]
    paper_id = token.split("~")[2]
    over = Ballot(Choice.MORE, voted_day, paper_id, voter(READER), 1, "")
    before = votes(deployed)
    for refused, status in (
        (f"{address}?v={token[:-1]}", 403),
        (f"{address}?v={token.replace('more~', 'less~')}", 403),
        (f"{address}?v={signed(over, key)}", 410),
        (f"{address}?v={signed(over._replace(expires=2**33), 'another key')}", 403),
        (address, 403),
    ):
        for shown in (
            follow(deployed, refused),
            follow(deployed, refused, choice="more", version=0),
        ):
            assert shown.status == status, refused
            assert "Traceback" not in shown.page
    assert votes(deployed) == before
    assert len(key) == 64
