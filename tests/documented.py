"""The commands of a document's shell blocks, run as they stand there by the real CLIs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

from local.emulator import HOME, ROOT, Emulator

_AWS = f'aws() {{ "{sys.executable}" -SE "{ROOT}/tests/aws_cli.py" "$@"; }}'


def blocks(document: str, language: str = "bash") -> list[str]:
    """The blocks of a document that are in some language, those in lists as well."""
    text = (ROOT / document).read_text("utf-8")
    form = rf"^( *)```{language}\n(.*?)^\1```"
    return [dedent(found[1]) for found in re.findall(form, text, re.DOTALL | re.MULTILINE)]


def commands(document: str) -> list[str]:
    """Every line of a document's shell blocks; a backslash continues one."""
    return "".join(blocks(document)).replace("\\\n", "").splitlines()


def run(lines: Iterable[str], emulator: Emulator, folder: Path, **variables: str) -> None:
    """Run lines in a folder, which is also home, until one fails; every question is answered yes.

    ``variables`` are set before the first line. Raises ``AssertionError`` with what was printed.
    """
    # Not in the folder: the path of a socket may not be long.
    with TemporaryDirectory() as place:
        environment = {
            **emulator.environment,
            **variables,
            "PATH": f"{HOME}/sam/bin:{os.environ['PATH']}",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "SAM_CLI_TELEMETRY": "0",
            "AWS_CLI": f"{place}/aws",
        }
        aws = subprocess.Popen(
            [HOME / "sam/bin/python", ROOT / "tests/aws_cli.py"], env=environment
        )
        try:
            while not Path(environment["AWS_CLI"]).exists():
                assert aws.poll() is None
                time.sleep(0.01)
            ran = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", "\n".join([_AWS, *lines])],
                cwd=folder,
                env=environment,
                input="y\n" * 10,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
        finally:
            aws.kill()
            aws.wait()
    assert ran.returncode == 0, ran.stderr + ran.stdout
