"""The AWS emulator as a process of its own."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".local"
PYTHON = HOME / "emulator/bin/python"
REGION = "us-east-1"

_START = "import sys; sys.path.append({path!r}); from ministack.app import main; main()"


class EmulatorError(Exception):
    """The emulator did not start; the message says where its log is."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator: its process, its port, and the folder that it unpacks code into."""

    pid: int
    port: int
    scratch: str

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What an AWS SDK or the SAM CLI needs in its environment to talk to it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }

    def running(self) -> bool:
        """Whether its process lives and answers."""
        try:
            os.kill(self.pid, 0)
            # No proxy leads to this machine.
            opener = build_opener(ProxyHandler({}))
            with opener.open(f"{self.url}/_ministack/health", timeout=5):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End it and remove what it unpacked."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
            for _ in range(100):
                # Started by this process it has to be waited for, or it would seem to live on.
                with suppress(ChildProcessError):
                    os.waitpid(self.pid, os.WNOHANG)
                os.killpg(self.pid, 0)
                time.sleep(0.1)
            os.killpg(self.pid, signal.SIGKILL)
        shutil.rmtree(self.scratch, ignore_errors=True)


def start(folder: Path, port: int = 0, *, enforcing: bool = True) -> Emulator:
    """Start an emulator that works in ``folder``, on a free port unless one is given.

    It refuses what a role does not allow, unless it is not ``enforcing``.
    Its handlers run in its own interpreter and see its packages, so it gets an environment that
    holds nothing else. What only the emulator itself needs, SAM's translator, is lent to it from
    the SAM CLI's environment at the end of its path, where no handler looks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    scratch = tempfile.mkdtemp(prefix=f"emulator-{port}-", dir=folder)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    translator = HOME / "sam/lib" / version / "site-packages"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": scratch,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AUTH": "true" if enforcing else "false",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "1",
    }
    log = folder / "emulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(PYTHON), "-c", _START.format(path=str(translator))],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    emulator = Emulator(process.pid, port, scratch)
    try:
        for _ in range(300):
            if process.poll() is not None:
                break
            if emulator.running():
                return emulator
            time.sleep(0.1)
    except BaseException:
        emulator.stop()
        raise
    emulator.stop()
    raise EmulatorError(f"the emulator did not start; its log is {log}")


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def alone() -> Iterator[None]:
    """Hold this checkout's build and emulator for the time of the block.

    Raises :class:`EmulatorError` when another command holds them.
    """
    with (HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmulatorError("another command is at work in this folder; wait for it") from None
        yield


def remember(emulator: Emulator) -> None:
    """Keep a started emulator for later commands."""
    _state().write_text(json.dumps(asdict(emulator)))


def remembered() -> Emulator | None:
    """The emulator that an earlier command left running."""
    try:
        emulator = Emulator(**json.loads(_state().read_text()))
    except FileNotFoundError:
        return None
    if emulator.running():
        return emulator
    forget()
    return None


def forget() -> None:
    """Forget the remembered emulator."""
    _state().unlink(missing_ok=True)


@contextmanager
def running() -> Iterator[Emulator]:
    """The emulator left running, or one for the time of the block."""
    emulator = remembered()
    if emulator:
        yield emulator
        return
    emulator = start(HOME / "run")
    try:
        yield emulator
    finally:
        emulator.stop()


def _state() -> Path:
    return HOME / "emulator.json"
