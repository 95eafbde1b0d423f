"""What each role of the deployed stack may do, and what it may not, with IAM enforced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.stack import NAME
from tests.deployed import READERS, SECRET, Deployed

ROLES = ("FetchRole", "ScoreRole", "AggregateRole", "VoteRole", "ScheduleRole")
ACCOUNT = "000000000000"
KEY = {"pk": "RUN#2001-01-01", "sk": "RUN"}
VOTE = {"pk": "VOTES", "sk": "PROBE"}


class Acting:
    """The stack's resources as one role sees them; each method is one call."""

    def __init__(self, deployed: Deployed, role: str) -> None:
        stack = deployed.stack
        self.outputs = stack.outputs
        self.configuration_set = physical_name(deployed, "ConfigurationSet")
        self.vote_key = physical_name(deployed, "VoteKey")
        name = physical_name(deployed, role)
        if role == "ScheduleRole":
            name = _twin(deployed, name)
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        given = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        session = boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name="us-east-1",
        )

        def client(service: str) -> Any:
            return session.client(service, endpoint_url=stack.emulator.url)  # type: ignore[call-overload]

        self.s3, self.sqs, self.lambdas = client("s3"), client("sqs"), client("lambda")
        self.ses, self.secrets = client("sesv2"), client("secretsmanager")
        resource = session.resource("dynamodb", endpoint_url=stack.emulator.url)
        self.table = resource.Table(stack.outputs["Table"])

    def get_item(self) -> None:
        self.table.get_item(Key=KEY)

    def put_item(self) -> None:
        self.table.put_item(Item={**KEY, "sk": "PROBE"})

    def delete_item(self) -> None:
        self.table.delete_item(Key={**KEY, "sk": "PROBE"})

    def get_vote(self) -> None:
        self.table.get_item(Key=VOTE)

    def put_vote(self) -> None:
        self.table.put_item(Item=VOTE)

    def scan(self) -> None:
        self.table.scan()

    def send(self, queue: str) -> None:
        self.sqs.send_message(QueueUrl=self.outputs[queue], MessageBody="probe")

    def receive(self, queue: str) -> None:
        self.sqs.receive_message(QueueUrl=self.outputs[queue], VisibilityTimeout=0)

    def list_objects(self) -> None:
        self.s3.list_objects_v2(Bucket=self.outputs["Bucket"])

    def read(self, key: str) -> None:
        self.s3.get_object(Bucket=self.outputs["Bucket"], Key=key)

    def write(self, key: str) -> None:
        self.s3.put_object(Bucket=self.outputs["Bucket"], Key=key, Body=b"probe")

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.outputs["Bucket"], Key=key)

    def read_secret(self) -> None:
        self.secrets.get_secret_value(SecretId=SECRET)

    def read_vote_key(self) -> None:
        self.secrets.get_secret_value(SecretId=self.vote_key)

    def mail(self) -> None:
        self.ses.send_email(
            FromEmailAddress="digest@example.org",
            Destination={"ToAddresses": [READERS[0]]},
            Content={"Raw": {"Data": b"Subject: probe\r\n\r\nprobe"}},
            ConfigurationSetName=self.configuration_set,
        )

    def invoke(self, function: str) -> None:
        name = self.outputs[f"{function}FunctionName"]
        self.lambdas.invoke(FunctionName=name, InvocationType="DryRun")


Call = Callable[[Acting], None]


def call(name: str, *arguments: str) -> Any:
    """One call by its name; the id of its test is what it does."""

    def made(acting: Acting) -> None:
        getattr(acting, name)(*arguments)

    return pytest.param(made, id=" ".join((name, *arguments)))


def of(role: str, *calls: Any) -> list[Any]:
    return [
        pytest.param(role, made, id=f"{role} {parameter.id}")
        for parameter in calls
        for made in parameter.values
    ]


DENIED = [
    *of(
        "FetchRole",
        call("mail"),
        call("read_vote_key"),
        call("read_secret"),
        call("delete", "raw/2001-01-01/cs.CV.xml"),
        call("write", "2001-01-01/digest.md"),
        call("write", "config/profile.yaml"),
        call("read", "latest.json"),
        call("receive", "Queue"),
        call("scan"),
        call("invoke", "Aggregate"),
    ),
    *of(
        "ScoreRole",
        call("list_objects"),
        call("read_vote_key"),
        call("read", "config/profile.yaml"),
        call("write", "2001-01-01/digest.md"),
        call("mail"),
        call("send", "Queue"),
        call("receive", "DeadLetterQueue"),
        call("delete_item"),
        call("scan"),
        call("invoke", "Aggregate"),
    ),
    *of(
        "AggregateRole",
        call("read_secret"),
        call("read", "raw/2001-01-01/cs.CV.xml"),
        call("read", "config/profile.yaml"),
        call("write", "config/profile.yaml"),
        call("write", "raw/2001-01-01/cs.CV.xml"),
        call("read", "2001-01-01/mail/one@example.org.eml"),
        call("delete", "latest.json"),
        call("send", "Queue"),
        call("delete_item"),
        call("scan"),
        call("invoke", "Fetch"),
    ),
    # That VoteRole reads no other item than votes the emulator does not know how to enforce.
    *of(
        "VoteRole",
        call("read_secret"),
        call("list_objects"),
        call("read", "2001-01-01/mail/one@example.org.eml"),
        call("read", "config/profile.yaml"),
        call("write", "2001-01-01/digest.json"),
        call("delete_item"),
        call("scan"),
        call("mail"),
        call("send", "Queue"),
        call("invoke", "Fetch"),
    ),
    *of(
        "ScheduleRole",
        call("invoke", "Score"),
        call("get_item"),
        call("list_objects"),
        call("send", "Queue"),
        call("receive", "Failures"),
        call("read_secret"),
        call("mail"),
    ),
]

# One or more for each role, so that the others cannot be denied because everything is.
ALLOWED = [
    *of("FetchRole", call("get_item"), call("list_objects"), call("write", "raw/probe.xml")),
    *of("ScoreRole", call("get_item"), call("put_item"), call("read_secret")),
    *of(
        "AggregateRole",
        call("get_item"),
        call("list_objects"),
        call("write", "2001-01-01/probe.txt"),
    ),
    *of("AggregateRole", call("read_vote_key")),
    *of("VoteRole", call("get_vote"), call("put_vote"), call("read_vote_key")),
    *of("ScheduleRole", call("invoke", "Fetch"), call("invoke", "Aggregate")),
]


def physical_name(deployed: Deployed, resource: str) -> str:
    cloudformation = deployed.stack.client("cloudformation")
    detail = cloudformation.describe_stack_resource(StackName=NAME, LogicalResourceId=resource)
    return str(detail["StackResourceDetail"]["PhysicalResourceId"])


def _twin(deployed: Deployed, role: str) -> str:
    """A role that may do the same, and that this account may assume, not only the scheduler."""
    iam = deployed.stack.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="twin", AssumeRolePolicyDocument=document)
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        own = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        iam.put_role_policy(RoleName="twin", PolicyName=policy, PolicyDocument=json.dumps(own))
    return "twin"


@pytest.fixture(scope="module")
def acting(session_stack: Deployed) -> Iterator[dict[str, Acting]]:
    yield {role: Acting(session_stack, role) for role in ROLES}
    stack = session_stack.stack
    for key in ("raw/probe.xml", "2001-01-01/probe.txt"):
        stack.client("s3").delete_object(Bucket=stack.outputs["Bucket"], Key=key)
    table = stack.resource("dynamodb").Table(stack.outputs["Table"])
    table.delete_item(Key={**KEY, "sk": "PROBE"})
    table.delete_item(Key=VOTE)


@pytest.mark.parametrize(("role", "made"), DENIED)
def test_a_role_may_not(acting: dict[str, Acting], role: str, made: Call) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        made(acting[role])


@pytest.mark.parametrize(("role", "made"), ALLOWED)
def test_a_role_may(acting: dict[str, Acting], role: str, made: Call) -> None:
    made(acting[role])
