"""What becomes of a link that is followed and of a button that is pressed, in vote's Lambda."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import StringIO
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from arxiv_digest.adapters.archive import Archive, place_of
from arxiv_digest.adapters.secrets import KEY_SECONDS
from arxiv_digest.models import Choice, Digest
from arxiv_digest.rendering import render_json
from arxiv_digest.voting import LINK_DAYS, Voting, voter
from functions.vote import app as vote
from tests.builders import DAY, NOW, a_digest, a_paper, a_profile, scored
from tests.integration.conftest import Cloud
from tests.integration.test_handlers import CONTEXT, reported

READER = "one@example.org"
ADDRESS = "https://vote.example/"
PAPER = a_paper(title="Pruning <b>experts</b> & $x^2$")


@dataclass
class Booth:
    """The function with a digest to vote on; its clock is the run's unless it is set."""

    cloud: Cloud
    key: str
    now: datetime = NOW

    def keep(self, digest: Digest, profile: str = "") -> None:
        archive = Archive(self.cloud.s3, self.cloud.bucket, place_of(profile))
        archive.write(f"{digest.date}/digest.json", render_json(digest))

    def link(
        self, reader: str = READER, profile: str = "", key: str = "", less: bool = False
    ) -> str:
        links = Voting(ADDRESS, key or self.key, profile).links(DIGEST, reader)(PAPER.id)
        return links.less if less else links.more

    def request(self, link: str, method: str = "GET", body: str | None = None) -> Any:
        """What the function answers to a request that a Function URL hands on."""
        query = urlsplit(link).query
        event: dict[str, Any] = {
            "version": "2.0",
            "rawPath": "/",
            "rawQueryString": query,
            "headers": {"host": "vote.example"},
            "requestContext": {"http": {"method": method, "path": "/"}},
            "isBase64Encoded": False,
        }
        if query:
            name, _, value = query.partition("=")
            event["queryStringParameters"] = {name: value}
        if body is not None:
            event |= {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}
        return vote.handler(event, CONTEXT)

    def press(self, link: str, choice: str, version: int) -> Any:
        return self.request(link, "POST", urlencode({"version": version, "choice": choice}))

    def votes(self, profile: str = "") -> dict[str, tuple[Choice, int]]:
        """Every vote of a profile by the sort key of its item."""
        partition = f"VOTES#{profile}" if profile else "VOTES"
        found = [item for item in self.cloud.items("VOTES") if item["pk"] == partition]
        told = {item["sk"]: json.loads(item["vote"]) for item in found}
        return {key: (Choice(vote["choice"]), vote["version"]) for key, vote in told.items()}


DIGEST = a_digest([(PAPER, scored(PAPER)), (a_paper(2), scored(a_paper(2), 1))])
MINE = f"{PAPER.id}#{voter(READER)}"


@pytest.fixture
def booth(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Booth:
    for made in vars(vote).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()
    told = boto3.client("secretsmanager").create_secret(Name="votes", SecretString="k" * 64)
    for name, value in (("TABLE", cloud.table), ("BUCKET", cloud.bucket)):
        monkeypatch.setenv(f"DIGEST_{name}", value)
    monkeypatch.setenv("DIGEST_VOTE_SECRET", told["ARN"])
    made = Booth(cloud, "k" * 64)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return made.now.astimezone(tz)

    monkeypatch.setattr(vote, "datetime", Clock)
    monkeypatch.setattr(vote.metrics.provider, "namespace", "ArxivDigest/test")
    made.keep(DIGEST)
    return made


def buttons(answer: Any) -> list[str]:
    return re.findall(r'<button name="choice" value="(\w+)"', answer["body"])


def version(answer: Any) -> int:
    return int(re.search(r'name="version" value="(\d+)"', answer["body"])[1])


# ------------------------------------------------------------------------------ voting


def test_following_a_link_changes_nothing_and_asks(booth: Booth) -> None:
    for method in ("GET", "HEAD"):
        answer = booth.request(booth.link(), method)
        assert answer["statusCode"] == 200
        assert buttons(answer) == ["more", "less"]
        assert "Would you like to see more papers like this one?" in answer["body"]
    assert "fewer papers" in booth.request(booth.link(less=True))["body"]
    assert booth.votes() == {}


def test_a_button_stores_a_vote_with_what_learning_needs(booth: Booth) -> None:
    answer = booth.press(booth.link(), "more", 0)
    assert answer["statusCode"] == 200
    assert "Noted: more papers like this one. It counts from the next digest on." in answer["body"]
    assert booth.votes() == {MINE: (Choice.MORE, 1)}
    [stored] = booth.cloud.runs.votes()
    assert (stored.paper, stored.field, stored.date) == (PAPER, "Pruning", DAY)
    [item] = booth.cloud.items("VOTES")
    assert READER not in str(item)
    assert item["expires_at"] > (NOW + timedelta(days=LINK_DAYS)).timestamp()


def test_pressed_again_it_stays_one_vote(booth: Booth) -> None:
    for _ in range(3):
        assert booth.press(booth.link(), "more", 0)["statusCode"] == 200
    assert booth.votes() == {MINE: (Choice.MORE, 1)}


def test_a_vote_is_changed_and_taken_back_by_the_page_that_shows_it(booth: Booth) -> None:
    link = booth.link()
    noted = booth.press(link, "more", 0)
    assert buttons(noted) == ["less", "none"]
    changed = booth.press(link, "less", version(noted))
    assert booth.votes() == {MINE: (Choice.LESS, 2)}
    assert buttons(changed) == ["more", "none"]
    back = booth.press(link, "none", version(changed))
    assert booth.votes() == {MINE: (Choice.NONE, 3)}
    assert "taken back" in back["body"]
    assert buttons(back) == ["more", "less"]
    assert "Noted: more" in booth.press(link, "more", version(back))["body"]
    assert booth.votes() == {MINE: (Choice.MORE, 4)}


def test_a_form_from_before_a_change_is_refused_when_it_is_replayed(booth: Booth) -> None:
    link = booth.link()
    booth.press(link, "more", 0)
    booth.press(link, "none", 1)
    replayed = booth.press(link, "more", 0)
    assert replayed["statusCode"] == 409
    assert "changed after this page" in replayed["body"]
    assert booth.votes() == {MINE: (Choice.NONE, 2)}
    booth.press(link, "less", 2)
    for choice, shown in (("more", 0), ("none", 1), ("more", 2), ("more", 7)):
        assert booth.press(link, choice, shown)["statusCode"] == 409
    assert booth.votes() == {MINE: (Choice.LESS, 3)}


def test_of_two_who_press_at_the_same_time_one_is_told(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = vote.runs()
    stale = runs.of("").vote(PAPER.id, voter(READER))
    booth.press(booth.link(), "more", 0)
    found = [stale]
    original = type(runs).vote
    monkeypatch.setattr(
        type(runs), "vote", lambda self, *key: found.pop() if found else original(self, *key)
    )
    assert booth.press(booth.link(), "less", 0)["statusCode"] == 409
    assert booth.votes() == {MINE: (Choice.MORE, 1)}


def test_taking_back_what_was_never_said_stores_nothing(booth: Booth) -> None:
    assert booth.press(booth.link(), "none", 0)["statusCode"] == 200
    assert booth.votes() == {}


def test_readers_and_the_page_vote_apart_and_the_page_says_that_it_is_shared(booth: Booth) -> None:
    page = booth.press(booth.link("page"), "less", 0)
    assert "share one vote" in page["body"]
    mine = booth.press(booth.link(), "more", 0)
    assert "share one vote" not in mine["body"]
    assert booth.votes() == {
        MINE: (Choice.MORE, 1),
        f"{PAPER.id}#{voter('page')}": (Choice.LESS, 1),
    }


def test_many_profiles_have_votes_of_their_own(booth: Booth) -> None:
    booth.keep(DIGEST, "theory")
    booth.press(booth.link(profile="theory"), "more", 0)
    assert booth.votes("theory") == {MINE: (Choice.MORE, 1)}
    assert booth.votes() == {}
    assert [vote.paper.id for vote in booth.cloud.runs.of("theory").votes()] == [PAPER.id]


def test_the_page_is_in_the_profiles_language(booth: Booth) -> None:
    booth.keep(a_digest([(PAPER, scored(PAPER))], a_profile(language="zh")))
    answer = booth.request(booth.link())
    assert '<html lang="zh-CN">' in answer["body"]
    assert "想多看与这篇相似的论文吗" in answer["body"]
    assert '<h2 lang="en">' in answer["body"]


# ------------------------------------------------------------------------------ refused


def assert_refused(booth: Booth, link: str, status: int, said: str) -> None:
    """Whatever is done with a link, it is refused with what to do, in both languages."""
    asked = booth.request(link)
    for answer in (asked, booth.press(link, "more", 0)):
        assert answer["statusCode"] == status
        assert said in answer["body"]
        assert "没有记录投票" in answer["body"]
        assert "Traceback" not in answer["body"]
        assert not buttons(answer)
    assert booth.votes() == {}


def test_a_forged_link_is_refused(booth: Booth) -> None:
    link = booth.link()
    for forged in (link[:-1], link[:-2] + "xx", link.replace("more~", "less~"), f"{ADDRESS}?v="):
        assert_refused(booth, forged, 403, "damaged")
    assert_refused(booth, ADDRESS, 403, "damaged")
    assert_refused(booth, link.replace("?v=", "?w="), 403, "damaged")


def test_an_expired_link_is_refused(booth: Booth) -> None:
    booth.now = NOW + timedelta(days=LINK_DAYS, seconds=-1)
    assert booth.request(booth.link())["statusCode"] == 200
    booth.now = NOW + timedelta(days=LINK_DAYS)
    assert_refused(booth, booth.link(), 410, "The time of this link is over")


def test_a_foreign_link_is_refused(booth: Booth) -> None:
    assert_refused(booth, booth.link(key="another stack's"), 403, "belongs to another digest")
    of_theory = booth.link(profile="theory")
    assert_refused(booth, of_theory.replace("~theory~", "~~"), 403, "belongs to another digest")


def test_links_of_a_key_that_was_replaced_are_refused_within_minutes(booth: Booth) -> None:
    link = booth.link()
    assert booth.request(link)["statusCode"] == 200
    boto3.client("secretsmanager").put_secret_value(SecretId="votes", SecretString="n" * 64)
    vote.secrets.cache_clear()  # as after five minutes
    assert_refused(booth, link, 403, "signed with a key that has been replaced")
    assert KEY_SECONDS == 300


def test_a_link_to_a_digest_or_a_paper_that_is_gone_is_refused(booth: Booth) -> None:
    assert_refused(booth, booth.link(profile="theory"), 410, "not there any more")
    booth.keep(a_digest([(a_paper(2), scored(a_paper(2)))]))
    assert_refused(booth, booth.link(), 410, "not there any more")


def test_a_digest_that_is_gone_is_denied_to_who_may_not_list_and_refused_all_the_same(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("s3")
    vote.secrets()
    vote.runs()
    monkeypatch.setattr(boto3, "client", lambda _: client)
    with Stubber(client) as s3:
        for _ in range(2):
            s3.add_client_error("get_object", "AccessDenied", http_status_code=403)
        assert_refused(booth, booth.link(), 410, "not there any more")


def test_an_archive_whose_keys_may_be_listed_hides_no_denial(cloud: Cloud) -> None:
    client = boto3.client("s3")
    with Stubber(client) as s3:
        s3.add_client_error("get_object", "AccessDenied", http_status_code=403)
        with pytest.raises(ClientError, match="AccessDenied"):
            Archive(client, cloud.bucket).read("latest.json")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "choice=more",
        "version=0",
        "choice=maybe&version=0",
        "choice=more&version=-1",
        "choice=more&version=1.5",
        "choice=more&version=٣",
        "choice=more&version=" + "9" * 50,
        "choice=more&choice=less&version=0",
        "choice=more&version=0&more=1",
        "version=" + "9" * 120 + "&choice=more",
        "\x00\xff",
    ],
)
def test_a_form_that_is_not_the_pages_own_is_refused(booth: Booth, body: str) -> None:
    answer = booth.request(booth.link(), "POST", body)
    assert answer["statusCode"] == 400
    assert "could not be read" in answer["body"]
    assert booth.votes() == {}


def test_requests_of_another_kind_or_size_are_refused(booth: Booth) -> None:
    assert booth.request(booth.link(), "DELETE")["statusCode"] == 405
    long = booth.request(booth.link(), "POST", "choice=more&version=0&" + "x" * 10_000)
    assert long["statusCode"] == 413
    assert booth.votes() == {}


def test_a_fault_of_ours_is_a_page_without_a_trace_and_a_metric(
    booth: Booth, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIGEST_VOTE_SECRET", "nowhere")
    vote.settings.cache_clear()
    answer = booth.request(booth.link())
    assert reported(capsys.readouterr().out) == [{"VoteFailed": [1]}]
    assert answer["statusCode"] == 500
    assert "later" in answer["body"]
    assert "nowhere" not in answer["body"]
    assert "Traceback" not in answer["body"]


# ------------------------------------------------------------------------------ what is told


def test_titles_are_text_and_nothing_but_the_page_itself_is_loaded_or_kept(booth: Booth) -> None:
    answer = booth.request(booth.link())
    assert "<b>experts" not in answer["body"]
    assert "&lt;b&gt;experts" in answer["body"]
    headers = answer["headers"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    [style] = re.findall(r"<style>(.*?)</style>", answer["body"], re.DOTALL)
    assert base64.b64encode(sha256(style.encode()).digest()).decode() in policy
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "script" not in policy + answer["body"]


def test_a_refusal_is_small_and_its_style_is_its_own(booth: Booth) -> None:
    answer = booth.request(f"{ADDRESS}?v=made-up")
    assert len(answer["body"].encode()) < 2000
    [style] = re.findall(r"<style>(.*?)</style>", answer["body"], re.DOTALL)
    allowed = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert allowed in answer["headers"]["Content-Security-Policy"]


def test_the_log_has_neither_reader_nor_signature(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = StringIO()
    monkeypatch.setattr(vote.logger.registered_handler, "stream", logged)
    link = booth.link()
    booth.press(link, "more", 0)
    booth.request(link[:-1])
    booth.now = datetime(2030, 1, 1, tzinfo=UTC)
    booth.request(link)
    told = logged.getvalue()
    assert told.count('"message"') == 3
    for secret in (READER, voter(READER), link.rpartition("~")[2], "k" * 64):
        assert secret not in told
