"""One day on the deployed stack: fetch, progress, and the result as files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from arxiv_digest import rendering
from arxiv_digest.adapters.archive import place_of, raw_feed_key
from arxiv_digest.adapters.runs import Runs
from arxiv_digest.language import rebuilt, words
from arxiv_digest.migrations import DIGEST, Unreadable
from arxiv_digest.models import Day, Digest
from local.stack import Stack

FUNCTIONS = ("Fetch", "Score", "Aggregate")


def run_day(
    stack: Stack,
    say: Callable[[str], None],
    patience: float,
    event: Mapping[str, Any],
    profiles: Sequence[str],
) -> date:
    """Invoke fetch with an event and wait for every profile's digest; returns the date.

    ``profiles`` are their names, that of the single one empty. After ``patience`` seconds without
    a digest the deadline is brought forward, so that there is one in any case and it says what is
    missing.
    """
    say(f"rebuilding {event['date']}" if "date" in event else "reading the feeds")
    fetched = stack.invoke("Fetch", event)
    day = date.fromisoformat(fetched["date"])
    for feed in fetched["feeds"]:
        detail = f" ({feed['detail']})" if feed["detail"] else ""
        say(f"  {feed['category']}: {feed['state']}, {feed['items']} announcements{detail}")
    if fetched["done"] == "nothing":
        say(f"the announcement of {day} was read before; `make down` forgets it")
    elif fetched["done"] == "reopened":
        say("scoring once more what failed")
    until = time.monotonic() + patience
    for profile in profiles:
        if profile:
            say(f"profile {profile}:")
        _wait(_runs(stack).of(profile), day, say, until)
    if any(_unmade(stack, day, profiles)):
        say("not finished in time: making the digest of what is there")
        stack.invoke("Aggregate", {"deadline": True, "date": day.isoformat()})
        # Of many profiles each gets a message of it.
        until = time.monotonic() + 60
        while any(_unmade(stack, day, profiles)) and time.monotonic() < until:
            time.sleep(0.5)
    return day


def _unmade(stack: Stack, day: date, profiles: Iterable[str]) -> Iterator[str]:
    """The profiles that have a run of a day and no digest."""
    for profile in profiles:
        runs = _runs(stack).of(profile)
        if runs.get(day) is not None and runs.digest_made(day) is None:
            yield profile


def carry_feeds_over(stack: Stack, out: Path, day: date) -> None:
    """Give a stack the feeds of a day that are kept below ``out``."""
    s3 = stack.client("s3")
    for file in sorted((out / f"raw/{day}").glob("*.xml")):
        key = f"raw/{day}/{file.name}"
        s3.put_object(Bucket=stack.outputs["Bucket"], Key=key, Body=file.read_bytes())


def carry_days_over(stack: Stack, out: Path, say: Callable[[str], None]) -> None:
    """Give a stack the days that earlier digests left below ``out``.

    That is the papers they have read, which no other day reads again, and the index of days with
    what the files that days share are made of.
    """
    s3 = stack.client("s3")
    for profile, digest in kept_digests(out, say):
        key = f"{place_of(profile)}{digest.date}/papers.json"
        papers = rendering.render_papers(digest)
        s3.put_object(Bucket=stack.outputs["Bucket"], Key=key, Body=papers)
        runs = _runs(stack).of(profile)
        runs.record_day(Day.of(digest))
        runs.mark_seen(digest.papers, digest.date)


def kept_digests(out: Path, say: Callable[[str], None]) -> Iterator[tuple[str, Digest]]:
    """The digests below ``out`` by date, each with its profile's name, the single one's empty."""
    for file in sorted(out.glob("**/????-??-??/digest.json")):
        place = file.relative_to(out).parts[:-2]
        if place and (place[0] != "profiles" or len(place) != 2):
            continue
        try:
            digest = DIGEST.read(file.read_bytes(), str(file))
        except Unreadable as problem:
            say(f"what was read may be read again: {problem}")
            continue
        yield place[1] if place else "", digest


def kept_feeds(stack: Stack, day: date, categories: Iterable[str]) -> list[str]:
    """The categories of which a feed of a day is kept, be it one that breaks off."""
    pages = stack.client("s3").get_paginator("list_objects_v2")
    listed = pages.paginate(Bucket=stack.outputs["Bucket"], Prefix=f"raw/{day}/")
    keys = {found["Key"] for page in listed for found in page.get("Contents", ())}
    return [
        category
        for category in categories
        if keys & {raw_feed_key(day, category, whole=whole) for whole in (True, False)}
    ]


def _runs(stack: Stack) -> Runs:
    return Runs(stack.resource("dynamodb"), stack.outputs["Table"])


def _wait(runs: Runs, day: date, say: Callable[[str], None], until: float) -> None:
    left: int | None = None
    told: dict[int, str] = {}
    while runs.digest_made(day) is None and time.monotonic() < until:
        run = runs.get(day)
        results = runs.results(day)
        if run and left is None and run.announced:
            left = run.batches
            say(f"scoring {run.announced} papers in {run.batches} batches")
        if run and left is not None and results.remaining < left:
            left = results.remaining
            say(f"  {run.batches - left} of {run.batches} batches scored")
        for number, why in results.troubles.items():
            if told.get(number) != why:
                say(f"  batch {number}: {why}; it is tried again by itself")
                told[number] = why
        time.sleep(0.5)


def mail_states(stack: Stack, day: date, recipients: Iterable[str], profile: str) -> dict[str, str]:
    """What became of each recipient's mail of a profile, in a word or with SES's reason."""
    runs = _runs(stack).of(profile)
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
    if digest.rebuilt:
        lines.append(rebuilt(digest.feeds, words("en")))
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
