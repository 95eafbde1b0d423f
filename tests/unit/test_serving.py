"""The archive on this machine, read in a browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, RemoteDisconnected
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local import serving

ROOT = Path(__file__).parents[2]
OPENER = build_opener(ProxyHandler({}))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive beside which lies what is nobody's business."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "secret.txt").write_text("secret")
    day = folder / "digests/2026-01-22"
    day.mkdir(parents=True)
    (folder / "digests/index.html").write_text("<p>每日</p>", "utf-8")
    (folder / "digests/secret.html").symlink_to(folder / "secret.txt")
    for ending in ("html", "md", "json"):
        (day / f"digest.{ending}").write_text(f"a digest as {ending}")
    return folder / "digests"


@pytest.fixture(scope="module")
def address(archive: Path) -> Iterator[str]:
    with serving.archive_served(archive) as address:
        yield address


def ask(address: str, path: str) -> tuple[int, str, bytes]:
    """Ask for a path just as it is written; returns status, content type and body."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=10)
    connection.putrequest("GET", path)
    connection.endheaders()
    answer = connection.getresponse()
    told = answer.status, answer.headers["Content-Type"], answer.read()
    connection.close()
    return told


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/2026-01-22/digest.html?from=mail#top", "text/html; charset=utf-8"),
        ("/2026-01-22/digest.md", "text/markdown; charset=utf-8"),
        ("/2026-01-22/digest%2Ejson", "application/json"),
    ],
)
def test_a_file_is_sent_as_what_it_is(address: str, path: str, kind: str) -> None:
    status, told, body = ask(address, path)
    assert (status, told) == (200, kind)
    assert body


@pytest.mark.parametrize(
    "path",
    [
        "/2026-01-22",
        "/2026-01-22/",
        "/2026-01-23/digest.html",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/2026-01-22/../../secret.txt",
        "//etc/passwd",
        "/%2Fetc/passwd",
        "/secret.html",
        "/index.html%00",
        "//[",
        "/" + "x" * 5000,
    ],
)
def test_nothing_else_is_sent(address: str, path: str) -> None:
    status, _, body = ask(address, path)
    assert (status, body) == (404, b"")


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["..", ".", "%2e%2e", "2026-01-22", "secret.txt", "%2F", ""])))
def test_no_way_leads_out_of_the_folder(address: str, steps: list[str]) -> None:
    assert b"secret" not in ask(address, "/" + "/".join(steps))[2]


def test_a_client_that_goes_away_is_no_matter(capfd: pytest.CaptureFixture[str]) -> None:
    class Gone(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raise BrokenPipeError

    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raise ValueError("a mistake of ours")

    for handler, said in ((Gone, ""), (Broken, "a mistake of ours")):
        with serving.listening(handler) as address, pytest.raises(RemoteDisconnected):
            OPENER.open(address, timeout=10)
        told = capfd.readouterr().err
        assert said in told
        assert bool(told) is bool(said)


def heed_ctrl_c() -> None:
    """Let a process be ended by Ctrl-C even where its parent runs in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def opened(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The command behind ``make open``."""
    running = subprocess.Popen(
        [sys.executable, "-m", "local", "open", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "layers/common:.", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def test_the_command_opens_the_browser_and_ends_at_ctrl_c(archive: Path, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\ncd "${0%/*}" && echo "$1" > told && mv told shown\n')
    browser.chmod(0o755)
    with opened(BROWSER=str(browser), OUT=str(archive), PORT="0") as running:
        assert running.stdout is not None
        address, _, told = running.stdout.readline().partition(" ")
        assert str(archive) in told
        with OPENER.open(f"{address}2026-01-22/digest.html", timeout=10) as answer:
            assert answer.read() == b"a digest as html"
        until = time.monotonic() + 20
        while not (tmp_path / "shown").exists():
            assert time.monotonic() < until, "no browser was opened"
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
        assert running.stdout.read() == ""
    assert (tmp_path / "shown").read_text().strip() == address


def test_without_an_archive_it_says_how_to_make_one(tmp_path: Path) -> None:
    with opened(OUT=str(tmp_path)) as running:
        said = " ".join(running.communicate(timeout=20)[0].replace("│", " ").split())
        assert running.returncode != 0
    assert "there is no archive in" in said
    assert "`make digest SOURCE=sample` makes one" in said
    assert "Traceback" not in said


def test_a_port_in_use_is_named(archive: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with opened(OUT=str(archive), PORT=port, BROWSER="true") as running:
            said = " ".join(running.communicate(timeout=20)[0].replace("│", " ").split())
            assert running.returncode != 0
    assert f"PORT {port} cannot be used" in said
    assert "Traceback" not in said
