"""The stack is changed while it is in use: another key, and a new version over a run in progress.

These tests come last of the folder, since what they change stays.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from local import building, stack
from local.day import FUNCTIONS, logged
from tests.chaos.days import Day
from tests.deployed import KEY, READERS, SECRET, Deployed, copy_code, papers_of
from tests.documented import commands, run

PAPERS = 200
"""So many that the slow model is not done with them when the new version is there."""

NEXT_VERSION = """

_of_the_version_before = handler


def handler(event, context):
    print("the next version of {function}")
    return _of_the_version_before(event, context)
"""


def change(build: Path, changed: Path) -> None:
    """Change the code of each built function, and that of the layer that they share elsewhere."""
    for function in FUNCTIONS:
        file = build / f"{function}Function/app.py"
        file.write_text(file.read_text("utf-8") + NEXT_VERSION.format(function=function), "utf-8")
    copy_code(building.led(build / "CommonLayer"), changed / "python")
    shared = changed / "python/arxiv_digest/__init__.py"
    shared.write_text(f"{shared.read_text('utf-8')}\nNEXT = True\n", "utf-8")
    building.lead(build / "CommonLayer", changed)


def test_a_key_that_was_rotated_is_used_for_the_next_batches(
    deployed: Deployed, tmp_path: Path
) -> None:
    day = date(2026, 6, 8)
    (tmp_path / "api-key.txt").write_text("sk-rotated\n")
    [rotate] = [
        command for command in commands("docs/operations.md") if "put-secret-value" in command
    ]
    try:
        run([rotate], deployed.stack.emulator, tmp_path)
        # A process keeps a key for five minutes, and a new one has none.
        deployed.kill("Score")
        deployed.publish(day, {"cs.CV": papers_of(day, 3)})
        deployed.fetch()
        digest = deployed.digest(day)
    finally:
        secrets = deployed.stack.client("secretsmanager")
        secrets.put_secret_value(SecretId=SECRET, SecretString=KEY)
    assert digest.ledger.scored == 3
    assert {request.authorization for request in deployed.model.requests} == {"Bearer sk-rotated"}


def test_a_new_version_over_a_run_in_progress_loses_nothing(
    deployed: Deployed, tmp_path: Path
) -> None:
    day = Day.of(deployed, date(2025, 6, 3), PAPERS)
    deployed.model.misbehaviour = "slow"
    with day.published():
        day.announce()
        day.queued()
    deployed.wait(lambda: len(deployed.model.requests) > 0)

    change(deployed.template.parent, tmp_path / "next")
    parameters = {**deployed.parameters, "LlmModel": "next-model"}
    stack.deploy(deployed.stack.emulator, deployed.template, parameters)

    left = day.undone()
    deployed.model.misbehaviour = ""
    assert len(left) > 2, "the run is in progress, not only its calls"
    deployed.wait(lambda: deployed.visible("Queue") == 0)
    # Calls that the emulator ended, as AWS does not: their messages are back within a minute.
    assert deployed.waiting("Queue") >= len(day.undone())
    deployed.send_again(day.undone())
    day.until(day.finished)

    row = day.account()
    assert (row.announced, row.scored, row.failed) == (PAPERS, PAPERS, 0)
    assert (row.mails, row.archive) == (tuple(READERS), True)
    assert {request.parameters["model"] for request in deployed.model.requests} == {
        "test-model",
        "next-model",
    }
    assert day.digest().scorer.name == "test-model", "the one that the run began with"
    assert deployed.fetch()["done"] == "nothing"
    printed = "\n".join(logged(deployed.stack))
    for function in FUNCTIONS:
        assert f"the next version of {function}" in printed
    assert (deployed.waiting("DeadLetterQueue"), deployed.waiting("Failures")) == (0, 0)
