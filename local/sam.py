"""The real SAM CLI, from its own environment."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from tempfile import TemporaryDirectory

from local.emulator import HOME, ROOT

SAM = HOME / "sam/bin/sam"
# The emulator has deployed within a second, and unasked the SAM CLI looks every five.
_CLI = {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5"}


class StackError(Exception):
    """A build or a deployment that failed; the message ends with what the SAM CLI printed."""


def target() -> list[str]:
    """The parameters of a stack whose functions run on this machine."""
    processor = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [f"Architecture={processor}", f"PythonRuntime={runtime}", "Stage=local"]


def run(arguments: list[str], environment: Mapping[str, str]) -> None:
    """Run a command of it; raises :class:`StackError` where that fails."""
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
