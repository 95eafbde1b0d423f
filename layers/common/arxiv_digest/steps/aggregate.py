"""Outcomes to a digest in the archive and in the mail: the last step of a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import Field

from arxiv_digest.adapters.archive import Archive
from arxiv_digest.adapters.runs import Results, Runs
from arxiv_digest.models import Batch, Digest, Run, TriagedPart, Value, Verdict

if TYPE_CHECKING:
    from email.headerregistry import Address
    from email.message import EmailMessage

    from arxiv_digest.adapters.mailer import Mailer
    from arxiv_digest.profile import Profile
    from arxiv_digest.voting import Voting

CLAIM_SECONDS = 360
"""For this long a claim may be another call's that is sending: longer than aggregate can run."""

ABANDONED_CLAIM = "the call that claimed it ended without saying"
"""Why nobody knows of a claim that is older than that."""

CLAIM_DAYS = 3
"""Days before a deadline whose claims it looks at: a deadline that was missed hides none."""


class MailState(StrEnum):
    """What became of one recipient's mail.

    An ``uncertain`` one is never sent again by itself; once told, it is ``uncertain-before``.
    """

    SENT = "sent"
    SENT_BEFORE = "sent-before"
    CLAIMED = "claimed"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    UNCERTAIN_BEFORE = "uncertain-before"


class AggregateDone(StrEnum):
    """What the step did."""

    MADE = "made"
    MADE_BEFORE = "made-before"
    NO_RUN = "no-run"


class AggregateResult(Value):
    """What the step did, the digest it made, and what became of each recipient's mail."""

    date: dt.date
    done: AggregateDone
    digest: Digest | None = None
    mail: dict[str, MailState] = Field(default_factory=dict)


@dataclass(frozen=True)
class Aggregate:
    """The last step with its adapters; ``recipients`` are those of a profile that names none."""

    runs: Runs
    archive: Archive
    mailer: Callable[[], Mailer]
    sender: Callable[[], Address]
    """Both are called for a mail: what sends it, and whom it comes from."""
    recipients: tuple[str, ...]
    log: Callable[[str], None]
    tell: Callable[[MailState], None]
    """Called with what became of a mail before that is noted, so that no death hides it."""
    page_base: str = ""
    """The archive's address on the web, such as ``https://d123.cloudfront.net``, or empty."""
    voting: Callable[[], Voting | None] = lambda: None
    """Called for a digest that is made: where it is voted on, if it is."""

    def __call__(self, date: dt.date, now: dt.datetime) -> AggregateResult:
        """Make the digest of a date from whatever is there, and mail it once to each recipient.

        Made again it overwrites the archive and mails nobody twice; a digest that was made of the
        whole run, and mailed, is left alone. A run may say that nobody is mailed.
        """
        run = self.runs.get(date)
        if run is None:
            return AggregateResult(date=date, done=AggregateDone.NO_RUN)
        if self.runs.digest_made(date) == 0:
            return AggregateResult(date=date, done=AggregateDone.MADE_BEFORE)
        # Imported here, as in archiving: a deadline that finds its digest made needs none of it.
        from arxiv_digest.profile import load_profile
        from arxiv_digest.steps.archiving import Archiving

        profile = load_profile(run.profile)
        batches, triaged = self.runs.batches(date), self.runs.triaged(date)
        voting = self.voting()
        write = Archiving(self.runs, self.archive, self.log, self.page_base, voting)
        recipients = self.recipients if profile.recipients is None else profile.recipients
        while True:
            results = self.runs.results(date)
            digest = _digest(run, profile, batches, triaged, results, now)
            write(digest)
            # Batches may have been scored meanwhile, and another call may have written them first.
            if self.runs.remaining(date) == results.remaining:
                break
        quiet = digest.verdict is not Verdict.RECOMMENDED
        wanted = run.mail and (not quiet or profile.mail_quiet_days)
        mailed = recipients if wanted else ()
        mail = {recipient: self._mail(digest, recipient, voting) for recipient in mailed}
        if not {MailState.REFUSED, MailState.CLAIMED} & set(mail.values()):
            self.runs.mark_digest_made(date, results, digest.ledger)
        return AggregateResult(date=date, done=AggregateDone.MADE, digest=digest, mail=mail)

    def close_claims(self, date: dt.date) -> None:
        """Settle as uncertain what died calls left open in the days before a date.

        Those of the date itself are settled when its digest is made.
        """
        for day in (date - dt.timedelta(days=days) for days in range(1, CLAIM_DAYS + 1)):
            for recipient, claim in self.runs.mail_claims(day).items():
                if claim.state == "SENDING" and claim.age >= CLAIM_SECONDS:
                    self._settle_as_uncertain(day, recipient, ABANDONED_CLAIM)

    def _mail(self, digest: Digest, recipient: str, voting: Voting | None) -> MailState:
        claim = self.runs.mail_claim(digest.date, recipient)
        if claim is None or claim.state == "REFUSED":
            # An address that was signed for a mail would expire before the mail is thrown away.
            base = self.page_base or f"s3://{self.archive.bucket}"
            page = f"{base}/{self.archive.place}{digest.date}/digest.html"
            from arxiv_digest import rendering

            message = rendering.render_mail(digest, self.sender(), recipient, page, voting)
            self.archive.write(f"{digest.date}/mail/{recipient}.eml", message.as_bytes())
            mailer = self.mailer()
            # Last of all: whatever failed before it can be done again.
            if self.runs.claim_mail(digest.date, recipient):
                return self._send(mailer, digest, recipient, message)
            return MailState.CLAIMED
        if claim.state == "SENT":
            return MailState.SENT_BEFORE
        if claim.state == "UNCERTAIN":
            return MailState.UNCERTAIN_BEFORE
        if claim.age < CLAIM_SECONDS:
            return MailState.CLAIMED
        return self._settle_as_uncertain(digest.date, recipient, ABANDONED_CLAIM)

    def _send(
        self, mailer: Mailer, digest: Digest, recipient: str, message: EmailMessage
    ) -> MailState:
        from arxiv_digest.adapters.mailer import MailRefused, MailUncertain

        try:
            message_id = mailer.send(message, digest.date)
        except MailRefused as problem:
            why = str(problem).replace(recipient, masked(recipient))
            self.log(f"SES refused the mail of {digest.date} to {masked(recipient)}: {why}")
            self.tell(MailState.REFUSED)
            self.runs.settle_mail(digest.date, recipient, "REFUSED", str(problem))
            return MailState.REFUSED
        except MailUncertain as problem:
            return self._settle_as_uncertain(digest.date, recipient, str(problem))
        self.tell(MailState.SENT)
        self.runs.settle_mail(digest.date, recipient, "SENT", message_id)
        return MailState.SENT

    def _settle_as_uncertain(self, date: dt.date, recipient: str, why: str) -> MailState:
        self.log(
            f"nobody knows whether the mail of {date} to {masked(recipient)} was sent,"
            f" so it is not sent again: {why.replace(recipient, masked(recipient))}"
        )
        self.tell(MailState.UNCERTAIN)
        self.runs.settle_mail(date, recipient, "UNCERTAIN", why)
        return MailState.UNCERTAIN


def masked(address: str) -> str:
    """An e-mail address as it may stand in a log: enough to tell recipients apart.

    >>> masked("reader@example.org")
    'r…@example.org'
    """
    return f"{address[:1]}…@{address.rpartition('@')[2]}"


def _digest(
    run: Run,
    profile: Profile,
    batches: list[Batch],
    triaged: list[TriagedPart],
    results: Results,
    now: dt.datetime,
) -> Digest:
    from arxiv_digest.batches import as_announced
    from arxiv_digest.ranking import make_digest

    unscored = {
        paper.id: results.troubles[batch.number]
        for batch in batches
        if batch.number in results.troubles
        for paper in batch.papers
    }
    price = profile.prices.get(run.scorer.name)
    return make_digest(
        run,
        profile,
        as_announced([*batches, *triaged]),
        results.outcomes,
        results.tokens,
        now,
        unscored,
        price.cost(results.tokens) if price else None,
    )
