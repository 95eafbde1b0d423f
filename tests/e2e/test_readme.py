"""The README's commands, run as they stand there."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from local.emulator import ROOT
from tests.deployed import KEY, READERS, SECRET, Deployed, papers_of
from tests.documented import commands, run

ELSEWHERE = {
    "make digest SOURCE=sample": "tests/e2e/test_machine.py",
    "make test": ".ci/run",
    "sam build": "tests/infrastructure/test_package.py",
    # With the same template and parameters, but without the questions.
    "sam deploy --guided": "tests/e2e/conftest.py",
    # The emulator's logs are read by `make logs`.
    "sam logs --stack-name arxiv-digest --name FetchFunction": "tests/e2e/test_machine.py",
}


def test_every_command_of_the_readme_is_run_by_a_test() -> None:
    here = re.compile(r"aws |export |\w+=\$\(aws ")
    elsewhere = [command for command in commands("README.md") if not here.match(command)]
    assert sorted(elsewhere) == sorted(ELSEWHERE)
    for file in ELSEWHERE.values():
        assert (ROOT / file).exists()


def test_every_target_and_file_that_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"`make (\w+)", text)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for link in re.findall(r"\]\(((?!http|#)[^)]+)\)", text):
        assert (ROOT / link.partition("#")[0]).exists(), link


def test_every_parameter_that_the_readme_names_is_one_of_the_template() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    template = (ROOT / "template.yaml").read_text("utf-8")
    rows = re.findall(r"^\| (`[A-Z][a-z].*?) \|", text, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(named) > 8
    for name in named:
        assert re.search(rf"^  {name}:$", template, re.MULTILINE), name


def test_the_aws_commands_do_what_the_readme_says(deployed: Deployed, tmp_path: Path) -> None:
    day = date(2027, 1, 5)
    deployed.publish(day, {"cs.CV": papers_of(day, 3)})
    for name in ("profile.yaml", "events"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "api-key.txt").write_text("sk-from-a-file\n")
    script = [command for command in commands("README.md") if command not in ELSEWHERE]
    waits = [
        # The last mail is the last of all that is written.
        f"while ! aws s3 ls s3://$BUCKET/{day}/mail/{READERS[-1]}.eml; do sleep 0.2; done"
        if command.startswith("aws s3 cp s3") or "latest.html" in command
        else ""
        for command in script
    ]
    lines = [line for pair in zip(waits, script, strict=True) for line in pair if line]
    secrets = deployed.stack.client("secretsmanager")
    secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    try:
        run(lines, deployed.stack.emulator, tmp_path)
        made = secrets.get_secret_value(SecretId=SECRET)
    finally:
        secrets.put_secret_value(SecretId=SECRET, SecretString=KEY)
        deployed.stack.client("s3").delete_object(
            Bucket=deployed.stack.outputs["Bucket"], Key="config/profile.yaml"
        )
    assert made["SecretString"] == "sk-from-a-file\n"
    assert '"done": "started"' in (tmp_path / "fetched.json").read_text()
    assert '"done"' in (tmp_path / "made.json").read_text()
    # The day of the event may be one that another test has run.
    assert '"date": "2026-01-22"' in (tmp_path / "rebuilt.json").read_text()
    assert str(day) in (tmp_path / "latest.html").read_text("utf-8")
    assert (tmp_path / f"archive/{day}/digest.json").exists()
    copied = {file.name for file in (tmp_path / "archive").iterdir()}
    assert {"index.html", "latest.html", str(day)} <= copied
    assert not {"raw", "config"} & copied
    assert not list((tmp_path / "archive").rglob("*.eml"))
