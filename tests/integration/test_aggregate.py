"""Aggregate with its real adapters: the archive, and one mail for each recipient."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from arxiv_digest.adapters.archive import Archive
from arxiv_digest.adapters.mailer import Mailer, MailRefused, MailUncertain
from arxiv_digest.adapters.settings import AggregateSettings
from arxiv_digest.batches import make_batches
from arxiv_digest.models import Outcome, Paper, Tokens
from arxiv_digest.steps.aggregate import AggregateDone, MailState
from tests.builders import DAY, NOW, a_run, papers, scored
from tests.integration.conftest import PROFILE, Cloud

READERS = ("one@example.org", "two@example.org")


def a_run_of(cloud: Cloud, listed: list[Paper], scored_batches: int, day: date = DAY) -> None:
    """A run of one paper a batch, of which some batches were scored."""
    batches = make_batches(day, listed, 1)
    run = a_run(len(listed), date=day, batches=len(batches), profile=PROFILE)
    assert cloud.runs.create(run, batches)
    for batch in batches[:scored_batches]:
        outcomes: list[Outcome] = [scored(paper, 9) for paper in batch.papers]
        assert cloud.runs.complete_batch(batch, outcomes, Tokens(total=10, calls=1))


class Post:
    """A mailer that keeps what it is handed, and fails as it is told."""

    def __init__(self, **faults: Exception) -> None:
        self.faults = faults
        self.sent: list[str] = []
        self.digests: set[date] = set()

    def send(self, message: EmailMessage, digest: date) -> str:
        recipient = message["To"].addresses[0].addr_spec
        fault = self.faults.pop(recipient.partition("@")[0], None)
        if fault:
            raise fault
        self.sent.append(recipient)
        self.digests.add(digest)
        return f"ses-{len(self.sent)}"


def test_a_finished_run_becomes_files_and_one_mail_for_each_recipient(cloud: Cloud) -> None:
    a_run_of(cloud, papers(3), 3)
    result = cloud.aggregate(*READERS)(DAY, NOW)
    assert result.done is AggregateDone.MADE
    assert result.mail == dict.fromkeys(READERS, MailState.SENT)
    assert cloud.objects() == sorted(
        [
            "2026-01-22/digest.bib",
            "2026-01-22/digest.html",
            "2026-01-22/digest.json",
            "2026-01-22/digest.md",
            "2026-01-22/digest.ris",
            "2026-01-22/mail/one@example.org.eml",
            "2026-01-22/mail/two@example.org.eml",
            "2026-01-22/papers.json",
            "config/profile.yaml",
            "digest.schema.json",
            "feed.xml",
            "index.html",
            "latest.html",
            "latest.json",
            "latest.md",
            "papers.xml",
            "papers/2026-01.json",
            "robots.txt",
            "search/2026-01.js",
        ]
    )
    digest = json.loads(cloud.archive.read("2026-01-22/digest.json") or b"")
    assert digest["ledger"] == {"announced": 3, "scored": 3, "triaged": 0, "failed": 0}
    assert digest["tokens"]["total"] == 30
    page = cloud.s3.head_object(Bucket=cloud.bucket, Key="2026-01-22/digest.html")
    assert page["ContentType"] == "text/html; charset=utf-8"
    assert page["CacheControl"] == "max-age=60"
    mail = message_from_bytes(cloud.archive.read("2026-01-22/mail/two@example.org.eml") or b"")
    assert mail["To"] == "two@example.org"


def test_made_again_it_changes_nothing_and_mails_nobody(cloud: Cloud) -> None:
    a_run_of(cloud, papers(2), 2)
    post = Post()
    step = cloud.aggregate(*READERS, mailer=post)
    step(DAY, NOW)
    before = cloud.archive.read("2026-01-22/digest.json")
    assert step(DAY, NOW + timedelta(hours=5)).done is AggregateDone.MADE_BEFORE
    assert cloud.archive.read("2026-01-22/digest.json") == before
    assert post.sent == list(READERS)


def test_nobody_is_claimed_for_a_mailer_that_cannot_be_had(cloud: Cloud) -> None:
    a_run_of(cloud, papers(2), 2)
    with pytest.raises(ZeroDivisionError):
        replace(cloud.aggregate(*READERS), mailer=lambda: 1 / 0)(DAY, NOW)  # type: ignore[arg-type, return-value]
    assert cloud.runs.mail_claim(DAY, READERS[0]) is None


def test_the_deadline_sends_what_is_there_and_says_what_is_missing_and_why(cloud: Cloud) -> None:
    listed = papers(3)
    a_run_of(cloud, listed, 1)
    batches = cloud.runs.batches(DAY)
    cloud.runs.note_trouble(batches[1], "the language model answered 503")
    post = Post()
    result = cloud.aggregate(*READERS, mailer=post)(DAY, NOW)
    assert result.digest is not None
    assert result.digest.ledger.model_dump() == {
        "announced": 3,
        "scored": 1,
        "triaged": 0,
        "failed": 2,
    }
    assert [entry.reason for entry in result.digest.failed] == [
        "the language model answered 503",
        "",
    ]
    assert post.sent == list(READERS)


def test_batches_scored_after_the_deadline_mend_the_archive_without_a_second_mail(
    cloud: Cloud,
) -> None:
    listed = papers(3)
    a_run_of(cloud, listed, 1)
    post = Post()
    step = cloud.aggregate(*READERS, mailer=post)
    step(DAY, NOW)
    for batch in cloud.runs.batches(DAY)[1:]:
        cloud.runs.complete_batch(batch, [scored(paper) for paper in batch.papers], Tokens())
    result = step(DAY, NOW + timedelta(hours=1))
    assert result.digest is not None
    assert result.digest.ledger.failed == 0
    assert json.loads(cloud.archive.read("latest.json") or b"")["ledger"]["scored"] == 3
    assert result.mail == dict.fromkeys(READERS, MailState.SENT_BEFORE)
    assert post.sent == list(READERS)


def test_a_mail_that_ses_refuses_is_sent_by_a_later_call_and_the_others_are_not_sent_again(
    cloud: Cloud,
) -> None:
    a_run_of(cloud, papers(1), 1)
    post = Post(one=MailRefused("MessageRejected: Email address is not verified"))
    step = cloud.aggregate(*READERS, mailer=post)
    assert step(DAY, NOW).mail == {READERS[0]: MailState.REFUSED, READERS[1]: MailState.SENT}
    assert step(DAY, NOW).mail == {READERS[0]: MailState.SENT, READERS[1]: MailState.SENT_BEFORE}
    assert post.sent == [READERS[1], READERS[0]]
    assert step(DAY, NOW).done is AggregateDone.MADE_BEFORE


def test_a_mail_of_which_nobody_knows_is_never_sent_again(cloud: Cloud) -> None:
    listed = papers(2)
    a_run_of(cloud, listed, 1)
    post = Post(one=MailUncertain("the connection broke"))
    step = cloud.aggregate(*READERS, mailer=post)
    assert step(DAY, NOW).mail[READERS[0]] is MailState.UNCERTAIN
    for minutes in (0, 10):
        later = cloud.aggregate(*READERS, mailer=post, minutes=minutes)
        assert later(DAY, NOW).mail[READERS[0]] is MailState.UNCERTAIN_BEFORE
    assert post.sent == [READERS[1]]
    claim = cloud.runs.mail_claim(DAY, READERS[0])
    assert claim is not None
    assert (claim.state, claim.detail) == ("UNCERTAIN", "the connection broke")
    assert not cloud.runs.claim_mail(DAY, READERS[0])


def test_the_id_that_ses_gives_a_mail_is_kept(cloud: Cloud) -> None:
    a_run_of(cloud, papers(1), 1)
    post = Post()
    cloud.aggregate(*READERS, mailer=post)(DAY, NOW)
    assert post.digests == {DAY}
    claims = cloud.runs.mail_claims(DAY)
    assert {reader: claim[::2] for reader, claim in claims.items()} == {
        READERS[0]: ("SENT", "ses-1"),
        READERS[1]: ("SENT", "ses-2"),
    }


@pytest.mark.parametrize(("days", "told"), [(1, True), (2, True), (3, True), (4, False)])
def test_a_claim_that_a_died_call_left_open_is_told_once_by_a_later_deadline(
    cloud: Cloud, days: int, told: bool
) -> None:
    deadline = DAY + timedelta(days=days)
    assert cloud.runs.claim_mail(DAY, "One@example.org")
    assert cloud.runs.claim_mail(DAY, READERS[1])
    cloud.runs.settle_mail(DAY, READERS[1], "SENT", "ses-1")
    cloud.aggregate().close_claims(deadline)
    assert cloud.told == [], "the call may be sending it yet"

    logged: list[str] = []
    later = replace(cloud.aggregate(minutes=10), log=logged.append)
    for _ in range(2):
        later.close_claims(deadline)

    assert cloud.told == [MailState.UNCERTAIN] * told
    assert len(logged) == int(told)
    assert "one@example.org" not in "".join(logged)
    claim = cloud.runs.mail_claim(DAY, "one@example.org")
    assert claim is not None
    assert claim.state == ("UNCERTAIN" if told else "SENDING")
    assert not cloud.runs.claim_mail(DAY, "one@example.org")
    sent = cloud.runs.mail_claim(DAY, READERS[1])
    assert sent is not None
    assert sent.state == "SENT"


def test_a_claim_that_was_told_with_its_digest_is_not_told_by_the_next_deadline(
    cloud: Cloud,
) -> None:
    a_run_of(cloud, papers(1), 1)
    assert cloud.runs.claim_mail(DAY, READERS[0])
    later = cloud.aggregate(READERS[0], mailer=Post(), minutes=10)
    assert later(DAY, NOW).mail == {READERS[0]: MailState.UNCERTAIN}
    later.close_claims(DAY + timedelta(days=1))
    assert cloud.told == [MailState.UNCERTAIN]


def test_a_step_that_dies_between_two_recipients_goes_on_with_the_second(cloud: Cloud) -> None:
    a_run_of(cloud, papers(1), 1)
    post = Post(two=KeyboardInterrupt("killed"))  # type: ignore[arg-type]
    step = cloud.aggregate(*READERS, "three@example.org", mailer=post)
    with pytest.raises(KeyboardInterrupt):
        step(DAY, NOW)
    result = step(DAY, NOW)
    deadline = cloud.aggregate(*READERS, "three@example.org", mailer=post, minutes=10)(DAY, NOW)
    assert post.sent == [READERS[0], "three@example.org"]
    assert result.mail == {
        READERS[0]: MailState.SENT_BEFORE,
        READERS[1]: MailState.CLAIMED,
        "three@example.org": MailState.SENT,
    }
    assert deadline.mail[READERS[1]] is MailState.UNCERTAIN, "and an alarm tells of it"


def test_what_fails_before_the_claim_costs_nobody_the_mail(cloud: Cloud) -> None:
    a_run_of(cloud, papers(1), 1)
    post = Post()
    step = cloud.aggregate(*READERS, mailer=post)
    write = cloud.archive.__class__.write
    with pytest.MonkeyPatch.context() as patch:

        def failing(archive: Archive, key: str, body: str | bytes) -> None:
            if key.endswith(".eml"):
                raise OSError("S3 is down")
            write(archive, key, body)

        patch.setattr(Archive, "write", failing)
        with pytest.raises(OSError, match="S3 is down"):
            step(DAY, NOW)
    assert step(DAY, NOW).mail == dict.fromkeys(READERS, MailState.SENT)
    assert post.sent == list(READERS)


def test_a_slow_deadline_does_not_overwrite_the_whole_digest(cloud: Cloud) -> None:
    a_run_of(cloud, papers(3), 1)
    post = Post()
    slow = cloud.aggregate(*READERS, mailer=post)
    write = Archive.write
    others: list[str] = []

    def interrupted(archive: Archive, key: str, body: str | bytes) -> None:
        # While the deadline writes, the last batches are scored and the stream's call makes all.
        if not others:
            others.append(key)
            for batch in cloud.runs.batches(DAY)[1:]:
                outcomes = [scored(paper) for paper in batch.papers]
                cloud.runs.complete_batch(batch, outcomes, Tokens())
            cloud.aggregate(*READERS, mailer=post)(DAY, NOW)
        write(archive, key, body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Archive, "write", interrupted)
        slow(DAY, NOW)
    digest = json.loads(cloud.archive.read("2026-01-22/digest.json") or b"")
    assert digest["ledger"]["scored"] == 3
    assert cloud.runs.digest_made(DAY) == 0
    assert post.sent == list(READERS)


def test_every_relative_link_of_the_archive_leads_to_a_page(cloud: Cloud) -> None:
    a_run_of(cloud, papers(2), 2)
    cloud.aggregate()(DAY, NOW)
    pages = [key for key in cloud.objects() if key.endswith(".html")]
    assert len(pages) == 3
    for page in pages:
        html = (cloud.archive.read(page) or b"").decode()
        for link in re.findall(r'href="([^"#:]+)"', html):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
            assert target in cloud.objects(), f"{page} links to {link}"


@pytest.mark.parametrize("listed", ["a@x.org;b@x.org", "Ann <a@x.org>", "a@b", "ä@x.org", "x"])
def test_a_recipient_that_is_no_bare_address_is_refused_by_name(
    listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TABLE", "BUCKET", "SENDER_ADDRESS", "CONFIGURATION_SET"):
        monkeypatch.setenv(f"DIGEST_{name}", "x")
    monkeypatch.setenv("DIGEST_RECIPIENTS", listed)
    with pytest.raises(ValueError, match="is no bare e-mail address"):
        AggregateSettings.told()


def test_a_date_without_run_is_told_from_one_without_papers(cloud: Cloud) -> None:
    assert cloud.aggregate()(DAY, NOW).done is AggregateDone.NO_RUN
    a_run_of(cloud, [], 0)
    result = cloud.aggregate(*READERS)(DAY, NOW)
    assert result.done is AggregateDone.MADE
    assert result.digest is not None
    assert result.digest.ledger.announced == 0
    assert set(result.mail.values()) == {MailState.SENT}


@pytest.mark.parametrize(("mailed", "score", "sent"), [(True, 2, 2), (False, 2, 0), (False, 9, 2)])
def test_the_profile_says_whether_a_quiet_day_is_mailed(
    cloud: Cloud, mailed: bool, score: float, sent: int
) -> None:
    profile = PROFILE + f"mail_quiet_days: {str(mailed).lower()}\n"
    [batch] = make_batches(DAY, papers(1), 1)
    assert cloud.runs.create(a_run(1, profile=profile), [batch])
    cloud.runs.complete_batch(batch, [scored(batch.papers[0], score)], Tokens())
    post = Post()
    step = cloud.aggregate(*READERS, mailer=post)
    assert step(DAY, NOW).done is AggregateDone.MADE
    assert len(post.sent) == sent
    assert "2026-01-22/digest.html" in cloud.objects()
    assert step(DAY, NOW).done is AggregateDone.MADE_BEFORE


def test_the_index_keeps_every_day_and_latest_is_the_newest(cloud: Cloud) -> None:
    for offset in (0, -3):
        a_run_of(cloud, papers(1), 1, DAY + timedelta(days=offset))
        cloud.aggregate()(DAY + timedelta(days=offset), NOW)
    index = (cloud.archive.read("index.html") or b"").decode()
    assert index.index("2026-01-22/digest.html") < index.index("2026-01-19/digest.html")
    assert json.loads(cloud.archive.read("latest.json") or b"")["date"] == "2026-01-22"


def test_days_of_a_month_share_its_files_each_by_its_type(cloud: Cloud) -> None:
    for offset in (0, -1):
        day = DAY + timedelta(days=offset)
        a_run_of(cloud, papers(2), 2, day)
        cloud.aggregate()(day, NOW)
    month = json.loads(cloud.archive.read("papers/2026-01.json") or b"")
    assert [paper["date"] for paper in month["papers"]] == ["2026-01-21"] * 2 + ["2026-01-22"] * 2
    assert (cloud.archive.read("feed.xml") or b"").count(b"<entry>") == 2
    assert (cloud.archive.read("2026-01-22/digest.bib") or b"").count(b"@misc{") == 2
    types = {
        "search/2026-01.js": "text/javascript; charset=utf-8",
        "feed.xml": "application/atom+xml; charset=utf-8",
        "papers.xml": "application/atom+xml; charset=utf-8",
        "papers/2026-01.json": "application/json",
        "robots.txt": "text/plain; charset=utf-8",
    }
    for key, told in types.items():
        assert cloud.s3.head_object(Bucket=cloud.bucket, Key=key)["ContentType"] == told


def test_more_objects_than_one_answer_of_s3_lists_are_all_found(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    # S3 lists a thousand in an answer; the size is the only thing that differs here.
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "4")
    for number in range(9):
        cloud.archive.write(f"2026-01-22/mail/{number}@example.org.eml", b"")
    cloud.archive.write("2026-01-23/papers.json", b"{}")
    assert "2026-01-23/papers.json" in cloud.archive.tags("2026-01-")


def test_a_field_of_a_changed_profile_does_not_split_a_run(cloud: Cloud) -> None:
    a_run_of(cloud, papers(1), 1)
    cloud.s3.put_object(Bucket="archive", Key="config/profile.yaml", Body=b"not even YAML: {")
    result = cloud.aggregate()(DAY, NOW)
    assert result.digest is not None
    assert result.digest.sections[0].field == "Pruning"


class Ses:
    """An SES client that answers from a list."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.calls = 0

    def send_email(self, **request: object) -> dict[str, str]:
        self.calls += 1
        self.request = request
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"MessageId": str(answer)}


def error(code: str, status: int) -> ClientError:
    metadata = {"HTTPStatusCode": status}
    told = {"Error": {"Code": code, "Message": "said so"}, "ResponseMetadata": metadata}
    return ClientError(told, "SendEmail")  # type: ignore[arg-type]


def a_message() -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = "每日 <digest@example.org>"
    message["To"] = "one@example.org"
    message.set_content("hello")
    return message


def test_ses_is_told_the_senders_name_in_ascii() -> None:
    ses = Ses("ses-id")
    Mailer(ses, "set").send(a_message(), DAY)  # type: ignore[arg-type]
    sender = str(ses.request["FromEmailAddress"])
    assert sender.isascii()
    assert sender.endswith(" <digest@example.org>")
    assert str(make_header(decode_header(sender))) == "每日 <digest@example.org>"


def test_ses_is_told_the_digests_date_so_that_a_bounce_names_it() -> None:
    ses = Ses("ses-id")
    Mailer(ses, "set").send(a_message(), DAY)  # type: ignore[arg-type]
    [tag] = ses.request["EmailTags"]  # type: ignore[misc]
    assert tag == {"Name": "digest", "Value": "2026-01-22"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", tag["Value"]), "what SES takes in a tag"


@pytest.mark.parametrize(
    ("code", "status"), [("TooManyRequestsException", 429), ("429", 429), ("Throttling", 400)]
)
def test_throttling_is_waited_out_and_the_id_kept(code: str, status: int) -> None:
    ses = Ses(error(code, status), "ses-id")
    assert Mailer(ses, "set").send(a_message(), DAY) == "ses-id"  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["MessageRejected", "AccessDeniedException", "NotFoundException"])
def test_an_answer_that_says_no_is_a_refusal(code: str) -> None:
    ses = Ses(error(code, 400))
    with pytest.raises(MailRefused, match=f"{code}: said so"):
        Mailer(ses, "set").send(a_message(), DAY)  # type: ignore[arg-type]
    assert ses.calls == 1


@pytest.mark.parametrize(
    "fault", [error("InternalFailure", 500), ReadTimeoutError(endpoint_url="http://ses")]
)
def test_an_answer_that_says_nothing_is_never_followed_by_a_second_mail(fault: Exception) -> None:
    ses = Ses(fault)
    with pytest.raises(MailUncertain):
        Mailer(ses, "set").send(a_message(), DAY)  # type: ignore[arg-type]
    assert ses.calls == 1


def test_the_whole_message_is_handed_to_ses_by_address_of_the_sender(cloud: Cloud) -> None:
    assert Mailer(cloud.ses, "digests").send(a_message(), DAY)
