"""Rules of the template that linters do not know: AWS's advice, least privilege, and what the code
expects of its surroundings."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml
from hypothesis import example, given
from hypothesis import strategies as st

from arxiv_digest.adapters.archive import (
    FRESHNESS,
    PROFILE_KEY,
    PROFILES_PREFIX,
    announced_key,
    place_of,
    raw_feed_key,
    raw_page_key,
)
from arxiv_digest.adapters.llm import TIMEOUT
from arxiv_digest.adapters.settings import (
    AggregateSettings,
    FetchSettings,
    ScoreSettings,
    VoteSettings,
)
from arxiv_digest.firings import DeadlineEvent, FetchEvent
from arxiv_digest.steps.fetch import ABANDONED
from tests.archived import archived

ROOT = Path(__file__).resolve().parents[2]
# By way of JSON, to have plain values instead of cfn-lint's own that remember their lines.
TEMPLATE: dict[str, Any] = json.loads(json.dumps(cfn_yaml.load(str(ROOT / "template.yaml"))))
NO_VALUE = object()


class Stack:
    """The template as CloudFormation would read it for some parameters.

    A reference to a resource stays as its name, and an attribute as ``Name.Attribute``.
    """

    def __init__(self, **given: str) -> None:
        given.setdefault("SenderAddress", "digest@example.org")
        self.parameters = {
            name: given.pop(name, parameter.get("Default"))
            for name, parameter in TEMPLATE["Parameters"].items()
        }
        assert not given, f"no such parameters: {given}"
        self.resources = {
            name: self._read({key: value for key, value in resource.items() if key != "Condition"})
            for name, resource in TEMPLATE["Resources"].items()
            if "Condition" not in resource or self._holds(resource["Condition"])
        }
        everywhere = self._read(TEMPLATE["Globals"]["Function"])
        for function in self.of("AWS::Serverless::Function").values():
            own = function["Environment"]["Variables"]
            function.update({**everywhere, **function})
            function["Environment"] = {
                "Variables": {**everywhere["Environment"]["Variables"], **own}
            }
        self.outputs = {
            name: self._read(output["Value"])
            for name, output in TEMPLATE["Outputs"].items()
            if "Condition" not in output or self._holds(output["Condition"])
        }

    def of(self, kind: str) -> dict[str, Any]:
        """The properties of every resource of one type, by name."""
        return {
            name: resource["Properties"]
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def __getitem__(self, name: str) -> Any:
        return self.resources[name]["Properties"]

    def _holds(self, condition: str) -> bool:
        return self._read(TEMPLATE["Conditions"][condition])

    def _read(self, value: Any) -> Any:
        if isinstance(value, list):
            return [read for read in map(self._read, value) if read is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name.removeprefix("Fn::"), argument)
        read = {key: self._read(inner) for key, inner in value.items()}
        return {key: inner for key, inner in read.items() if inner is not NO_VALUE}

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                if argument == "AWS::NoValue":
                    return NO_VALUE
                value = self.parameters.get(argument, argument)
                listed = TEMPLATE["Parameters"].get(argument, {}).get("Type", "")
                return value.split(",") if listed == "CommaDelimitedList" else value
            case "GetAtt":
                return argument if isinstance(argument, str) else ".".join(argument)
            case "If":
                condition, then, otherwise = argument
                return self._read(then if self._holds(condition) else otherwise)
            case "Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                names = {**self.parameters, **self._read(own)}
                return re.sub(r"\$\{([^}]+)\}", lambda m: str(names.get(m[1], m[1])), text)
        argument = self._read(argument)
        match function:
            case "Equals":
                return argument[0] == argument[1]
            case "Not":
                return not argument[0]
            case "Join":
                return argument[0].join(argument[1])
            case "Split":
                return argument[1].split(argument[0])
            case "Select":
                return argument[1][int(argument[0])]
        raise NotImplementedError(function)


EVERYTHING = {
    "LlmSecretName": "llm/key",
    "LlmModel": "a-model",
    "Recipients": "one@example.org,two@example.org",
    "CreateSenderIdentity": "true",
    "ScheduleEnabled": "true",
    "AlarmAddress": "ops@example.org",
    "PublicPage": "true",
    "Votes": "true",
}
PLAIN = Stack()
FULL = Stack(**EVERYTHING)


def without(parameter: str) -> Stack:
    """Everything but one parameter, to see that what hangs on it hangs on no other."""
    return Stack(**{name: value for name, value in EVERYTHING.items() if name != parameter})


FUNCTIONS = list(FULL.of("AWS::Serverless::Function"))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def events(stack: Stack, kind: str) -> dict[tuple[str, str], Any]:
    """The properties of every event of one type, by function and event."""
    return {
        (function, name): event["Properties"]
        for function, properties in stack.of("AWS::Serverless::Function").items()
        for name, event in properties.get("Events", {}).items()
        if event["Type"] == kind
    }


def statements(stack: Stack, role: str) -> list[Any]:
    apart = [policy for policy in stack.of("AWS::IAM::Policy").values() if role in policy["Roles"]]
    return [
        statement
        for policy in [*stack[role]["Policies"], *apart]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def grants(stack: Stack, role: str) -> dict[str, set[str]]:
    """What a role may do, by resource."""
    found = defaultdict(set)
    for statement in statements(stack, role):
        for resource in listed(statement["Resource"]):
            found[resource].update(listed(statement["Action"]))
    return dict(found)


def role_of(stack: Stack, function: str) -> str:
    return stack[function]["Role"].removesuffix(".Arn")


SCHEDULES = list(events(PLAIN, "ScheduleV2"))
ROLES = list(FULL.of("AWS::IAM::Role"))


# ------------------------------------------------------------------------------ queue and stream


QUEUES = {
    "ProfileQueue": "FetchFunction",
    "BatchQueue": "ScoreFunction",
    "DeadlineQueue": "AggregateFunction",
}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_message_stays_hidden_for_six_times_the_timeout_of_its_function(queue: str) -> None:
    assert PLAIN[queue]["VisibilityTimeout"] >= 6 * PLAIN[QUEUES[queue]]["Timeout"]


@pytest.mark.parametrize("queue", ["ProfileQueue", "DeadlineQueue"])
def test_what_one_of_many_profiles_cannot_do_is_kept_in_the_failure_queue(queue: str) -> None:
    redrive = PLAIN[queue]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] >= 5
    assert redrive["deadLetterTargetArn"] == "FailureQueue.Arn"
    kept = PLAIN["FailureQueue"]["MessageRetentionPeriod"]
    assert kept > PLAIN[queue]["MessageRetentionPeriod"]


def test_batches_are_tried_five_times_or_more_and_then_kept_apart() -> None:
    redrive = PLAIN["BatchQueue"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] >= 5
    assert redrive["deadLetterTargetArn"] == "BatchDeadLetterQueue.Arn"
    # A message keeps the time it was first sent at, so its age goes on counting.
    kept = PLAIN["BatchDeadLetterQueue"]["MessageRetentionPeriod"]
    assert kept > PLAIN["BatchQueue"]["MessageRetentionPeriod"]


def test_the_alarm_on_dead_letters_names_the_number_of_deliveries() -> None:
    count = PLAIN["BatchQueue"]["RedrivePolicy"]["maxReceiveCount"]
    assert f"after {count} deliveries" in PLAIN["BatchDeadLetterAlarm"]["AlarmDescription"]


@pytest.mark.parametrize(("kind", "count"), [("SQS", 3), ("DynamoDB", 1)])
def test_functions_answer_sources_record_by_record(kind: str, count: int) -> None:
    found = events(PLAIN, kind)
    assert len(found) == count
    for event in found.values():
        assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("stage", ["prod", "local"])
def test_no_more_than_a_few_messages_of_a_queue_are_handled_at_the_same_time(stage: str) -> None:
    found = events(Stack(Stage=stage), "SQS")
    fed = {event["Queue"].removesuffix(".Arn"): function for (function, _), event in found.items()}
    assert fed == QUEUES
    for event in found.values():
        assert 2 <= event["ScalingConfig"]["MaximumConcurrency"] <= 10  # 2 is the least AWS takes


def test_a_stream_record_is_given_up_after_some_tries_to_the_failure_queue() -> None:
    [event] = events(PLAIN, "DynamoDB").values()
    assert event["Stream"] == "RunsTable.StreamArn"
    assert event["DestinationConfig"]["OnFailure"]["Destination"] == "FailureQueue.Arn"
    # -1, the default, is for ever: one bad record would stop its shard for a day.
    assert 1 <= event["MaximumRetryAttempts"] <= 10
    assert 60 <= event["MaximumRecordAgeInSeconds"] <= 86_400


def matches(pattern: Any, record: Any) -> bool:
    """Event filtering, as far as the template uses it: nested fields, and lists of values."""
    if isinstance(pattern, dict):
        return all(key in record and matches(pattern[key], record[key]) for key in pattern)
    return record in pattern


def stream_record(name: str, sort_key: str, **more: dict[str, str]) -> dict[str, Any]:
    image = {"pk": {"S": "RUN#2026-01-22"}, "sk": {"S": sort_key}, **more}
    return {"eventName": name, "dynamodb": {"Keys": {}, "NewImage": image}}


@pytest.mark.parametrize(
    ("record", "wakes"),
    [
        (stream_record("MODIFY", "RUN", remaining={"N": "0"}), True),
        # A day without papers is born counted down.
        (stream_record("INSERT", "RUN", remaining={"N": "0"}), True),
        (stream_record("INSERT", "RUN", remaining={"N": "1"}), False),
        (stream_record("MODIFY", "RUN", remaining={"N": "10"}), False),
        (stream_record("MODIFY", "RUN"), False),
        (stream_record("INSERT", "DIGEST", remaining={"N": "0"}), False),
        (stream_record("INSERT", "BATCH#00000"), False),
        (stream_record("INSERT", "PAPER#2601.00001"), False),
        ({"eventName": "REMOVE", "dynamodb": {"Keys": {}}}, False),
    ],
    ids=str,
)
def test_only_a_run_that_is_counted_down_wakes_aggregate(record: Any, wakes: bool) -> None:
    [event] = events(PLAIN, "DynamoDB").values()
    filters = [json.loads(entry["Pattern"]) for entry in event["FilterCriteria"]["Filters"]]
    assert any(matches(pattern, record) for pattern in filters) is wakes


# ------------------------------------------------------------------------------ schedules


def times(expression: str, days: str = "MON-FRI") -> list[time]:
    """The times of day of a schedule that has to fire on these days."""
    fields = re.fullmatch(r"cron\((.+)\)", expression)[1].split()
    minutes, hours, *told = fields
    assert told == ["?", "*", days, "*"]
    return [time(hour, minute) for hour in _numbers(hours) for minute in _numbers(minutes)]


def _numbers(field: str) -> list[int]:
    found = []
    for part in field.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@pytest.mark.parametrize("schedule", SCHEDULES, ids="-".join)
def test_a_schedule_fires_in_arxivs_time_and_only_when_asked_for(schedule: Any) -> None:
    assert PLAIN.parameters["ScheduleEnabled"] == "false"
    for stack in (PLAIN, without("ScheduleEnabled")):
        assert events(stack, "ScheduleV2")[schedule]["State"] == "DISABLED"
    event = events(FULL, "ScheduleV2")[schedule]
    assert event["State"] == "ENABLED"
    assert event["ScheduleExpressionTimezone"] == "America/New_York"
    assert times(event["ScheduleExpression"], "*" if schedule[1] == "Deadline" else "MON-FRI")


@pytest.mark.parametrize("schedule", SCHEDULES, ids="-".join)
def test_a_firing_that_cannot_be_delivered_is_kept(schedule: Any) -> None:
    event = events(PLAIN, "ScheduleV2")[schedule]
    assert event["DeadLetterConfig"] == {"Arn": "FailureQueue.Arn"}
    assert event["RetryPolicy"]["MaximumRetryAttempts"] >= 1
    allowed = grants(PLAIN, event["RoleArn"].removesuffix(".Arn"))
    assert "lambda:InvokeFunction" in allowed[f"{schedule[0]}.Arn"]
    assert "sqs:SendMessage" in allowed["FailureQueue.Arn"]


@pytest.mark.parametrize("function", sorted({function for function, _ in SCHEDULES}))
def test_a_scheduled_event_that_a_function_gives_up_is_kept(function: str) -> None:
    invoke = PLAIN[function]["EventInvokeConfig"]
    assert invoke["DestinationConfig"]["OnFailure"] == {
        "Type": "SQS",
        "Destination": "FailureQueue.Arn",
    }
    allowed = grants(PLAIN, role_of(PLAIN, function))["FailureQueue.Arn"]
    assert allowed & {"sqs:SendMessage", "sqs:SendMessage*"}


def test_fetch_fires_through_the_night_and_twice_later() -> None:
    firings = defaultdict(list)
    for (function, _), event in events(PLAIN, "ScheduleV2").items():
        if function == "FetchFunction":
            told = FetchEvent.model_validate_json(event["Input"])
            firings[told.firing] += times(event["ScheduleExpression"])
    assert firings == {
        "night": [time(0, 30), time(1, 30), time(2, 30), time(3, 30)],
        "last": [time(4, 0)],
        "late": [time(12, 0), time(20, 0)],
    }


@pytest.mark.parametrize("told", [time(6, 0), time(7, 45), time(23, 5)], ids=str)
def test_the_deadline_is_every_day_at_the_time_that_is_asked_for(told: time) -> None:
    stack = Stack(DeadlineTime=f"{told:%H:%M}")
    event = events(stack, "ScheduleV2")["AggregateFunction", "Deadline"]
    assert times(event["ScheduleExpression"], "*") == [told]
    asked = DeadlineEvent.model_validate_json(event["Input"])
    assert asked.deadline
    assert asked.date is None


def test_the_deadline_comes_after_the_last_firing_of_the_night() -> None:
    schedules = events(PLAIN, "ScheduleV2")
    [deadline] = times(schedules["AggregateFunction", "Deadline"]["ScheduleExpression"], "*")
    assert deadline > max(times(schedules["FetchFunction", "Last"]["ScheduleExpression"]))


# ------------------------------------------------------------------------------ table and bucket


def test_the_table_expires_streams_and_can_be_restored() -> None:
    table = PLAIN["RunsTable"]
    # "expires_at" is what the items carry; by another name nothing would ever expire.
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]


@pytest.mark.parametrize("name", ["ArchiveBucket", "RunsTable"])
def test_what_holds_the_readers_data_outlives_the_stack(name: str) -> None:
    # A stack that could not be created leaves nothing; one that is deleted leaves the data.
    assert PLAIN.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert PLAIN.resources[name]["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_is_private_encrypted_and_keeps_versions() -> None:
    bucket = PLAIN["ArchiveBucket"]
    assert bucket["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    for policy in PLAIN.of("AWS::S3::BucketPolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Deny", "only the public page may open it"


def test_raw_feeds_expire_and_digests_never_do() -> None:
    rules = PLAIN["ArchiveBucket"]["LifecycleConfiguration"]["Rules"]
    # Noncurrent versions apart, which are what a digest made again has replaced.
    expiring = [rule for rule in rules if any(key.startswith("Expiration") for key in rule)]
    moving = [rule for rule in rules if any(key.startswith("Transition") for key in rule)]
    assert {rule["Prefix"] for rule in expiring + moving} == {"raw/", "announced/"}
    assert {rule["Status"] for rule in expiring} == {"Enabled"}
    assert raw_feed_key("2026-01-22", "cs.CV").startswith("raw/")
    assert announced_key("2026-01-22").startswith("announced/")
    for kept in (PROFILE_KEY, PROFILES_PREFIX, place_of("raw")):
        assert not kept.startswith(("raw/", "announced/"))


# ------------------------------------------------------------------------------ public page


def public(stack: Stack) -> list[Any]:
    """The statements of the archive's policy that let somebody in."""
    [policy] = stack.of("AWS::S3::BucketPolicy").values()
    found = policy["PolicyDocument"]["Statement"]
    return [statement for statement in found if statement["Effect"] != "Deny"]


def test_without_being_asked_for_nothing_of_a_public_page_exists() -> None:
    for stack in (PLAIN, without("PublicPage")):
        assert "cloudfront" not in json.dumps(stack.resources).lower()
        assert "PageAddress" not in stack.outputs
        assert stack["AggregateFunction"]["Environment"]["Variables"]["DIGEST_PAGE_BASE"] == ""
        assert not public(stack)


def test_the_public_page_is_the_private_archive_over_https_for_reading_only() -> None:
    [distribution] = FULL.of("AWS::CloudFront::Distribution").values()
    told = distribution["DistributionConfig"]
    assert told["Enabled"] is True
    assert told["DefaultRootObject"] == "index.html"
    assert told["HttpVersion"] == "http2and3"
    assert told["PriceClass"] == "PriceClass_100"
    # What AWS refuses beside its own certificate, or sets whatever is asked for, is not asked for.
    assert told["ViewerCertificate"] == {"CloudFrontDefaultCertificate": True}
    [origin] = told["Origins"]
    assert origin["DomainName"] == "ArchiveBucket.RegionalDomainName"
    assert origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}
    assert origin["OriginAccessControlId"] == "PageAccess.Id"
    assert FULL["PageAccess"]["OriginAccessControlConfig"] == {
        "Name": "AWS::StackName-AWS::Region",
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }
    behavior = told["DefaultCacheBehavior"]
    assert "CacheBehaviors" not in told
    assert behavior["TargetOriginId"] == origin["Id"]
    assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["AllowedMethods"] == ["GET", "HEAD"]
    assert behavior["Compress"] is True
    # SecurityHeadersPolicy, by the list of managed policies in CloudFront's guide.
    assert behavior["ResponseHeadersPolicyId"] == "67f7725c-6f97-4210-82d7-5512b31e9d03"
    assert FULL["ArchiveBucket"] == PLAIN["ArchiveBucket"], "it stays private"


def test_a_digest_that_is_new_is_seen_within_minutes() -> None:
    [distribution] = FULL.of("AWS::CloudFront::Distribution").values()
    behavior = distribution["DistributionConfig"]["DefaultCacheBehavior"]
    # CachingOptimized, by the list of managed policies in CloudFront's guide: an object's own
    # Cache-Control counts, from a second to a year.
    assert behavior["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"
    assert 1 <= int(FRESHNESS.removeprefix("max-age=")) <= 300


def test_mails_and_the_output_name_the_page_where_there_is_one() -> None:
    base = FULL["AggregateFunction"]["Environment"]["Variables"]["DIGEST_PAGE_BASE"]
    assert base == "https://PageDistribution.DomainName"
    assert FULL.outputs["PageAddress"] == f"{base}/"


def test_only_this_page_may_read_the_archive_and_it_may_do_nothing_else() -> None:
    [statement] = public(FULL)
    assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert statement["Action"] == "s3:GetObject"
    arn = "arn:AWS::Partition:cloudfront::AWS::AccountId:distribution/PageDistribution"
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceArn": arn}}
    assert not {"NotResource", "NotAction", "NotPrincipal"} & set(statement)


def readable(key: str) -> bool:
    """Whether the public page may read a key.

    In a policy's resources ``*`` stands for any characters and ``?`` for any one, slashes among
    them ("IAM JSON policy elements: Resource" in IAM's guide).
    """
    [statement] = public(FULL)
    patterns = [
        re.escape(resource.removeprefix("ArchiveBucket.Arn/"))
        for resource in statement["Resource"]
        if resource.startswith("ArchiveBucket.Arn/")
    ]
    assert len(patterns) == len(statement["Resource"])
    wild = [pattern.replace(r"\*", ".*").replace(r"\?", ".") for pattern in patterns]
    return any(re.fullmatch(pattern, key, re.DOTALL) for pattern in wild)


@pytest.mark.parametrize(
    "key",
    [
        *(f"2026-01-22/digest.{ending}" for ending in ("html", "md", "json", "bib", "ris")),
        "2026-01-22/papers.json",
        *(f"latest.{ending}" for ending in ("html", "md", "json")),
        "index.html",
        "feed.xml",
        "papers.xml",
        "papers/2026-01.json",
        "search/2026-01.js",
        "digest.schema.json",
        "robots.txt",
    ],
)
def test_the_public_page_has_what_a_reader_reads(key: str) -> None:
    assert readable(key)
    # Nobody looks for rules of crawlers anywhere but at the root.
    assert readable(f"{place_of('theory')}{key}") == (key != "robots.txt")


def test_the_public_page_has_all_that_is_written_of_a_day_but_the_mails() -> None:
    written = set(archived("reader@example.org"))
    mails = {key for key in written if key.endswith(".eml")}
    assert len(mails) == 1
    assert {key for key in written if not readable(key)} == mails


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.text())
@example(date(2026, 1, 22), "reader@example.org")
@example(date(2026, 1, 22), "../digest.html")
@example(date(2026, 1, 22), "a/2026-01-22/digest.html@example.org")
@example(date(2026, 1, 22), "/digest.html")
@example(date(2026, 1, 22), "digest.*?@example.org")
@example(date(2026, 1, 22), "papers.json")
@example(date(2026, 1, 22), "search.js")
@example(date(2026, 1, 22), "latest.html@example.org")
def test_the_public_page_has_no_mail_feed_or_profile_whatever_it_is_called(
    day: date, name: str
) -> None:
    assert not readable(f"{day}/mail/{name}.eml")
    assert not readable(f"{day}/mail/{name}")
    assert not readable(f"{place_of('theory')}{day}/mail/{name}.eml")
    assert not readable(announced_key(day))
    assert not readable(raw_feed_key(day, name))
    assert not readable(raw_feed_key(day, name, whole=False))
    assert not readable(raw_page_key(day, name, 1))
    assert not readable(f"config/{name}")
    assert not readable(PROFILE_KEY)


# ------------------------------------------------------------------------------ votes


def test_without_being_asked_for_nothing_of_votes_exists() -> None:
    assert PLAIN.parameters["Votes"] == "false"
    for stack in (PLAIN, without("Votes")):
        assert not stack.of("AWS::SecretsManager::Secret")
        assert not [name for name in stack.outputs if name.startswith("Vote")]
        told = {
            name: value
            for function in stack.of("AWS::Serverless::Function").values()
            for name, value in function["Environment"]["Variables"].items()
            if "VOTE" in name
        }
        assert told == {
            "DIGEST_VOTES": "false",
            "DIGEST_VOTE_ADDRESS": "",
            "DIGEST_VOTE_SECRET": "",
        }
        assert not [name for name in stack.resources if name.startswith("Vote")]
        assert "Vote" not in stack["Dashboard"]["DashboardBody"]


def test_votes_have_a_public_address_that_takes_little_of_the_account() -> None:
    function = FULL["VoteFunction"]
    assert function["FunctionUrlConfig"] == {"AuthType": "NONE"}
    assert FULL.outputs["VoteAddress"] == "VoteFunctionUrl.FunctionUrl"
    assert FULL.outputs["VoteFunctionName"] == "VoteFunction"
    traced = {name for name in FUNCTIONS if FULL[name]["Tracing"] == "Active"}
    assert traced == set(FUNCTIONS) - {"VoteFunction"}
    assert function["ReservedConcurrentExecutions"] <= 2
    assert function["Timeout"] <= 15
    others = [name for name in FUNCTIONS if "FunctionUrlConfig" in FULL[name]]
    assert others == ["VoteFunction"]


def test_the_key_of_votes_is_made_by_the_stack_and_known_to_nobody() -> None:
    [key] = FULL.of("AWS::SecretsManager::Secret").values()
    assert set(key) == {"Description", "GenerateSecretString"}
    assert key["GenerateSecretString"]["PasswordLength"] >= 43  # of 62 characters: 256 bits


def test_vote_reads_and_writes_votes_and_nothing_else_of_the_table() -> None:
    [table] = [one for one in statements(FULL, "VoteRole") if one["Resource"] == "RunsTable.Arn"]
    condition = {"dynamodb:LeadingKeys": ["VOTES", "VOTES#*"]}
    assert table["Condition"] == {"ForAllValues:StringLike": condition}


# ------------------------------------------------------------------------------ functions


def test_there_are_three_functions_and_one_for_votes() -> None:
    three = ["AggregateFunction", "FetchFunction", "ScoreFunction"]
    assert sorted(PLAIN.of("AWS::Serverless::Function")) == three
    assert sorted(FUNCTIONS) == [*three, "VoteFunction"]


def test_score_outlasts_its_language_model() -> None:
    # It asks twice at most, and the client tries each request twice.
    assert PLAIN["ScoreFunction"]["Timeout"] > 2 * 2 * TIMEOUT


def test_fetch_is_over_before_its_run_counts_as_abandoned() -> None:
    assert PLAIN["FetchFunction"]["Timeout"] <= 900  # Lambda's longest
    assert PLAIN["FetchFunction"]["Timeout"] < ABANDONED.total_seconds()


@pytest.mark.parametrize(
    ("function", "layers"),
    [
        ("FetchFunction", {"CommonLayer", "DependenciesLayer", "RankingLayer"}),
        ("ScoreFunction", {"CommonLayer", "DependenciesLayer", "RankingLayer"}),
        ("AggregateFunction", {"CommonLayer", "DependenciesLayer"}),
        ("VoteFunction", {"CommonLayer", "DependenciesLayer"}),
    ],
)
def test_only_what_ranks_carries_the_heavy_layer(function: str, layers: set[str]) -> None:
    assert set(FULL[function]["Layers"]) == layers


def test_functions_and_layers_are_built_for_the_same_processor_and_python() -> None:
    stack = Stack(**EVERYTHING, Architecture="x86_64", PythonRuntime="python3.12")
    for function in stack.of("AWS::Serverless::Function").values():
        assert function["Architectures"] == ["x86_64"]
        assert function["Runtime"] == "python3.12"
    for name, layer in stack.of("AWS::Serverless::LayerVersion").items():
        assert layer["CompatibleArchitectures"] == ["x86_64"]
        assert layer["CompatibleRuntimes"] == ["python3.12"]
        assert stack.resources[name]["Metadata"]["BuildArchitecture"] == "x86_64"


@pytest.mark.parametrize(("stage", "told"), [("prod", "1"), ("local", "")])
def test_functions_keep_bytecode_where_layers_can_be_written_to(stage: str, told: str) -> None:
    for function in Stack(Stage=stage).of("AWS::Serverless::Function").values():
        assert function["Environment"]["Variables"]["PYTHONDONTWRITEBYTECODE"] == told


SETTINGS = [
    ("FetchFunction", FetchSettings),
    ("ScoreFunction", ScoreSettings),
    ("AggregateFunction", AggregateSettings),
]


@pytest.mark.parametrize(
    ("stack", "function", "settings"),
    [
        *((PLAIN, *pair) for pair in SETTINGS),
        *((FULL, *pair) for pair in [*SETTINGS, ("VoteFunction", VoteSettings)]),
    ],
)
def test_a_function_is_told_what_its_settings_ask_for_and_nothing_else(
    stack: Stack, function: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = stack[function]["Environment"]["Variables"]
    told = {name: value for name, value in variables.items() if name.startswith("DIGEST_")}
    asked = {f"DIGEST_{field.upper()}" for field in settings.model_fields}
    assert set(told) == asked
    for name, value in told.items():
        monkeypatch.setenv(name, str(value))
    settings.told()


def test_functions_are_told_the_resources_of_their_own_stack() -> None:
    named = {
        "DIGEST_TABLE": "RunsTable",
        "DIGEST_BUCKET": "ArchiveBucket",
        "DIGEST_QUEUE_URL": "BatchQueue",
        "DIGEST_PROFILE_QUEUE_URL": "ProfileQueue",
        "DIGEST_DEADLINE_QUEUE_URL": "DeadlineQueue",
        "DIGEST_CONFIGURATION_SET": "ConfigurationSet",
        "DIGEST_VOTE_ADDRESS": "VoteFunctionUrl.FunctionUrl",
        "DIGEST_VOTE_SECRET": "VoteKey.Id",
    }
    for function in FUNCTIONS:
        for name, value in FULL[function]["Environment"]["Variables"].items():
            assert value == named.get(name, value)


def test_recipients_reach_aggregate_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for stack, recipients in [(PLAIN, ()), (FULL, ("one@example.org", "two@example.org"))]:
        for name, value in stack["AggregateFunction"]["Environment"]["Variables"].items():
            monkeypatch.setenv(name, str(value))
        assert AggregateSettings.told().recipients == recipients


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_logs_to_a_group_of_its_own_that_forgets(function: str) -> None:
    [group] = [
        name
        for name, properties in FULL.of("AWS::Logs::LogGroup").items()
        if properties["LogGroupName"] == f"/aws/lambda/{function}"
    ]
    assert 1 <= FULL[group]["RetentionInDays"] <= 400
    assert "LoggingConfig" not in FULL[function], "it would log to another group"
    logs = {
        resource: actions
        for resource, actions in grants(FULL, role_of(FULL, function)).items()
        if any(action.startswith("logs:") for action in actions)
    }
    assert logs == {f"{group}.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"}}


# ------------------------------------------------------------------------------ permissions

SECRET = "arn:AWS::Partition:secretsmanager:AWS::Region:AWS::AccountId:secret:llm/key-??????"
SES = "arn:AWS::Partition:ses:AWS::Region:AWS::AccountId:"

# X-Ray's two actions are about no resource, so AWS takes nothing but a star.
TRACES = {"*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}}

# A role that may do more than this fails; whoever widens one says so here.
ALLOWED = {
    "ScheduleRole": {
        "FetchFunction.Arn": {"lambda:InvokeFunction"},
        "AggregateFunction.Arn": {"lambda:InvokeFunction"},
        "FailureQueue.Arn": {"sqs:SendMessage"},
    },
    "FetchRole": {
        **TRACES,
        "FetchLogs.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "RunsTable.Arn": {
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        "BatchQueue.Arn": {"sqs:SendMessage*"},
        "ProfileQueue.Arn": {
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:SendMessage*",
        },
        "FailureQueue.Arn": {"sqs:SendMessage"},
        "ArchiveBucket.Arn": {"s3:ListBucket"},
        "ArchiveBucket.Arn/config/profile.yaml": {"s3:GetObject"},
        "ArchiveBucket.Arn/config/profiles/*": {"s3:GetObject"},
        "ArchiveBucket.Arn/announced/*": {"s3:GetObject", "s3:PutObject"},
        "ArchiveBucket.Arn/raw/*": {"s3:GetObject", "s3:PutObject"},
    },
    "ScoreRole": {
        **TRACES,
        "ScoreLogs.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "BatchQueue.Arn": {
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        },
        "RunsTable.Arn": {
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        SECRET: {"secretsmanager:GetSecretValue"},
    },
    "AggregateRole": {
        **TRACES,
        "AggregateLogs.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "RunsTable.Arn": {
            "dynamodb:ConditionCheckItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
        },
        "RunsTable.StreamArn": {
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
        },
        "RunsTable.Arn/stream/*": {"dynamodb:ListStreams"},
        "ArchiveBucket.Arn/????-??-??/*": {"s3:PutObject"},
        "ArchiveBucket.Arn/latest.*": {"s3:PutObject"},
        "ArchiveBucket.Arn": {"s3:ListBucket"},
        "ArchiveBucket.Arn/????-??-??/papers.json": {"s3:GetObject"},
        "ArchiveBucket.Arn/????-??-??/digest.json": {"s3:GetObject"},
        "ArchiveBucket.Arn/profiles/*": {"s3:PutObject"},
        "ArchiveBucket.Arn/profiles/*/????-??-??/papers.json": {"s3:GetObject"},
        "ArchiveBucket.Arn/profiles/*/????-??-??/digest.json": {"s3:GetObject"},
        "DeadlineQueue.Arn": {
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:SendMessage*",
        },
        "ArchiveBucket.Arn/papers/*": {"s3:PutObject"},
        "ArchiveBucket.Arn/search/*": {"s3:PutObject"},
        "ArchiveBucket.Arn/index.html": {"s3:PutObject"},
        "ArchiveBucket.Arn/feed.xml": {"s3:PutObject"},
        "ArchiveBucket.Arn/papers.xml": {"s3:PutObject"},
        "ArchiveBucket.Arn/robots.txt": {"s3:PutObject"},
        "ArchiveBucket.Arn/digest.schema.json": {"s3:PutObject"},
        "FailureQueue.Arn": {"sqs:SendMessage"},
        f"{SES}identity/*": {"ses:SendEmail", "ses:SendRawEmail"},
        f"{SES}configuration-set/ConfigurationSet": {"ses:SendEmail", "ses:SendRawEmail"},
        "VoteKey.Id": {"secretsmanager:GetSecretValue"},
    },
    "VoteRole": {
        "VoteLogs.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "RunsTable.Arn": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "ArchiveBucket.Arn/????-??-??/digest.json": {"s3:GetObject"},
        "ArchiveBucket.Arn/profiles/*/????-??-??/digest.json": {"s3:GetObject"},
        "VoteKey.Id": {"secretsmanager:GetSecretValue"},
    },
}


def test_every_role_is_known_here() -> None:
    assert set(ROLES) == set(ALLOWED)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_no_more_than_is_written_here(role: str) -> None:
    for resource, actions in grants(FULL, role).items():
        assert actions <= ALLOWED[role].get(resource, set()), resource


@pytest.mark.parametrize("role", ROLES)
def test_no_statement_is_about_everything(role: str) -> None:
    for statement in statements(FULL, role):
        assert statement["Effect"] == "Allow"
        assert not {"NotAction", "NotResource"} & set(statement)
        if statement["Resource"] == "*":
            assert set(statement["Action"]) == TRACES["*"]
            continue
        for resource in listed(statement["Resource"]):
            assert resource.strip("*:"), statement
            assert "*" not in resource.split(":")[-1].split("/")[0], statement
        for action in listed(statement["Action"]):
            assert not re.fullmatch(r"\*|[\w-]*:\*", action), statement


def test_all_permissions_stand_in_the_roles() -> None:
    # Managed policies, policy templates and roles made by SAM would escape the tests above.
    for role in ROLES:
        assert "ManagedPolicyArns" not in FULL[role]
    for function in FUNCTIONS:
        assert "Policies" not in FULL[function]
        assert role_of(FULL, function) in ROLES
    for event in events(FULL, "ScheduleV2").values():
        assert event["RoleArn"] == "ScheduleRole.Arn"
    kinds = {resource["Type"] for resource in FULL.resources.values()}
    assert not [kind for kind in kinds if "Permission" in kind]
    assert {kind for kind in kinds if "Policy" in kind or kind.startswith("AWS::IAM::")} == {
        "AWS::IAM::Role",
        "AWS::IAM::Policy",
        "AWS::S3::BucketPolicy",  # denies, and lets the public page read what a reader reads
        "AWS::SNS::TopicPolicy",  # lets AWS itself publish
    }
    for policy in FULL.of("AWS::IAM::Policy").values():
        assert set(policy["Roles"]) <= set(ROLES)


def test_each_function_has_a_role_that_only_lambda_assumes() -> None:
    roles = [role_of(FULL, function) for function in FUNCTIONS]
    assert len(set(roles)) == len(FUNCTIONS)
    for role in ROLES:
        [trust] = FULL[role]["AssumeRolePolicyDocument"]["Statement"]
        service = "lambda" if role in roles else "scheduler"
        assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
        assert trust["Action"] == "sts:AssumeRole"


def test_mail_is_sent_from_the_senders_address_only() -> None:
    found = [
        statement
        for role in ROLES
        for statement in statements(FULL, role)
        if any(action.startswith("ses:") for action in listed(statement["Action"]))
    ]
    assert found
    for statement in found:
        sender = FULL.parameters["SenderAddress"]
        assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": sender}}


def test_a_secret_is_read_only_where_one_is_named() -> None:
    def readers(stack: Stack) -> list[tuple[str, str]]:
        return [
            (role, resource)
            for role in stack.of("AWS::IAM::Role")
            for resource, actions in grants(stack, role).items()
            if any(action.startswith("secretsmanager:") for action in actions)
        ]

    voting = [("AggregateRole", "VoteKey.Id"), ("VoteRole", "VoteKey.Id")]
    assert readers(PLAIN) == []
    assert readers(without("LlmSecretName")) == voting
    # Secrets Manager adds a hyphen and six characters to a secret's name in its ARN.
    assert readers(without("Votes")) == [("ScoreRole", SECRET)]
    assert sorted(readers(FULL)) == sorted([("ScoreRole", SECRET), *voting])


def test_no_secret_passes_through_the_template() -> None:
    secretive = re.compile("secret|password|credential|token|key", re.IGNORECASE)
    found = set(filter(secretive.search, TEMPLATE["Parameters"]))
    assert found == {"LlmSecretName"}
    for parameter in TEMPLATE["Parameters"].values():
        assert "NoEcho" not in parameter
    # A dynamic reference would be resolved into what describes the function.
    assert "{{resolve:" not in json.dumps(TEMPLATE)
    for function in FUNCTIONS:
        for name, value in FULL[function]["Environment"]["Variables"].items():
            if secretive.search(name):
                named = {
                    "DIGEST_LLM_SECRET": FULL.parameters["LlmSecretName"],
                    "DIGEST_VOTE_SECRET": "VoteKey.Id",
                }
                assert value == named[name]


def test_an_identity_is_created_only_when_asked_for() -> None:
    kind = "AWS::SES::EmailIdentity"
    assert not without("CreateSenderIdentity").of(kind)
    [identity] = FULL.of(kind).values()
    assert identity["EmailIdentity"] == FULL.parameters["SenderAddress"]


# ------------------------------------------------------------------------------ alarms and outputs


Metric = tuple[str, str, str, str]
"""A metric's namespace, name, and its one dimension's name and value."""

# AWS's own, of which the template may name these ("Types of metrics for Lambda functions" in
# Lambda's guide, "Available CloudWatch metrics for Amazon SQS" in that of SQS).
AWS_METRICS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName"),
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/Lambda", "Duration", "FunctionName"),
}


def metrics_of(function: str) -> set[Metric]:
    """Each metric that a function's code adds; Powertools gives it the dimension ``service``."""
    code = (ROOT / FULL[function]["CodeUri"] / "app.py").read_text("utf-8")
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    services = [
        ast.literal_eval(keyword.value)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "Metrics"
        for keyword in call.keywords
        if keyword.arg == "service"
    ]
    added = [
        ast.literal_eval(call.args[0])
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_metric"
    ]
    assert len(services) == bool(added)
    namespace = FULL[function]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
    return {(namespace, name, "service", services[0]) for name in added}


REPORTED = set().union(*map(metrics_of, FUNCTIONS))


def alarms(stack: Stack = FULL) -> dict[str, Any]:
    return stack.of("AWS::CloudWatch::Alarm")


def metric_of(alarm: Any) -> Metric:
    [dimension] = alarm["Dimensions"]
    return alarm["Namespace"], alarm["MetricName"], dimension["Name"], dimension["Value"]


def assert_known(metric: Metric) -> None:
    """A metric of the code, or one of AWS's own about a resource of this stack."""
    namespace, name, dimension, value = metric
    if metric not in REPORTED:
        assert (namespace, name, dimension) in AWS_METRICS, metric
        kind = {"AWS/SQS": "AWS::SQS::Queue", "AWS/Lambda": "AWS::Serverless::Function"}[namespace]
        assert value.removesuffix(".QueueName") in FULL.of(kind)
        assert value.endswith(".QueueName") == (namespace == "AWS/SQS")


class Dashboard:
    """The one dashboard's body: its alarms, its metrics with their statistic, its annotations."""

    def __init__(self, stack: Stack) -> None:
        [properties] = stack.of("AWS::CloudWatch::Dashboard").values()
        self.widgets = json.loads(properties["DashboardBody"])["widgets"]
        self.alarms: list[str] = []
        self.metrics: list[tuple[Metric, str]] = []
        self.annotations: list[tuple[Metric, float]] = []
        for widget in self.widgets:
            told = widget["properties"]
            self.alarms += told.get("alarms", ())
            for metric in told.get("metrics", ()):
                own = metric.pop() if isinstance(metric[-1], dict) else {}
                self.metrics.append((tuple(metric), own.get("stat") or told["stat"]))
            for line in told.get("annotations", {}).get("horizontal", ()):
                self.annotations.append((self.metrics[-1][0], line["value"]))

    def statistics(self, name: str) -> set[str]:
        """The statistics that are shown of the metrics of one name."""
        return {stat for metric, stat in self.metrics if metric[1] == name}


@pytest.mark.parametrize("alarm", alarms())
def test_an_alarm_tells_the_topic_what_to_do(alarm: str) -> None:
    properties = FULL[alarm]
    assert properties["AlarmActions"] == ["AlarmTopic"]
    assert len(properties["AlarmDescription"]) > 30
    assert_known(metric_of(properties))


SILENCE = {"NoDigestAlarm"}
LIMITS = {
    "FailedPapersAlarm": ("Maximum", 300, 5),
}


@pytest.mark.parametrize("alarm", sorted(alarms().keys() - SILENCE - set(LIMITS)))
def test_an_alarm_of_troubles_rings_at_the_first(alarm: str) -> None:
    properties = FULL[alarm]
    assert properties["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert properties["Threshold"] == 1
    assert properties["Period"] == 300
    assert properties["EvaluationPeriods"] == 1
    # A run a day leaves most periods without data.
    assert properties["TreatMissingData"] == "notBreaching"
    assert properties["Statistic"] == ("Maximum" if "AWS/" in properties["Namespace"] else "Sum")


@pytest.mark.parametrize("alarm", LIMITS)
def test_an_alarm_of_a_limit_rings_above_it(alarm: str) -> None:
    properties = PLAIN[alarm]
    told = (properties["Statistic"], properties["Period"], properties["Threshold"])
    assert told == LIMITS[alarm]
    assert properties["ComparisonOperator"] == "GreaterThanThreshold"
    assert properties["EvaluationPeriods"] == 1
    assert properties["TreatMissingData"] == "notBreaching"


def test_an_alarm_rings_when_a_day_and_two_hours_brought_no_sign_of_a_digest() -> None:
    alarm = FULL["NoDigestAlarm"]
    assert metric_of(alarm)[1] == "DigestReady"
    assert alarm["Statistic"] == "Sum"
    # Longer than from one deadline to the next, so that what rings is a deadline without one.
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 26 * 3600
    assert alarm["DatapointsToAlarm"] == alarm["EvaluationPeriods"]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"


def test_a_stack_whose_schedules_do_not_fire_is_silent_without_an_alarm() -> None:
    assert set(alarms()) - set(alarms(without("ScheduleEnabled"))) == SILENCE


def test_a_stack_whose_readers_do_not_vote_has_no_alarm_of_votes() -> None:
    missing = set(alarms()) - set(alarms(without("Votes")))
    assert missing == {"VoteFailedAlarm", "VoteLinksMissingAlarm"}


@pytest.mark.parametrize("queue", ["BatchDeadLetterQueue", "FailureQueue"])
def test_an_alarm_watches_each_queue_of_what_was_given_up(queue: str) -> None:
    [watching] = [
        alarm
        for alarm in alarms().values()
        if alarm["Dimensions"] == [{"Name": "QueueName", "Value": f"{queue}.QueueName"}]
    ]
    assert watching["Namespace"] == "AWS/SQS"
    assert watching["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert watching["Statistic"] == "Maximum"


def test_each_trouble_has_its_alarm() -> None:
    assert {metric_of(alarm)[1] for alarm in alarms().values()} == {
        "ApproximateNumberOfMessagesVisible",
        "MailRefused",
        "MailUncertain",
        "RunMissing",
        "ProfilesRefused",
        "DigestReady",
        "FailedShare",
        "ScoredLocally",
        "TriageOpened",
        "VoteFailed",
        "LinksMissing",
    }


def test_each_metric_of_the_code_is_watched_or_shown_and_meant_once() -> None:
    watched = {metric_of(alarm) for alarm in alarms().values()}
    shown = {metric for metric, _ in Dashboard(FULL).metrics}
    assert watched | shown >= REPORTED
    assert len({name for _, name, _, _ in REPORTED}) == len(REPORTED), "one name, one meaning"
    for namespace, _, _, _ in REPORTED:
        assert "stack" in namespace.lower(), "another stack of the account must not be counted in"


@pytest.mark.parametrize("stack", [PLAIN, FULL], ids=["by default", "with everything"])
def test_the_dashboard_shows_what_there_is(stack: Stack) -> None:
    dashboard = Dashboard(stack)
    assert sorted(dashboard.alarms) == sorted(f"{alarm}.Arn" for alarm in alarms(stack))
    for metric, _ in dashboard.metrics:
        assert_known(metric)


def test_the_dashboard_shows_what_an_operator_asks_for() -> None:
    dashboard = Dashboard(FULL)
    for name in ("Announced", "Scored", "Triaged", "Failed", "Recommended"):
        assert dashboard.statistics(name) == {"Maximum"}
    for name in ("MailSent", "MailRefused", "MailUncertain", "Tokens", "Redelivered", "Errors"):
        assert dashboard.statistics(name) == {"Sum"}
    assert dashboard.statistics("BatchSeconds") == {"p50", "p95"}
    for name in ("TriageRecall", "TriageRecallLow", "TriageRecallHigh"):
        assert dashboard.statistics(name) == {"Average"}
    shown = {(name, value) for (_, name, _, value), _ in dashboard.metrics}
    assert ("ApproximateAgeOfOldestMessage", "BatchQueue.QueueName") in shown
    for queue in ("BatchDeadLetterQueue", "FailureQueue"):
        assert ("ApproximateNumberOfMessagesVisible", f"{queue}.QueueName") in shown
    for function in FUNCTIONS:
        assert {("Errors", function), ("Duration", function)} <= shown


def test_the_dashboards_widgets_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in Dashboard(FULL).widgets:
        x, y = widget["x"], widget["y"]
        cells = {
            (column, row)
            for column in range(x, x + widget["width"])
            for row in range(y, y + widget["height"])
        }
        assert max(column for column, _ in cells) < 24
        assert not cells & taken
        taken |= cells


def test_alarms_reach_somebody_where_an_address_is_given() -> None:
    kind = "AWS::SNS::Subscription"
    assert not without("AlarmAddress").of(kind)
    [subscription] = FULL.of(kind).values()
    assert subscription["TopicArn"] == "AlarmTopic"
    assert subscription["Endpoint"] == FULL.parameters["AlarmAddress"]


def test_outputs_name_what_a_person_has_to_find() -> None:
    assert (
        PLAIN.outputs.items()
        >= {
            "Bucket": "ArchiveBucket",
            "Table": "RunsTable",
            "Queue": "BatchQueue",
            "DeadLetterQueue": "BatchDeadLetterQueue",
            "FetchFunctionName": "FetchFunction",
            "ScoreFunctionName": "ScoreFunction",
            "AggregateFunctionName": "AggregateFunction",
        }.items()
    )
    assert PLAIN.outputs["DashboardAddress"].endswith("#dashboards/dashboard/Dashboard")


def test_a_second_stack_in_the_account_meets_no_name_of_the_first() -> None:
    # SAM names a schedule by function and event, and a layer by its logical id, unless told not to.
    for event in events(PLAIN, "ScheduleV2").values():
        assert event["OmitName"] is True
    for layer in PLAIN.of("AWS::Serverless::LayerVersion").values():
        assert layer["LayerName"].startswith("AWS::StackName-")
    fixed = {
        "FunctionName",
        "QueueName",
        "TableName",
        "BucketName",
        "RoleName",
        "TopicName",
        "AlarmName",
        "Name",
    }
    for name, resource in PLAIN.resources.items():
        assert not fixed & set(resource["Properties"]), name
    [dashboard] = PLAIN.of("AWS::CloudWatch::Dashboard").values()
    assert dashboard["DashboardName"] == "AWS::StackName-AWS::Region"


def test_the_archive_refuses_plain_http() -> None:
    [policy] = PLAIN.of("AWS::S3::BucketPolicy").values()
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "s3:*",
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == ["ArchiveBucket.Arn", "ArchiveBucket.Arn/*"]
    assert policy["Bucket"] == "ArchiveBucket"


def test_bounces_and_complaints_are_suppressed_and_told() -> None:
    assert PLAIN["ConfigurationSet"]["SuppressionOptions"]["SuppressedReasons"] == [
        "BOUNCE",
        "COMPLAINT",
    ]
    [told] = PLAIN.of("AWS::SES::ConfigurationSetEventDestination").values()
    destination = told["EventDestination"]
    assert destination["Enabled"] is True
    assert {"bounce", "complaint"} <= set(destination["MatchingEventTypes"])
    assert destination["SnsDestination"] == {"TopicARN": "AlarmTopic"}
    [topic] = PLAIN.of("AWS::SNS::TopicPolicy").values()
    [statement] = topic["PolicyDocument"]["Statement"]
    assert set(statement["Principal"]["Service"]) == {
        "cloudwatch.amazonaws.com",
        "ses.amazonaws.com",
    }
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "AWS::AccountId"}}
