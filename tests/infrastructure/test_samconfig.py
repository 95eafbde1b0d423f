"""The SAM CLI's defaults: a plain ``sam build`` and ``sam deploy --guided`` work from a clone."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONFIG: dict[str, Any] = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
TEMPLATE = (ROOT / "template.yaml").read_text("utf-8")


def parameters(command: str) -> dict[str, Any]:
    """What a command gets: the SAM CLI lets its own section win over the global one."""
    default = CONFIG["default"]
    return {**default["global"]["parameters"], **default[command]["parameters"]}


def test_the_file_is_of_the_version_that_the_sam_cli_reads() -> None:
    assert CONFIG["version"] == 0.1


def test_builds_happen_in_the_clone() -> None:
    # The layers' Makefiles reach what lies outside their folder.
    assert parameters("build")["build_in_source"] is True


def test_builds_are_not_cached() -> None:
    # profile.yaml and wheels.mk lie outside the layers' folders, whose content is all that the
    # cache compares: a changed profile would not be packaged.
    for command in CONFIG["default"]:
        assert not parameters(command).get("cached", False)


def test_deploying_needs_no_flags() -> None:
    deploy = parameters("deploy")
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", deploy["stack_name"])
    assert deploy["resolve_s3"] is True
    assert deploy["confirm_changeset"] is True
    # Without --template the CLI takes what was built; one named here would be deployed unbuilt.
    assert "template_file" not in deploy
    assert "template" not in deploy


def test_deploying_is_allowed_what_the_template_does() -> None:
    assert parameters("deploy")["capabilities"] == "CAPABILITY_IAM"
    # Roles of a given name would need CAPABILITY_NAMED_IAM, nested stacks and macros
    # CAPABILITY_AUTO_EXPAND.
    assert not re.search(r"^\s*(RoleName|PolicyName: !|UserName):", TEMPLATE, re.MULTILINE)
    assert "AWS::Serverless::Application" not in TEMPLATE
    assert "AWS::LanguageExtensions" not in TEMPLATE
    assert TEMPLATE.count("Transform: AWS::Serverless-2016-10-31") == 1


def test_nothing_of_one_persons_account_is_kept() -> None:
    for command in CONFIG["default"]:
        assert not {"region", "profile", "s3_bucket", "parameter_overrides"} & set(
            parameters(command)
        )


def test_validation_lints() -> None:
    assert parameters("validate")["lint"] is True
