"""What several commands are told alike: options, and the profiles and feeds that these name."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
import yaml

from arxiv_digest.profile import ProfileError, load_profile
from arxiv_digest.steps.profiles import kept_profile
from local import feeds

Source = Annotated[
    str, typer.Option(envvar="SOURCE", help="live, sample, or a folder of <category>.xml feeds")
]
Categories = Annotated[
    str, typer.Option(envvar="CATEGORIES", help="read only these categories, e.g. 'cs.CV cs.LG'")
]
Out = Annotated[Path, typer.Option(envvar="OUT", help="folder for the archive and the mail")]


def say(line: str) -> None:
    """Print one line of progress."""
    typer.echo(line)
    sys.stdout.flush()


@contextmanager
def writing(variable: str) -> Iterator[None]:
    """End the command where the block cannot write what a variable names."""
    try:
        yield
    except OSError as problem:
        raise typer.BadParameter(
            f"{variable}: {problem.filename} cannot be written ({problem.strerror}); name another"
            " place, or change its permissions"
        ) from None


def listed(text: str) -> list[str]:
    """What an option names that takes several, by spaces or commas."""
    return text.replace(",", " ").split()


def name_of(file: Path) -> str:
    """The name that a file of many profiles, in a folder ``profiles``, gives; of others none."""
    return file.stem if file.absolute().parent.name == "profiles" else ""


def profile_files(place: Path, variable: str = "PROFILE") -> dict[str, Path]:
    """The files of profiles by name.

    A file is the single profile, whose name is empty; a folder holds one for each of its files.
    ``variable`` is what named the place.
    """
    if not place.is_dir():
        return {"": place}
    files = {file.stem: file for file in sorted(place.glob("*.yaml"))}
    if not files:
        raise typer.BadParameter(
            f"there is no <name>.yaml in {place}; {variable} names a file, or a folder of profiles"
        )
    return files


def profile_text(name: str, file: Path, categories: list[str], variable: str = "PROFILE") -> str:
    """A profile's text, narrowed to some categories if any are named, and checked.

    Raises :class:`~arxiv_digest.profile.ProfileError` for a profile that cannot be read or used.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as problem:
        raise ProfileError(
            f"{file} cannot be read ({problem.strerror}); {variable} names a file, or a folder of"
            " profiles"
        ) from None
    except UnicodeDecodeError:
        raise ProfileError(f"{file} is not UTF-8 text; save it as such") from None
    kept_profile(name, text, str(file))
    if categories:
        text = yaml.safe_dump(
            {**yaml.safe_load(text), "categories": categories},
            allow_unicode=True,
            sort_keys=False,
        )
        load_profile(text, "CATEGORIES")
    return text


@contextmanager
def profile_errors() -> Iterator[None]:
    """End the command with what is wrong, where the block finds a profile that cannot be used."""
    try:
        yield
    except ProfileError as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(1) from None


def categories_of(profiles: Mapping[str, str]) -> list[str]:
    """The categories that some profile reads."""
    read = (name for text in profiles.values() for name in load_profile(text).categories)
    return list(dict.fromkeys(read))


@contextmanager
def feeds_served(source: str, profiles: Mapping[str, str]) -> Iterator[str]:
    """The base URL of the feeds that a source names, for the time of the block."""
    if source == "live" and feeds.arxiv_reachable():
        say("source: arXiv")
        yield feeds.LIVE
        return
    if source == "live":
        say("arXiv cannot be reached from here: the sample day is used instead")
    folder = feeds.SAMPLE if source in ("live", "sample") else Path(source).resolve()
    if not folder.is_dir():
        raise typer.BadParameter(
            f"there is no folder {folder}; SOURCE is live, sample, or a folder of <category>.xml"
        )
    wanted = {category: feeds.feed_file(folder, category) for category in categories_of(profiles)}
    say(f"source: {folder}")
    for file in sorted(wanted.values()):
        if not file.is_file():
            say(f"  there is no {file.name}; the digest will say so")
    for file in sorted(folder.glob("*.xml")):
        if file.stem.removesuffix(".cut-off") not in wanted:
            say(f"  {file.name} is not read: no profile has a category of this name")
    with feeds.served(folder) as base_url:
        yield base_url
