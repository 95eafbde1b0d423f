"""The stack on the emulator, deployed by the real SAM CLI."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local import sam
from local.emulator import Emulator

NAME = "arxiv-digest"
_PATIENT = Config(read_timeout=900, retries={"total_max_attempts": 1}, max_pool_connections=50)


class Stack:
    """The deployed stack: its outputs, and clients for its resources, for any thread."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.session = boto3.Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106
            region_name=emulator.environment["AWS_DEFAULT_REGION"],
        )
        self._clients: dict[str, Any] = {}
        # Clients serve any thread, the session that makes them and resources one at a time.
        self._making = threading.Lock()

    def client(self, service: str) -> Any:
        """The client of one service; it waits as long as a function may run."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = self.session.client(  # type: ignore[call-overload]
                    service, endpoint_url=self.emulator.url, config=_PATIENT
                )
            return self._clients[service]

    def resource(self, service: str) -> Any:
        """A new resource of one service, for one thread."""
        with self._making:
            return self.session.resource(service, endpoint_url=self.emulator.url)  # type: ignore[call-overload]

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name."""
        stacks = self.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}

    def invoke(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke a function (``Fetch``, ``Score``, ``Aggregate``) and return its answer.

        Raises :class:`FunctionError` with what the function raised.
        """
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs[f"{function}FunctionName"], Payload=json.dumps(event).encode()
        )
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise FunctionError(payload.get("errorMessage", str(payload)))
        return payload


class FunctionError(Exception):
    """What a function raised."""


def deploy(emulator: Emulator, template: Path, parameters: Mapping[str, str]) -> Stack:
    """Deploy a built template, or update what is deployed, and let its sender send."""
    # Quoted, since an empty value is one too: left out, an update would keep the old one.
    overrides = [*sam.target(), *(f'{name}="{value}"' for name, value in parameters.items())]
    sam.run(
        [
            "deploy",
            f"--template-file={template}",
            f"--stack-name={NAME}",
            "--capabilities=CAPABILITY_IAM",
            "--resolve-s3",
            "--no-confirm-changeset",
            "--no-fail-on-empty-changeset",
            "--no-progressbar",
            "--parameter-overrides",
            *overrides,
        ],
        emulator.environment,
    )
    stack = Stack(emulator)
    _verify(stack, parameters["SenderAddress"])
    _let_send(stack)
    return stack


def _verify(stack: Stack, sender: str) -> None:
    ses = stack.client("sesv2")
    with suppress(ses.exceptions.AlreadyExistsException):
        ses.create_email_identity(EmailIdentity=sender)


def _let_send(stack: Stack) -> None:
    # The emulator asks IAM about SES's SendEmail for the resource "*", whatever is sent, and the
    # template allows identities only, as AWS asks about them. So this one statement of the
    # template is the one that a deployment to the emulator does not prove.
    role = stack.client("cloudformation").describe_stack_resource(
        StackName=NAME, LogicalResourceId="AggregateRole"
    )["StackResourceDetail"]["PhysicalResourceId"]
    statement = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}
    stack.client("iam").put_role_policy(
        RoleName=role,
        PolicyName="emulator-mail",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
