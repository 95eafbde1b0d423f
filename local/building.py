"""The template, built for this machine by the SAM CLI, and built anew only when it changes.

Functions on the emulator find their layers where these were built, with bytecode of earlier runs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import time
from ast import literal_eval
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from local import sam
from local.emulator import HOME, PYTHON, ROOT, remembered

UV = HOME / "uv/bin/uv"
BUILT = HOME / "built"
"""Every built stack, named by its sources, and every unpacked layer, named by its content."""
UNUSED = 30 * 86_400
"""Seconds after which what no build has come to is removed."""
SOURCES = (
    "template.yaml",
    "samconfig.toml",
    "profile.yaml",
    "profiles",
    "functions",
    "layers",
    "requirements/uv.txt",
    "requirements/sam.txt",
    "local/building.py",
    "local/sam.py",
)
"""What a build is made of, and by, files and folders."""


def build(tell: Callable[[str], None]) -> Path:
    """The path of the built template, for this machine.

    It is built, and this told, unless the same sources were; its layers lead to where they are
    kept. What is there must not be changed. Raises :class:`~local.sam.StackError` where it cannot
    be built.
    """
    name = f"stack-{of_sources(ROOT)}"
    folder = BUILT / name
    if folder.exists() and not all(led(layer).exists() for layer in _layers(folder)):
        _remove(folder)
    while not folder.exists():
        tell("building the stack")
        BUILT.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=BUILT) as arriving:
            place = Path(arriving) / "stack"
            environment = {"ARCHITECTURE": "host", "UV": str(UV), "UV_PYTHON": str(PYTHON)}
            overrides = f"--parameter-overrides={' '.join(sam.target())}"
            sam.run(["build", "--build-dir", str(place), overrides], environment)
            for layer in _layers(place):
                lead(layer, keep(layer))
            built, name = name, f"stack-{of_sources(ROOT)}"
            folder = BUILT / name
            # Else they were changed meanwhile, and nobody knows what of them was built.
            if name == built:
                _arrive(place, folder)
    for used in (folder, *(led(layer).parent for layer in _layers(folder))):
        os.utime(used)
    forget_unused()
    return folder / "template.yaml"


def of_sources(root: Path) -> str:
    """The name of what the sources in a folder are built to."""
    files = [
        file
        for source in SOURCES
        for file in ((root / source).rglob("*") if (root / source).is_dir() else [root / source])
        if "__pycache__" not in file.parts
    ]
    return _of_content(root, files, " ".join(sam.target()))


def keep(layer: Path) -> Path:
    """Where the content of a built layer lies from now on, with the bytecode made of it."""
    name = f"{layer.name}-{_of_content(layer, layer.rglob('*'))}"
    place = BUILT / name
    if not place.exists():
        BUILT.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=BUILT) as arriving:
            _arrive(Path(shutil.move(layer, Path(arriving) / name)), place)
    return place


def lead(layer: Path, place: Path) -> None:
    """Let a layer, a folder to be deployed, lead to what lies unpacked in another place.

    The emulator unpacks a function's layers at each cold start, thousands of files in which it
    finds no bytecode, and on one machine there is no need to.
    """
    shutil.rmtree(layer, ignore_errors=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = layer / "python/lib" / version / "site-packages"
    site.mkdir(parents=True)
    # First of all, as what is unpacked would be, not behind the emulator's own packages.
    line = f"import sys; sys.path.insert(0, {str(place / 'python')!r})\n"
    (site / "layer.pth").write_text(line, "utf-8")


def led(layer: Path) -> Path:
    """Where the Python packages of a layer lie unpacked."""
    [line] = (file.read_text("utf-8") for file in layer.rglob("layer.pth"))
    found: str = literal_eval(line.partition(", ")[2].strip()[:-1])
    return Path(found)


def forget_unused() -> None:
    """Remove what no build has come to for :data:`UNUSED` seconds, and no emulator may be using."""
    if remembered():
        return
    for place in BUILT.iterdir():
        # What another process is just building comes and goes.
        with suppress(FileNotFoundError):
            if time.time() - place.stat().st_mtime > UNUSED:
                _remove(place)


def _arrive(whole: Path, place: Path) -> None:
    """Put a whole folder in its place, unless another process has just put the same there."""
    try:
        whole.rename(place)
    except OSError:
        if not place.exists():
            raise


def _remove(place: Path) -> None:
    """Remove a folder from its place at once, so that nobody takes what is left for whole."""
    with TemporaryDirectory(dir=BUILT) as leaving:
        place.rename(Path(leaving) / place.name)


def _layers(build: Path) -> Iterator[Path]:
    """The layers of a built stack, by its template."""
    text = (build / "template.yaml").read_text("utf-8")
    for name in re.findall(r"^ +ContentUri: (\w+)$", text, re.MULTILINE):
        yield build / name


def _of_content(root: Path, files: Iterable[Path], more: str = "") -> str:
    digest = hashlib.sha256(more.encode())
    for file in sorted(files):
        if file.is_file():
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(root)} {content}\n".encode())
    return digest.hexdigest()[:16]
