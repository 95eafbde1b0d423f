"""What is built for one machine: once for the same sources, kept, found, and removed in the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
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
    monkeypatch.setattr(building, "remembered", lambda: None)
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
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What happens during the next builds of the SAM CLI, each of a stack with one layer."""
    during: list[Callable[[], object]] = []

    def run(arguments: list[str], environment: dict[str, str]) -> None:
        folder = Path(arguments[arguments.index("--build-dir") + 1])
        a_layer(folder)
        (folder / "template.yaml").write_text(LAYER)
        during.pop(0)()

    monkeypatch.setattr(sam, "run", run)
    return during


def nothing() -> None:
    """Nothing happens during a build."""


def test_the_same_sources_are_built_once(builds: list[Callable[[], object]]) -> None:
    builds.append(nothing)
    said: list[str] = []
    template = building.build(said.append)
    assert building.build(said.append) == template
    assert said == ["building the stack"]
    package = building.led(template.parent / "CommonLayer") / "json_of_ours"
    assert "of the layer" in (package / "__init__.py").read_text("utf-8")


def test_a_build_whose_layer_is_gone_is_built_again(builds: list[Callable[[], object]]) -> None:
    builds += [nothing, nothing]
    place = building.led(building.build(print).parent / "CommonLayer")
    shutil.rmtree(place.parent)
    assert building.led(building.build(print).parent / "CommonLayer").exists()
    assert not builds


def test_what_was_built_of_sources_that_changed_meanwhile_is_built_again(
    builds: list[Callable[[], object]], built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["before"]
    monkeypatch.setattr(building, "of_sources", lambda _: names[-1])
    builds += [lambda: names.append("after"), nothing]
    assert building.build(print) == built / "stack-after/template.yaml"
    assert not builds
    assert not (built / "stack-before").exists()


def test_what_another_process_has_built_meanwhile_is_taken(
    builds: list[Callable[[], object]], tmp_path: Path
) -> None:
    builds += [lambda: building.build(print), nothing]
    template = building.build(print)
    assert template.exists()
    assert not builds
    assert not list(template.parents[1].glob("tmp*"))


def test_what_no_build_has_come_to_for_long_is_removed(
    builds: list[Callable[[], object]], built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds.append(nothing)
    long_ago = time.time() - building.UNUSED - 60
    stack = building.build(print).parent
    used = building.led(stack / "CommonLayer").parent
    old = building.keep(a_layer(built.parent, "IS = 'of an earlier version'\n"))
    for place in (stack, used, old):
        os.utime(place, (long_ago, long_ago))
    with monkeypatch.context() as patched:
        patched.setattr(building, "remembered", lambda: "an emulator, whose layers these may be")
        building.build(print)
    assert sorted(built.iterdir()) == sorted([stack, used, old])
    building.build(print)
    assert sorted(built.iterdir()) == sorted([stack, used])


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
        "requirements/sam.txt",
        "local/building.py",
        "local/sam.py",
    ],
)
def test_whatever_is_packaged_is_built_anew_when_it_changes(tmp_path: Path, changed: str) -> None:
    for source in building.SOURCES:
        (tmp_path / source).parent.mkdir(exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source)
        elif (ROOT / source).exists():
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
