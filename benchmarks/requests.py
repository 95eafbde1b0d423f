"""What a day asks of AWS, request by request, and what that costs.

The three functions run in this process on AWS as moto emulates it, on an archive of thirty days.
Each request of theirs is seen as it leaves and as it is answered, and its units follow from that by
AWS's own rules. What cannot be seen here is reckoned by the constants below.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from cfnlint.decode import cfn_yaml

from arxiv_digest.models import Tokens
from arxiv_digest.profile import load_profile
from benchmarks import tokens
from benchmarks.meter import Usage
from benchmarks.prices import GIB, MODELS, MODELS_PRICED, PRICED, at, cost, stored
from benchmarks.stack import Stack
from benchmarks.table import line
from benchmarks.units import ITEM_OVERHEAD, Item, item_bytes, sqs_requests
from local.emulator import ROOT

HISTORY = 30
"""Announcement days that the archive has when measuring begins."""
LARGE = 734
PROFILES = 11
"""Profiles of the day that tells, beside a day with two, what a profile adds."""
READERS = 51
"""Readers of the day that tells, beside a day with one, what a reader adds."""
SIZES = (1, 100, 10_000)
ANNOUNCEMENT_DAYS, DAYS = 22, 30
"""Days of a month on which arXiv announces, and all of them."""
A_YEAR = 365
BEFORE_DEADLINE = 5.5
"""Hours from the first firing to the deadline."""

POLLERS, POLL_SECONDS = 5, 20
"""Lambda's long polls of an empty queue; with a maximum concurrency they are never fewer."""
SECONDS = {"dynamodb": 0.01, "s3": 0.04, "sqs": 0.015, "sesv2": 0.1, "secretsmanager": 0.05}
"""Seconds of a request within a region."""
FEED_SECONDS = 3.0
CALL_SECONDS = 30.0
"""Seconds that a language model takes for a call."""
INIT_SECONDS = 2.0
"""Seconds of a new execution environment; once a day each of them is new."""
WHOLE_PROCESSOR = 1769
"""The megabytes with which a function has one."""

VARIABLES_BYTES, PARAMETER_BYTES = 4096, 4096
"""The most that a function's variables may hold (Lambda), and a parameter (CloudFormation)."""
NAME_BYTES = 60
"""Bytes of a name or an address that CloudFormation makes, such as a table's or a queue's."""
ADDRESS = "reader12345@example.org"
ITEM_BYTES = 400 * 1024
"""The most that an item of DynamoDB may hold."""
SES_RATE = 14
"""Mails a second with which SES long began; the console says what an account has."""
SANDBOX = 200
"""Mails a day of an account that has no production access."""


@dataclass(frozen=True)
class Template:
    """What the template says of the stack."""

    resources: Mapping[str, Any]
    variables: Mapping[str, Any]

    @classmethod
    def read(cls) -> Template:
        """Read it."""
        told = cfn_yaml.load(str(ROOT / "template.yaml"))
        everywhere = told["Globals"]["Function"]["Environment"]["Variables"]
        own = told["Resources"]["AggregateFunction"]["Properties"]["Environment"]["Variables"]
        return cls(told["Resources"], {**everywhere, **own})

    def function(self, name: str) -> Mapping[str, Any]:
        """A function's properties; the deadline is aggregate's, and a profile's start fetch's."""
        name = {"deadline": "Aggregate", "start": "Fetch"}.get(name, name.title())
        return self.resources[f"{name}Function"]["Properties"]  # type: ignore[no-any-return]

    def count(self, kind: str) -> int:
        """How many resources of a kind a stack has without votes, as the days are measured."""
        return sum(
            resource["Type"] == f"AWS::{kind}"
            for resource in self.resources.values()
            if resource.get("Condition") != "ReadersVote"
        )

    @cached_property
    def queues(self) -> int:
        """How many queues Lambda polls."""
        functions = (r["Properties"] for r in self.resources.values() if "Function" in r["Type"])
        events = (event for told in functions for event in told.get("Events", {}).values())
        return sum(event["Type"] == "SQS" for event in events)

    @cached_property
    def concurrency(self) -> int:
        """How many batches are scored at the same time, on AWS."""
        source = self.function("score")["Events"]["Batches"]["Properties"]
        return int(_on_aws(source["ScalingConfig"]["MaximumConcurrency"]))

    @cached_property
    def variables_bytes(self) -> int:
        """The bytes of aggregate's variables, without its recipients."""
        told = (v for k, v in self.variables.items() if k != "DIGEST_RECIPIENTS")
        sizes = (len(v) if isinstance(v, str) else NAME_BYTES for v in map(_on_aws, told))
        return sum(map(len, self.variables)) + sum(sizes)


def _on_aws(value: Any) -> Any:
    """What the template says for AWS, where it says something else for one machine."""
    match value:
        case {"Fn::If": ["OnOneMachine", _, there]}:
            return there
    return value


@dataclass(frozen=True)
class Bill:
    """A day's usage and the template that it was made by, as a month to be paid for."""

    usage: Usage
    template: Template
    feeds: int

    @cached_property
    def gb_seconds(self) -> dict[str, float]:
        """The GB-seconds of a day by function; reckoned, but for what our own code takes."""
        usage, found = self.usage, {}
        for function, calls in usage.calls.items():
            memory = int(self.template.function(function)["MemorySize"])
            asked = (r for r in usage.requests if r.function == function)
            seconds = usage.seconds[function] * max(1, WHOLE_PROCESSOR / memory)
            seconds += sum(SECONDS[request.service] for request in asked)
            if function == "score":
                seconds += CALL_SECONDS * usage.asked
                seconds += SECONDS["secretsmanager"] * self.environments
                calls = self.environments
            if function in ("start", "deadline"):
                calls = min(calls, self.template.concurrency)
            if function == "fetch":
                seconds += FEED_SECONDS * (self.feeds - 1)
            found[function] = (seconds + INIT_SECONDS * calls) * memory / 1024
        return found

    @cached_property
    def environments(self) -> int:
        """The execution environments of score that a day makes."""
        return min(self.usage.calls["score"], self.template.concurrency)

    @cached_property
    def polled(self) -> int:
        """The requests of a day with which Lambda's poller receives and deletes; reckoned."""
        idle = self.template.queues * POLLERS * 86_400 // POLL_SECONDS
        return idle + sum(sqs_requests(size) + 1 for size in self.usage.messages)

    @cached_property
    def sent(self) -> int:
        """The requests of a day with which the functions send messages and hide them."""
        asked = (request for request in self.usage.requests if request.service == "sqs")
        return sum(sqs_requests(request.content) for request in asked)

    @cached_property
    def mail_bytes(self) -> int:
        """The bytes of a day's mails."""
        return sum(r.content for r in self.usage.requests if r.service == "sesv2")

    @cached_property
    def month(self) -> dict[str, float]:
        """What a month takes, by the names of the prices; a table and a bucket a year old."""
        usage, a_month = self.usage, ANNOUNCEMENT_DAYS
        times = dict.fromkeys(usage.calls, a_month) | {"deadline": DAYS}
        calls = sum(times[name] * number for name, number in usage.calls.items())
        # A metric is paid for in each hour in which it is sent; fetch's firings have one each.
        names = {function: len(names) for function, names in usage.metrics.items()}
        of_a_run = names["fetch"] * usage.calls["fetch"] + names["score"] + names["aggregate"]
        hours = a_month * of_a_run + DAYS * names["deadline"]
        table = stored(map(_lifetime, usage.items.values()), A_YEAR, a_month) / GIB
        kept = (
            (request.content, _kept_for(request.path))
            for request in usage.requests
            if request.operation == "PutObject"
        )
        return {
            "lambda requests": calls,
            "lambda time": sum(times[name] * taken for name, taken in self.gb_seconds.items()),
            "write units": sum(times[r.function] * r.written for r in usage.requests),
            "read units": sum(times[r.function] * r.read for r in usage.requests),
            "table": table,
            "table backup": table,
            "s3 writes": a_month * usage.count("s3", "PutObject", "ListObjectsV2"),
            "s3 reads": a_month * usage.count("s3", "GetObject"),
            "s3 bytes": stored(kept, A_YEAR, a_month) / GIB,
            "sqs requests": a_month * self.sent + DAYS * self.polled,
            "mails": a_month * usage.count("sesv2"),
            "mail bytes": a_month * self.mail_bytes / GIB,
            "metrics": hours / (24 * DAYS),
            "alarms": self.template.count("CloudWatch::Alarm"),
            "dashboards": self.template.count("CloudWatch::Dashboard"),
            "logs": sum(times[name] * size for name, size in usage.logs.items()) / GIB,
            "traces": calls,
            "schedules": times["fetch"] * usage.calls["fetch"] + DAYS,
            "secrets": 1,
            "secret reads": a_month * self.environments,
        }


def _lifetime(item: Item) -> tuple[int, float | None]:
    """The bytes of an item as it is stored, and the days after which it expires."""
    if "expires_at" not in item:
        return item_bytes(item) + ITEM_OVERHEAD, None
    written = datetime.fromisoformat(item["written_at"]["S"]).timestamp()
    lives = (int(item["expires_at"]["N"]) - written) / 86_400
    return item_bytes(item) + ITEM_OVERHEAD, lives


def _kept_for(path: str) -> int | None:
    """The days for which the bucket keeps what is written to a key, or none for good."""
    key = path.lstrip("/")
    if key.startswith("raw/"):
        return 400
    # What days share is written over, and its old versions expire.
    return None if key[:4].isdigit() else 30


def print_requests(days: Mapping[int, Usage]) -> None:
    """Print the requests of days of so many papers, with their units."""
    print("What the functions ask for on a day with one reader:\n")
    heads = [f"{what}, {size} papers" for size in days for what in ("requests", "written", "read")]
    print(line("function", "request", *heads))
    print(line("---", "---", *["--:"] * len(heads)))
    first, *_ = days.values()
    for kind in dict.fromkeys((r.function, r.service, r.operation) for r in first.requests):
        cells: list[object] = []
        for usage in days.values():
            asked = [r for r in usage.requests if (r.function, r.service, r.operation) == kind]
            units = (sum(r.written for r in asked), sum(r.read for r in asked))
            cells += [len(asked), *(f"{amount:,.0f}" if amount else "" for amount in units)]
        print(line(kind[0], f"{kind[1]} {kind[2]}", *cells))
    sums = {size: (len(u.requests), u.written, u.read) for size, u in days.items()}
    print(line("together", "", *(f"{n:,.0f}" for told in sums.values() for n in told)))
    print(line("a paper", "", *(f"{n / size:.2f}" for size, told in sums.items() for n in told)))


def print_ways(ways: Mapping[str, Bill]) -> None:
    """Print what the ways to score a day take."""
    functions = ("fetch", "score", "aggregate")
    heads = ["batches", "requests", "write units", *(f"read units, {name}" for name in functions)]
    print(line("way", *heads, "GB-seconds, reckoned"))
    print(line("---", *["--:"] * (len(heads) + 1)))
    for name, bill in ways.items():
        usage = bill.usage
        reads = (sum(r.read for r in usage.requests if r.function == of) for of in functions)
        cells = (len(usage.requests), usage.written, *reads, sum(bill.gb_seconds.values()))
        print(line(name, usage.calls["score"], *(f"{amount:,.0f}" for amount in cells)))


def print_day(days: Mapping[int, Bill]) -> None:
    """Print what else days of so many papers take."""
    rows: dict[str, list[str]] = {}
    for bill in days.values():
        usage = bill.usage
        content = Counter[str]()
        for request in usage.requests:
            content[request.operation] += request.content
        of = {
            "S3: PUT and LIST requests": usage.count("s3", "PutObject", "ListObjectsV2"),
            "S3: bytes written": content["PutObject"],
            "S3: GET requests": usage.count("s3", "GetObject"),
            "S3: bytes read": content["GetObject"],
            "SQS: messages": len(usage.messages),
            "SQS: their bytes": sum(usage.messages),
            "SQS: requests of the functions": bill.sent,
            "SQS: requests of Lambda's poller (reckoned)": bill.polled,
            **{f"Lambda: calls of {name}": calls for name, calls in usage.calls.items()},
            **{
                f"Lambda: GB-seconds of {name} (reckoned)": taken
                for name, taken in bill.gb_seconds.items()
            },
            "SES: mails": usage.count("sesv2"),
            "SES: bytes of a mail": bill.mail_bytes / usage.count("sesv2"),
            "CloudWatch: metrics": len(set().union(*usage.metrics.values())),
            "CloudWatch: bytes of logs": usage.logs.total(),
            "Secrets Manager: requests (reckoned)": bill.environments,
            "X-Ray: traces (reckoned)": usage.calls.total(),
            "Scheduler: invocations": usage.calls["fetch"] + usage.calls["deadline"],
        }
        for name, amount in of.items():
            rows.setdefault(name, []).append(f"{amount:,.0f}")
    print(line("what", *(f"{size} papers" for size in days)))
    print(line("---", *["--:"] * len(days)))
    for name, cells in rows.items():
        print(line(name, *cells))


def print_months(one: Bill, many: Bill, large: Bill) -> None:
    """Print what months cost for readers of one profile, and for one reader of many papers."""
    months: dict[str, Mapping[str, float]] = {
        f"{size:,} reader{'s' * (size > 1)}": at(one.month, many.month, size, of=READERS)
        for size in SIZES
    }
    months[f"1 reader, {LARGE} papers"] = large.month
    listed = [cost(month) for month in months.values()]
    free = [cost(month, free=True) for month in months.values()]
    print(line("US dollars a month", *months))
    print(line("---", *["--:"] * len(months)))
    for service in listed[0]:
        print(line(service, *(f"{dollars[service]:,.2f}" for dollars in listed)))
    print(line("together", *(f"{dollars.total():,.2f}" for dollars in listed)))
    print(line("with what is always free", *(f"{dollars.total():,.2f}" for dollars in free)))
    print(line("a day", *(f"{dollars.total() / DAYS:,.3f}" for dollars in listed)))
    a_reader = (listed[2].total() - listed[0].total()) / (SIZES[2] - SIZES[0])
    print(f"\nA reader more costs ${a_reader:.4f} a month.")


def print_profiles(two: Bill, many: Bill, whole: tokens.Tally, papers: int) -> None:
    """Print what profiles with a reader each ask for and cost, from days of 2 and ``PROFILES``."""

    def each(first: float, last: float) -> float:
        return (last - first) / (PROFILES - 2)

    rows = {
        "requests of a day": [len(bill.usage.requests) for bill in (two, many)],
        "write units of a day": [bill.usage.written for bill in (two, many)],
        "read units of a day": [bill.usage.read for bill in (two, many)],
        "messages of a day": [len(bill.usage.messages) for bill in (two, many)],
        "GB-seconds of a day (reckoned)": [sum(bill.gb_seconds.values()) for bill in (two, many)],
    }
    print(line("what", "a profile", *(f"{size:,} profile{'s' * (size > 1)}" for size in SIZES)))
    print(line("---", *["--:"] * (len(SIZES) + 1)))
    for name, (first, last) in rows.items():
        more = each(first, last)
        sums = (first + (size - 2) * more for size in SIZES)
        print(line(name, f"{more:,.0f}", *(f"{amount:,.0f}" for amount in sums)))
    # The line through both days: the first of them is the second point of it.
    months = (at(two.month, many.month, size - 1, of=PROFILES - 1) for size in SIZES)
    aws = [cost(month).total() for month in months]
    print(
        line(
            "US dollars a month, AWS",
            f"{(aws[2] - aws[0]) / (SIZES[2] - SIZES[0]):.2f}",
            *(f"{dollars:,.2f}" for dollars in aws),
        )
    )
    for model, price in MODELS.items():
        took = Tokens(prompt=whole.prompt, completion=whole.completion)
        dollars = ANNOUNCEMENT_DAYS * price.cost(took)
        cells = (f"{size * dollars:,.2f}" for size in (1, *SIZES))
        print(line(f"US dollars a month, {model}", *cells))
    batches = each(two.usage.calls["score"], many.usage.calls["score"])
    an_hour = two.template.concurrency * 3600 / CALL_SECONDS / batches
    print(
        f"\nOf {papers} papers a profile, {an_hour:,.0f} profiles an hour are scored by"
        f" {two.template.concurrency} calls at a time of {CALL_SECONDS:.0f} s (MaximumConcurrency):"
        f" {BEFORE_DEADLINE * an_hour:,.0f} from 00:30 to the deadline at 06:00."
    )


def print_models(ways: Mapping[str, tokens.Tally], papers: int) -> None:
    """Print what models cost for a month, by ways to score so many papers a day."""
    # Calls that start at the same time find nothing in a provider's cache yet.
    days = {
        f"{name}, {size} papers": Tokens(
            prompt=tally.prompt * size // papers, completion=tally.completion * size // papers
        )
        for size in (papers, LARGE)
        for name, tally in ways.items()
    }
    print(line("US dollars a month", *days))
    print(line("---", *["--:"] * len(days)))
    print(line("tokens a day", *(f"{took.prompt + took.completion:,}" for took in days.values())))
    for model, price in MODELS.items():
        told = (ANNOUNCEMENT_DAYS * price.cost(took) for took in days.values())
        print(line(model, *(f"{dollars:.2f}" for dollars in told)))


class Limit(NamedTuple):
    """How many readers are too many for what, and what removes that."""

    readers: int
    what: str
    removed_by: str


def limits(one: Bill, many: Bill) -> list[Limit]:
    """What the readers of one profile meet, in that order, from days of one and of ``READERS``."""
    template = one.template
    function = template.function("aggregate")
    timeout, memory = int(function["Timeout"]), int(function["MemorySize"])
    a_mail = (many.gb_seconds["aggregate"] - one.gb_seconds["aggregate"]) / (READERS - 1)
    a_mail /= memory / 1024
    first = one.gb_seconds["aggregate"] / (memory / 1024)
    left = VARIABLES_BYTES - template.variables_bytes
    [run] = (item_bytes(item) for item in one.usage.items.values() if item["sk"]["S"] == "RUN")
    listed, line_of_yaml = len(f"{ADDRESS},"), len(f"  - {ADDRESS}\n")
    in_profile = "`recipients` in a profile that is kept in the bucket"
    found = [
        Limit(
            left // listed,
            f"aggregate's variables: {left:,} of {VARIABLES_BYTES:,} bytes are left,"
            f" {listed} an address",
            in_profile,
        ),
        Limit(PARAMETER_BYTES // listed, f"the parameter: {PARAMETER_BYTES:,} bytes", in_profile),
        Limit(SANDBOX, f"SES's sandbox: {SANDBOX} mails a day", "production access"),
        Limit(
            int((timeout - first) / a_mail),
            f"aggregate's {timeout} s: {a_mail:.2f} s a mail, one after the other",
            "mails as messages of a queue, which calls send side by side",
        ),
        Limit(
            timeout * SES_RATE,
            f"SES: {SES_RATE} mails a second for {timeout} s",
            "a higher rate, which AWS grants on request",
        ),
        Limit(
            (ITEM_BYTES - run) // line_of_yaml,
            f"the run's item, which holds the profile: {ITEM_BYTES:,} bytes",
            "recipients in an object of their own",
        ),
    ]
    return sorted(found)


def print_limits(one: Bill, many: Bill, whole: tokens.Tally, papers_per_call: int) -> None:
    """Print where readers and papers meet the first limits."""
    found = limits(one, many)
    print(line("readers", "what they meet", "what removes it"))
    print(line("--:", "---", "---"))
    for limit in found:
        print(line(f"{limit.readers:,}", limit.what, limit.removed_by))
    asked = Counter(r.service for r in many.usage.requests if r.function == "aggregate")
    asked.subtract(r.service for r in one.usage.requests if r.function == "aggregate")
    a_mail = (f"{number // (READERS - 1)} of {service}" for service, number in asked.items())
    print(f"\nA mail's requests: {', '.join(told for told in a_mail if told[0] != '0')}.")
    for size in SIZES:
        met = [limit.what for limit in found if limit.readers < size]
        print(f"{size:,} reader{'s' * (size > 1)}: {met[0] if met else 'nothing of these'}.")
    calls = one.template.concurrency * 3600 / CALL_SECONDS
    a_call = whole.total / whole.calls
    print(
        f"\nPapers: {one.template.concurrency} calls at a time of {CALL_SECONDS:.0f} s each are"
        f" {calls * papers_per_call:,.0f} papers an hour (MaximumConcurrency), and"
        f" {calls / 60 * a_call:,.0f} tokens a minute, {a_call:,.0f} a call: compare the rate"
        " that the provider grants."
    )


def main() -> None:
    """Print the tables."""
    profile = load_profile((ROOT / "profile.yaml").read_text("utf-8"))
    seed = tokens.a_day(profile)
    size = len(seed.papers)
    template, feeds = Template.read(), len(profile.categories)

    def bill(what: str, usage: Usage) -> Bill:
        print(f"measured: {what}", file=sys.stderr)
        return Bill(usage, template, feeds)

    with Stack(seed, 1) as stack:
        stack.pass_day(size)
        stack.repeat(HISTORY - 1)
        whole = bill(f"{size} papers", stack.pass_day(size))
        large = bill(f"{LARGE} papers", stack.pass_day(LARGE))
        stack.configure("a model", 0.5)
        half = bill("half of them kept", stack.pass_day(size))
        stack.configure("", 1.0)
        local = bill("the local scorer", stack.pass_day(size))
    with Stack(seed, READERS) as stack:
        stack.pass_day(size)
        stack.repeat(HISTORY - 1)
        many = bill(f"{READERS} readers", stack.pass_day(size))
    of_profiles = []
    for count in (2, PROFILES):
        with Stack(seed, profiles=count) as stack:
            stack.pass_day(size)
            stack.repeat(HISTORY - 1)
            of_profiles.append(bill(f"{count} profiles", stack.pass_day(size)))
    better = tokens.better_half(seed.papers, profile)
    calls = [list(tokens.our_calls(papers, seed, profile)) for papers in (seed.papers, better)]
    tallies = tokens.tally(calls)

    print(f"Requests and cost, of {seed.name} and of one of {LARGE} papers made of its own;")
    print(f"the archive has {HISTORY} days before them.\n")
    print_requests({size: whole.usage, LARGE: large.usage})
    print(f"\nThe same {size} papers, by the way they are scored:\n")
    print_ways({"scored whole": whole, "half kept by triage": half, "the local scorer": local})
    print("\nWhat else a day takes:\n")
    print_day({size: whole, LARGE: large})
    print(f"\nAWS at list prices of {PRICED}, for readers of one profile, {size} papers a day")
    print(f"unless said, on {ANNOUNCEMENT_DAYS} days a month:\n")
    print_months(whole, many, large)
    print(f"\nThe model, at prices of {MODELS_PRICED} as examples:\n")
    print_models({"scored whole": tallies[0], "half kept": tallies[1]}, size)
    print(f"\nProfiles with one reader each, {size} papers a day:\n")
    print_profiles(*of_profiles, tallies[0], size)
    print("\nThe first limits:\n")
    print_limits(whole, many, tallies[0], profile.papers_per_call)


if __name__ == "__main__":
    main()
