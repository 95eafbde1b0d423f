"""The template on the emulator: built for this machine, deployed by the real SAM CLI."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from ast import literal_eval
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
from botocore.config import Config

from local.emulator import HOME, PYTHON, ROOT, Emulator

SAM = HOME / "sam/bin/sam"
UV = HOME / "uv/bin/uv"
NAME = "arxiv-digest"
LAYERS = HOME / "layers"
"""Every layer that was built, unpacked, in a folder named by its content."""
UNUSED = 30 * 86_400
"""Seconds after which a layer that no build has come to is removed."""

# The emulator has deployed within a second, and unasked the SAM CLI looks every five.
_CLI = {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5"}
_PATIENT = Config(read_timeout=900, retries={"total_max_attempts": 1}, max_pool_connections=50)


class StackError(Exception):
    """A build or a deployment that failed; the message ends with what the SAM CLI printed."""


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


def build(folder: Path) -> Path:
    """Build the template for this machine into ``folder``; returns the built template's path.

    Its layers are kept in :data:`LAYERS`, and what is built of them leads there.
    """
    environment = {"ARCHITECTURE": "host", "UV": str(UV), "UV_PYTHON": str(PYTHON)}
    target = [f"--parameter-overrides={' '.join(_target())}"]
    _sam(["build", "--build-dir", str(folder), *target], environment)
    template = folder / "template.yaml"
    for name in re.findall(r"^ +ContentUri: (\w+)$", template.read_text("utf-8"), re.MULTILINE):
        lead(folder / name, keep(folder / name))
    forget_unused()
    return template


def keep(layer: Path) -> Path:
    """Where the content of a built layer lies from now on, with the bytecode made of it."""
    digest = hashlib.sha256()
    for file in sorted(layer.rglob("*")):
        if file.is_file():
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(layer)} {content}\n".encode())
    name = f"{layer.name}-{digest.hexdigest()[:16]}"
    place = LAYERS / name
    LAYERS.mkdir(exist_ok=True)
    if not place.exists():
        with TemporaryDirectory(dir=LAYERS) as arriving:
            whole = Path(shutil.move(layer, Path(arriving) / name))
            # Another process may have built the same.
            with suppress(OSError):
                whole.rename(place)
    os.utime(place)
    return place


def lead(layer: Path, place: Path) -> None:
    """Let a layer, a folder to be deployed, lead to what lies unpacked in another place.

    The emulator unpacks a function's layers at each cold start, thousands of files in which it
    finds no bytecode, and on one machine there is no need to.
    """
    shutil.rmtree(layer, ignore_errors=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = layer / "python/lib" / version / "site-packages"
    site.mkdir(parents=True)
    # First of all, as what is unpacked would be, not behind the emulator's own packages.
    line = f"import sys; sys.path.insert(0, {str(place / 'python')!r})\n"
    (site / "layer.pth").write_text(line, "utf-8")


def led(layer: Path) -> Path:
    """Where the Python packages of a built layer lie unpacked."""
    [line] = (file.read_text("utf-8") for file in layer.rglob("layer.pth"))
    found: str = literal_eval(line.partition(", ")[2].strip()[:-1])
    return Path(found)


def forget_unused() -> None:
    """Remove kept layers that no build has come to for :data:`UNUSED` seconds."""
    for place in LAYERS.iterdir():
        if time.time() - place.stat().st_mtime > UNUSED:
            shutil.rmtree(place, ignore_errors=True)


def deploy(emulator: Emulator, template: Path, parameters: Mapping[str, str]) -> Stack:
    """Deploy a built template, or update what is deployed, and let its sender send."""
    # Quoted, since an empty value is one too: left out, an update would keep the old one.
    overrides = [*_target(), *(f'{name}="{value}"' for name, value in parameters.items())]
    _sam(
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


def _target() -> list[str]:
    processor = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [f"Architecture={processor}", f"PythonRuntime={runtime}", "Stage=local"]


def _sam(arguments: list[str], environment: Mapping[str, str]) -> None:
    own = {name: value for name, value in os.environ.items() if name != "LLM_API_KEY"}
    # A scratch folder of its own, since the SAM CLI leaves folders behind in it.
    with TemporaryDirectory(prefix="sam-", dir=HOME) as scratch:
        ran = subprocess.run(
            [str(SAM), *arguments],
            cwd=ROOT,
            env={**own, **environment, **_CLI, "TMPDIR": scratch},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if ran.returncode:
        raise StackError(f"sam {arguments[0]} failed:\n{ran.stdout[-6000:]}")


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
