"""What the commands of this machine say to settings that cannot be, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from local.__main__ import app


def refused(command: str, *settings: str) -> str:
    """What a command says when it refuses to run; settings are as make hands them on."""
    environment = dict(setting.split("=", 1) for setting in settings)
    ran = CliRunner().invoke(app, [command], env=environment)
    assert ran.exit_code, ran.output
    assert isinstance(ran.exception, SystemExit), ran.exception
    return " ".join(ran.output.replace("│", " ").split())


def test_a_wrong_profile_is_explained_before_anything_starts(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text("categories: [cs.LG]\nfields: []\ntreshold: 7\n")
    said = refused("digest", "SOURCE=sample", f"PROFILE={profile}")
    assert f"{profile}: treshold is no key of a profile" in said
    assert "building" not in said


def test_a_folder_of_profiles_that_cannot_be_used_is_explained(tmp_path: Path) -> None:
    assert "there is no <name>.yaml" in refused("digest", "SOURCE=sample", f"PROFILE={tmp_path}")
    text = "name: theory\ncategories: [cs.LG]\nfields: [{name: A, description: b}]"
    (tmp_path / "vision.yaml").write_text(text)
    said = refused("digest", "SOURCE=sample", f"PROFILE={tmp_path}")
    assert "name is 'theory'; write `name: vision`, as the file is called" in said


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["SOURCE=/nowhere"], "SOURCE is live, sample, or a folder"),
        (["SOURCE=sample", "PROFILE=/nowhere.yaml"], "PROFILE names a file"),
        (["SOURCE=sample", "PROFILE=docs", "CATEGORIES=cs.CV"], "or a folder of profiles"),
        (["SOURCE=sample", "PROFILE=docs/gallery/archive-en-light-wide.png"], "is not UTF-8 text"),
        (["SOURCE=sample", "CATEGORIES=cs,,CV.x.y"], "no arXiv category"),
        (["SOURCE=sample", "OUT=README.md"], "OUT: README.md cannot be written"),
        (["SOURCE=sample", "RECIPIENTS=a@x.org;b@x.org"], "is no bare e-mail address"),
        (["SOURCE=sample", "LLM_BASE_URL=http://x"], "LLM_BASE_URL needs LLM_MODEL"),
    ],
)
def test_a_wrong_setting_is_explained(arguments: list[str], hint: str) -> None:
    said = refused("digest", *arguments)
    assert hint in said


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "a date is needed; DATE names the announcement date to rebuild"),
        (["DATE=yesterday"], "'yesterday' is no date"),
        (["DATE=2999-01-01"], "2999-01-01 is in the future"),
        (["DATE=2026-01-22", "OUT=README.md"], "OUT: README.md cannot be written"),
        (["DATE=2026-01-22", "RECIPIENTS=a@x.org;b@x.org"], "is no bare e-mail address"),
    ],
)
def test_a_wrong_setting_of_a_backfill_is_explained(arguments: list[str], hint: str) -> None:
    said = refused("backfill", *arguments)
    assert hint in said
    assert "building" not in said
