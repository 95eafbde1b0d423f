"""Layers on one machine: kept once, found where they lie, and removed when nobody comes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import stack


@pytest.fixture(autouse=True)
def layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which layers are kept."""
    monkeypatch.setattr(stack, "LAYERS", tmp_path / "layers")
    return tmp_path / "layers"


def a_layer(folder: Path, text: str = "IS = 'of the layer'\n") -> Path:
    """A built layer that has one module."""
    module = folder / "CommonLayer/python/json_of_ours/__init__.py"
    module.parent.mkdir(parents=True)
    module.write_text(text, "utf-8")
    return folder / "CommonLayer"


def test_a_layer_of_the_same_content_is_kept_once_with_its_bytecode(tmp_path: Path) -> None:
    first = stack.keep(a_layer(tmp_path / "first"))
    bytecode = first / "python/json_of_ours/__pycache__/__init__.cpython-311.pyc"
    bytecode.parent.mkdir()
    bytecode.touch()
    assert stack.keep(a_layer(tmp_path / "second")) == first
    assert bytecode.exists()


def test_a_layer_of_other_content_or_of_other_names_has_its_own_place(tmp_path: Path) -> None:
    first = stack.keep(a_layer(tmp_path / "first"))
    changed = stack.keep(a_layer(tmp_path / "changed", "IS = 'of the next version'\n"))
    renamed = a_layer(tmp_path / "renamed")
    (renamed / "python/json_of_ours").rename(renamed / "python/named_otherwise")
    assert len({first, changed, stack.keep(renamed)}) == 3
    assert "of the layer" in (first / "python/json_of_ours/__init__.py").read_text("utf-8")


def test_what_a_layer_leads_to_goes_before_what_is_installed_beside_it(tmp_path: Path) -> None:
    # A module that the interpreter finds as well, behind the layer's folder in its path.
    beside = tmp_path / "beside"
    (beside / "json_of_ours").mkdir(parents=True)
    (beside / "json_of_ours/__init__.py").write_text("IS = 'of the emulator'\n")
    layer = a_layer(tmp_path / "build")
    place = stack.keep(layer)
    stack.lead(layer, place)
    assert stack.led(layer) == place / "python"
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


def test_a_layer_that_no_build_has_come_to_for_long_is_removed(
    tmp_path: Path, layers: Path
) -> None:
    old = stack.keep(a_layer(tmp_path / "first"))
    kept = stack.keep(a_layer(tmp_path / "second", "IS = 'used since'\n"))
    long_ago = time.time() - stack.UNUSED - 60
    os.utime(old, (long_ago, long_ago))
    os.utime(kept, (long_ago, long_ago))
    stack.keep(a_layer(tmp_path / "third", "IS = 'used since'\n"))
    stack.forget_unused()
    assert list(layers.iterdir()) == [kept]
