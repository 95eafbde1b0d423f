"""``make``'s commands for this machine, run as a newcomer would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from datetime import UTC, date, datetime
from email import message_from_bytes
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from arxiv_digest.models import Digest
from arxiv_digest.rendering import render_json
from local import emulator
from local.emulator import ROOT
from local.stack import Stack
from tests.builders import a_digest, a_paper, scored
from tests.deployed import papers_of
from tests.e2e.test_operations import operate
from tests.export_api import export_api
from tests.feeds import feed
from tests.unit.test_serving import heed_ctrl_c


def surroundings() -> dict[str, str]:
    """The environment of a make that no other make has started."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def make(*arguments: str, expect: int = 0, **environment: str) -> str:
    """Run make from the root of the project; returns what it printed."""
    ran = subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={**surroundings(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert (ran.returncode != 0) == bool(expect), ran.stdout
    return ran.stdout


@pytest.fixture
def nothing_running() -> None:
    if emulator.remembered():
        pytest.skip("an emulator that `make up` started is in use; `make down` stops it")


@pytest.mark.usefixtures("nothing_running")
def test_one_command_makes_a_real_digest_of_the_sample(tmp_path: Path) -> None:
    paper = a_paper(announced=date(2026, 1, 21))
    before = a_digest([(paper, scored(paper))], date=paper.announced)
    (tmp_path / "2026-01-21").mkdir()
    (tmp_path / "2026-01-21/digest.json").write_bytes(render_json(before))

    said = make("digest", "SOURCE=sample", f"OUT={tmp_path}", "RECIPIENTS=a@b.org,c@d.org")

    assert "announced 48 = scored 48 + triaged 0 + failed 0" in said
    assert "mail to c@d.org: sent" in said
    assert "2 of 2 batches scored" in said
    day = tmp_path / "2026-01-22"
    for name in ("digest.md", "digest.html", "digest.json", "mail/a@b.org.eml", "mail/c@d.org.eml"):
        assert str(day / name) in said
        assert (day / name).stat().st_size > 1000
    for name in ("index.html", "latest.html", "latest.md", "latest.json", "digest.schema.json"):
        assert (tmp_path / name).exists()
    listed = (tmp_path / "index.html").read_text("utf-8")
    assert [f"{date}/digest.html" in listed for date in ("2026-01-21", "2026-01-22")] == [True] * 2
    digest = json.loads((day / "digest.json").read_text("utf-8"))
    assert digest["scorer"] == {"kind": "local", "name": "local TF-IDF"}
    assert digest["tokens"]["total"] == 0
    assert 5 <= sum(len(section["papers"]) for section in digest["sections"]) <= 12
    mail = message_from_bytes((day / "mail/c@d.org.eml").read_bytes())
    assert mail["To"] == "c@d.org"
    assert emulator.remembered() is None, "what it started is stopped"

    logs = make("logs")
    assert "fetch started for 2026-01-22" in logs
    assert "digest of 2026-01-22: made" in logs
    assert "Traceback" not in logs


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("nothing_running")
def test_a_day_is_rebuilt_on_the_emulator_that_stays_up_until_all_of_it_is_deleted(
    tmp_path: Path,
) -> None:
    day = date(2026, 2, 5)
    kept, read, asked = papers_of(day, 3)
    asked = asked.model_copy(update={"categories": ("cs.RO",)})
    folder = tmp_path / f"raw/{day}"
    folder.mkdir(parents=True)
    (folder / "cs.CV.xml").write_bytes(feed("cs.CV", day, [kept, read]))
    another = a_digest([(read, scored(read))], date=date(2026, 2, 6))
    (tmp_path / "2026-02-06").mkdir()
    (tmp_path / "2026-02-06/digest.json").write_bytes(render_json(another))
    (tmp_path / "latest.html").write_text("of 2026-02-06")
    try:
        said = make("up")
        running = emulator.remembered()
        assert running is not None
        assert f"AWS_ENDPOINT_URL={running.url}" in said
        assert "FetchFunctionName" in said
        assert make("logs").strip() == ""
        with export_api() as api:
            api.submit(datetime(2026, 2, 4, 12, tzinfo=UTC), asked)
            said = make(
                "backfill",
                DATE=str(day),
                OUT=str(tmp_path),
                CATEGORIES="cs.CV cs.RO",
                EXPORT_API_URL=api.url,
            )
            assert len(api.requests) == 1
            assert emulator.remembered() == running
            assert f"fetch started for {day}" in make("logs")
            (tmp_path / "operations").mkdir()
            operate(Stack(running), tmp_path / "operations")
    finally:
        assert "stopped" in make("down")
    assert emulator.remembered() is None
    assert "no emulator is running" in make("down")

    assert f"kept feeds of {day}: cs.CV" in said
    assert f"no feed is kept of cs.RO: {api.url} is asked" in said
    assert "announced 2 = scored 2 + triaged 0 + failed 0" in said
    assert "could only be rebuilt approximately" in said
    assert "mail to reader@example.org: not sent" in said
    made = json.loads((tmp_path / f"{day}/digest.json").read_text("utf-8"))
    assert {paper.id for paper in Digest.model_validate(made).papers} == {kept.id, asked.id}
    assert made["seen_before"] == 1, "another day's digest has read it"
    assert "2026-02-06/digest.html" in (tmp_path / "index.html").read_text("utf-8")
    assert (tmp_path / "latest.html").read_text() == "of 2026-02-06"
    assert (folder / "cs.RO.api-1.xml").exists(), "what the API answered is on record"


def test_help_names_every_command() -> None:
    said = make("help")
    for target in ("digest", "backfill", "open", "up", "down", "logs", "test", "check"):
        assert f"make {target} " in said
    assert "SOURCE=live|sample|DIR" in said
    assert "DATE=YYYY-MM-DD" in said


def test_an_archive_is_opened_until_it_is_closed(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("every day")
    running = subprocess.Popen(
        ["make", "open", f"OUT={tmp_path}"],
        cwd=ROOT,
        env={**surroundings(), "BROWSER": "true"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    assert running.stdout is not None
    address = running.stdout.readline().partition(" ")[0]
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=10) as answer:
            assert answer.read() == b"every day"
    finally:
        # As Ctrl-C does, to make and to what it started.
        os.killpg(running.pid, signal.SIGINT)
    assert running.communicate(timeout=20)[0] == ""
    with socket.socket() as probe:
        port = int(address.strip("/").rpartition(":")[2])
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "it still listens"


def test_a_second_command_at_the_same_time_is_turned_away() -> None:
    with emulator.alone():
        said = make("digest", "SOURCE=sample", expect=2)
    assert "another command is at work in this folder" in said


@pytest.mark.usefixtures("nothing_running")
def test_ended_from_outside_it_leaves_nothing_behind(tmp_path: Path) -> None:
    running = subprocess.Popen(
        [str(ROOT / ".venv/bin/python"), "-m", "local", "digest", "--source=sample"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "layers/common:.", "OUT": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("deploying it to the emulator at "):
            break
    port = int(line.rpartition(":")[2])
    running.terminate()
    assert running.wait(30) == 143
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the emulator still listens"
    assert not list((ROOT / ".local/run").glob(f"emulator-{port}-*"))
