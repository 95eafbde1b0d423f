"""Whose day it is: the profiles of the bucket, or those that were packaged with the code."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import PurePosixPath
from typing import NamedTuple

from arxiv_digest.adapters.archive import PROFILE_KEY, PROFILES_PREFIX, Archive
from arxiv_digest.profile import NAME, NAMED, Profile, ProfileError, load_profile

SINGLE = ""
"""The name of the profile in ``profile.yaml``, of which a stack for one reader has no other."""


class Kept(NamedTuple):
    """A profile as it is kept: its name, its text, and the profile itself.

    The name is that of its file in ``profiles/``, or empty for ``profile.yaml``.
    """

    name: str
    text: str
    profile: Profile


class Profiles(NamedTuple):
    """The profiles that can be used, the single one first, and the errors of the others by name."""

    usable: tuple[Kept, ...]
    refused: dict[str, str]


def kept_profiles(archive: Archive) -> Profiles:
    """Every profile: those of the bucket, or the packaged ones where the bucket has none.

    Raises :class:`~arxiv_digest.profile.ProfileError` where none can be used.
    """
    usable: list[Kept] = []
    refused: dict[str, str] = {}
    for name, content, source in _in_bucket(archive) or _packaged():
        try:
            usable.append(_kept(name, content, source))
        except ProfileError as problem:
            refused[name] = str(problem)
    if not usable:
        nothing = "there is no profile; write a profile.yaml (docs/profile.md has an example)"
        raise ProfileError("\n".join(refused.values()) or nothing)
    return Profiles(tuple(usable), refused)


def _in_bucket(archive: Archive) -> list[tuple[str, bytes, str]]:
    named = (key for key in sorted(archive.tags(PROFILES_PREFIX)) if not key.endswith("/"))
    return [
        (_name(key), content, f"s3://{archive.bucket}/{key}")
        for key in (PROFILE_KEY, *named)
        if (content := archive.read(key)) is not None
    ]


def _packaged() -> Iterator[tuple[str, bytes, str]]:
    package = resources.files("arxiv_digest")
    single = package / "profile.yaml"
    if single.is_file():
        yield SINGLE, single.read_bytes(), "profile.yaml"
    named = package / "profiles"
    if named.is_dir():
        for file in sorted(named.iterdir(), key=lambda file: file.name):
            yield _name(file.name), file.read_bytes(), f"profiles/{file.name}"


def _name(key: str) -> str:
    return SINGLE if key == PROFILE_KEY else PurePosixPath(key).name.removesuffix(".yaml")


def refuse_name(name: str, source: str) -> None:
    """Raise :class:`~arxiv_digest.profile.ProfileError` for a file that no profile is called as."""
    if name != SINGLE and not NAME.fullmatch(name):
        raise ProfileError(f"{source}: a profile is called as its file; call this one by {NAMED}")


def kept_profile(name: str, text: str, source: str) -> Kept:
    """A profile of a name and its text; ``source`` is what error messages call its file.

    Raises :class:`~arxiv_digest.profile.ProfileError` where it cannot be used, or has another name
    than its file.
    """
    profile = load_profile(text, source)
    refuse_name(name, source)
    if name not in (SINGLE, profile.name):
        raise ProfileError(
            f"{source}: name is {profile.name!r}; write `name: {name}`, as the file is called"
        )
    return Kept(name, text, profile)


def _kept(name: str, content: bytes, source: str) -> Kept:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ProfileError(f"{source} is not UTF-8 text; save it as such") from None
    return kept_profile(name, text, source)
