"""What is built for one machine: once for the same sources, kept, found, and removed in the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import building, sam
from local.emulator import ROOT

LAYER = """Resources:
  CommonLayer:
    Type: AWS::Serverless::LayerVersion
    Properties:
      ContentUri: CommonLayer
"""


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which all that is built is kept."""
    monkeypatch.setattr(building, "BUILT", tmp_path / "built")
    return tmp_path / "built"


def a_layer(folder: Path, text: str = "IS = 'of the layer'\n") -> Path:
    """A built layer that has one module."""
    module = folder / "CommonLayer/python/json_of_ours/__init__.py"
    module.parent.mkdir(parents=True)
    module.write_text(text, "utf-8")
    return folder / "CommonLayer"


def test_a_layer_of_the_same_content_is_kept_once_with_its_bytecode(tmp_path: Path) -> None:
    first = building.keep(a_layer(tmp_path / "first"))
    bytecode = first / "python/json_of_ours/__pycache__/__init__.cpython-311.pyc"
    bytecode.parent.mkdir()
    bytecode.touch()
    assert building.keep(a_layer(tmp_path / "second")) == first
    assert bytecode.exists()


def test_a_layer_of_other_content_or_of_other_names_has_its_own_place(tmp_path: Path) -> None:
    first = building.keep(a_layer(tmp_path / "first"))
    changed = building.keep(a_layer(tmp_path / "changed", "IS = 'of the next version'\n"))
    renamed = a_layer(tmp_path / "renamed")
    (renamed / "python/json_of_ours").rename(renamed / "python/named_otherwise")
    assert len({first, changed, building.keep(renamed)}) == 3
    assert "of the layer" in (first / "python/json_of_ours/__init__.py").read_text("utf-8")


def test_what_a_layer_leads_to_goes_before_what_is_installed_beside_it(tmp_path: Path) -> None:
    # A module that the interpreter finds as well, behind the layer's folder in its path.
    beside = tmp_path / "beside"
    (beside / "json_of_ours").mkdir(parents=True)
    (beside / "json_of_ours/__init__.py").write_text("IS = 'of the emulator'\n")
    layer = a_layer(tmp_path / "build")
    place = building.keep(layer)
    building.lead(layer, place)
    assert building.led(layer) == place / "python"
    # As the emulator does with what a layer has under python/lib.
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import site, sys; site.addsitedir(sys.argv[1]); import json_of_ours as m; print(m.IS)",
            *layer.rglob("site-packages"),
        ],
        env={"PYTHONPATH": str(beside)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "of the layer\n"


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands of the SAM CLI, which builds a stack of one layer each time."""
    commands: list[str] = []

    def run(arguments: list[str], environment: dict[str, str]) -> None:
        commands.append(arguments[0])
        folder = Path(arguments[arguments.index("--build-dir") + 1])
        a_layer(folder)
        (folder / "template.yaml").write_text(LAYER)

    monkeypatch.setattr(sam, "run", run)
    return commands


def test_the_same_sources_are_built_once(builds: list[str]) -> None:
    template = building.build()
    assert building.build() == template
    assert builds == ["build"]
    package = building.led(template.parent / "CommonLayer") / "json_of_ours"
    assert "of the layer" in (package / "__init__.py").read_text("utf-8")


def test_a_build_whose_layer_is_gone_is_built_again(builds: list[str]) -> None:
    place = building.led(building.build().parent / "CommonLayer")
    shutil.rmtree(place.parent)
    assert building.led(building.build().parent / "CommonLayer").exists()
    assert builds == ["build", "build"]


def test_what_no_build_has_come_to_for_long_is_removed(builds: list[str], built: Path) -> None:
    long_ago = time.time() - building.UNUSED - 60
    stack = building.build().parent
    used = building.led(stack / "CommonLayer").parent
    old = building.keep(a_layer(built.parent, "IS = 'of an earlier version'\n"))
    for place in (stack, used, old):
        os.utime(place, (long_ago, long_ago))
    building.build()
    assert sorted(built.iterdir()) == sorted([stack, used])
    assert builds == ["build"]


@pytest.mark.parametrize(
    "changed",
    [
        "template.yaml",
        "samconfig.toml",
        "profile.yaml",
        "profiles/another.yaml",
        "functions/score/app.py",
        "layers/wheels.mk",
        "layers/ranking/Makefile",
        "layers/dependencies/requirements.txt",
        "layers/common/arxiv_digest/models.py",
        "layers/common/arxiv_digest/rendering/templates/new.j2",
        "requirements/uv.txt",
    ],
)
def test_whatever_is_packaged_is_built_anew_when_it_changes(tmp_path: Path, changed: str) -> None:
    for source in building.SOURCES:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source)
        elif (ROOT / source).exists():
            (tmp_path / source).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, tmp_path / source)
    name = building.of_sources(tmp_path)
    bytecode = tmp_path / "layers/common/arxiv_digest/__pycache__/more.pyc"
    bytecode.parent.mkdir(exist_ok=True)
    bytecode.touch()
    assert building.of_sources(tmp_path) == name
    file = tmp_path / changed
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as text:
        text.write("\n")
    assert building.of_sources(tmp_path) != name
