"""The commands of docs/operations.md, run as they stand there."""

from __future__ import annotations

import re
import time
from datetime import date
from pathlib import Path

from botocore.exceptions import ClientError

from arxiv_digest.adapters.runs import Runs
from arxiv_digest.models import ProfileDay
from local.emulator import ROOT
from local.stack import NAME, Stack
from tests.deployed import KEY, SECRET
from tests.documented import blocks, commands, run

OPERATIONS = "docs/operations.md"

ELSEWHERE = {
    "sam build": "tests/infrastructure/test_package.py",
    "sam deploy": "tests/e2e/test_update.py",
    # The emulator moves no messages; the same is done there by receiving, sending and deleting.
    'aws sqs start-message-move-task --source-arn "$DEAD"': "tests/chaos/faults.py",
    'aws sqs list-message-move-tasks --source-arn "$DEAD"': "tests/chaos/faults.py",
}

NOT_HERE = {
    r"git (pull|switch) ": "it changes the checkout that is tested",
    r"gh (api|variable) ": "it needs a repository on GitHub, whose token AWS takes for the role",
}
"""What no test runs, and why."""


def is_run_here(command: str) -> bool:
    return command not in ELSEWHERE and not any(re.match(form, command) for form in NOT_HERE)


def test_what_is_not_run_here_is_a_command_of_the_operations_and_run_elsewhere_or_nowhere() -> None:
    listed = commands(OPERATIONS)
    assert set(ELSEWHERE) < set(listed)
    for form in NOT_HERE:
        assert any(re.match(form, command) for command in listed), form
    for file in ELSEWHERE.values():
        assert (ROOT / file).exists()


def operate(stack: Stack, folder: Path) -> None:
    """Run the page from top to bottom on a stack, which is gone in the end with all that it kept.

    The secret and a reader's identity are there before, by the commands of the README, and so is a
    message of a profile's day in the failure queue.
    """
    script = [command for command in commands(OPERATIONS) if is_run_here(command)]
    deleted = script.index(f"sam delete --stack-name {NAME}") + 1
    [trust] = blocks(OPERATIONS, "json")
    (folder / "trust.json").write_text(trust)
    (folder / "api-key.txt").write_text("sk-rotated\n")
    secrets, ses, iam = (stack.client(name) for name in ("secretsmanager", "sesv2", "iam"))
    secrets.create_secret(Name=SECRET, SecretString=KEY)
    if not _has(ses.get_email_identity, EmailIdentity="reader@example.org"):
        ses.create_email_identity(EmailIdentity="reader@example.org")
    bucket, table = stack.outputs["Bucket"], stack.outputs["Table"]
    s3, items = stack.client("s3"), stack.resource("dynamodb").Table(table)
    s3.put_object(Bucket=bucket, Key="config/profile.yaml", Body=b"written over")
    s3.delete_object(Bucket=bucket, Key="config/profile.yaml")

    text = (ROOT / "profile.yaml").read_text("utf-8")
    given_up = ProfileDay(date=date(2026, 1, 21), profile="another", text=text)
    failures = stack.outputs["Failures"]
    stack.client("sqs").send_message(QueueUrl=failures, MessageBody=given_up.model_dump_json())
    purge = next(number for number, command in enumerate(script) if "purge-queue" in command)

    run(script[:purge], stack.emulator, folder)
    another = Runs(stack.resource("dynamodb"), table).of("another")
    until = time.monotonic() + 60
    while another.get(given_up.date) is None:
        assert time.monotonic() < until, "its message did not come back to the queue of profiles"
        time.sleep(0.2)
    region_and_names = script[:2]
    run([*region_and_names, *script[purge:deleted]], stack.emulator, folder)

    assert '"done": "started"' in (folder / "rebuilt.json").read_text()
    rotated = secrets.get_secret_value(SecretId=SECRET)
    assert rotated["SecretString"] == "sk-rotated\n"
    assert not stack.client("lambda").list_functions()["Functions"]
    assert not stack.client("sqs").list_queues().get("QueueUrls")
    assert not stack.client("logs").describe_log_groups()["logGroups"]
    assert not stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] > 10, "the archive is kept"
    assert items.scan(Select="COUNT")["Count"] > 10, "and so are the runs"

    run(script[deleted:], stack.emulator, folder, BUCKET=bucket, TABLE=table)

    assert not _has(s3.head_bucket, Bucket=bucket)
    assert not _has(items.meta.client.describe_table, TableName=table)
    assert not _has(secrets.get_secret_value, SecretId=SECRET)
    assert not _has(ses.get_email_identity, EmailIdentity="reader@example.org")
    assert not _has(iam.get_role, RoleName="arxiv-digest-deploy")
    assert not iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]


def _has(ask: object, **named: str) -> bool:
    """Whether AWS knows what is asked for."""
    assert callable(ask)
    try:
        ask(**named)
    except ClientError:
        return False
    return True
