"""One day on the deployed stack: fetch, progress, and the result as files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

from arxiv_digest.adapters.runs import Runs
from arxiv_digest.models import Digest
from local.stack import Stack

FUNCTIONS = ("Fetch", "Score", "Aggregate")


def run_day(stack: Stack, say: Callable[[str], None], patience: float) -> date:
    """Invoke fetch and wait for the digest; returns its announcement date.

    After ``patience`` seconds without it the deadline is brought forward, so that there is a
    digest in any case and it says what is missing.
    """
    say("reading the feeds")
    fetched = stack.invoke("Fetch", {})
    day = date.fromisoformat(fetched["date"])
    for feed in fetched["feeds"]:
        detail = f" ({feed['detail']})" if feed["detail"] else ""
        say(f"  {feed['category']}: {feed['state']}, {feed['items']} announcements{detail}")
    if fetched["done"] == "nothing":
        say(f"the announcement of {day} was read before; `make down` forgets it")
    elif fetched["announced"]:
        say(f"scoring {fetched['announced']} papers in {fetched['batches']} batches")
    runs = Runs(stack.resource("dynamodb"), stack.outputs["Table"])
    _wait(runs, day, fetched["batches"], say, time.monotonic() + patience)
    if runs.digest_made(day) is None:
        say("not finished in time: making the digest of what is there")
        stack.invoke("Aggregate", {"deadline": True, "date": day.isoformat()})
    return day


def _wait(runs: Runs, day: date, batches: int, say: Callable[[str], None], until: float) -> None:
    left = batches
    told: dict[int, str] = {}
    while runs.digest_made(day) is None and time.monotonic() < until:
        results = runs.results(day)
        if results.remaining < left:
            left = results.remaining
            say(f"  {batches - left} of {batches} batches scored")
        for number, why in results.troubles.items():
            if told.get(number) != why:
                say(f"  batch {number}: {why}; it is tried again by itself")
                told[number] = why
        time.sleep(0.5)


def mail_states(stack: Stack, day: date, recipients: Iterable[str]) -> dict[str, str]:
    """What became of each recipient's mail, in a word or with SES's reason."""
    runs = Runs(stack.resource("dynamodb"), stack.outputs["Table"])
    claims = {recipient: runs.mail_claim(day, recipient) for recipient in recipients}
    return {
        recipient: f"{claim.state.lower()}{': ' * bool(claim.detail)}{claim.detail}"
        if claim
        else "not sent"
        for recipient, claim in claims.items()
    }


def save(stack: Stack, out: Path) -> list[Path]:
    """Copy every object of the bucket to a file of its key's name below ``out``."""
    s3 = stack.client("s3")
    bucket = stack.outputs["Bucket"]
    saved: list[Path] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for listed in page.get("Contents", ()):
            file = out / listed["Key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(s3.get_object(Bucket=bucket, Key=listed["Key"])["Body"].read())
            saved.append(file)
    return saved


def summary(digest: Digest) -> list[str]:
    """A digest in a few lines for a terminal."""
    ledger = digest.ledger
    lines = [
        f"announced {ledger.announced} = scored {ledger.scored} + triaged {ledger.triaged}"
        f" + failed {ledger.failed}",
        f"recommended {digest.recommended}, tokens {digest.tokens.total}, verdict {digest.verdict}",
    ]
    for section in digest.sections:
        best = section.papers[0]
        lines.append(f"  {section.field or '-'} ({len(section.papers)}): {best.paper.title}")
    return lines


def logged(stack: Stack) -> list[str]:
    """What the functions logged, in the order of time."""
    logs = stack.client("logs")
    events: list[tuple[int, str]] = []
    for function in FUNCTIONS:
        name = f"/aws/lambda/{stack.outputs[f'{function}FunctionName']}"
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
            events += [(event["timestamp"], event["message"].rstrip()) for event in page["events"]]
    return [message for _, message in sorted(events, key=lambda event: event[0])]
