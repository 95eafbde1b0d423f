"""``profile.yaml`` as a validated value: what one reader wants to read, and how."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from arxiv_digest.models import AnnounceType, Reader, ScoreValue, Value


class ProfileError(ValueError):
    """A profile that cannot be used; the message names each wrong key and its mend."""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        raise ValueError("is empty; write a few English words")
    return line


Line = Annotated[str, AfterValidator(_one_line)]


class ResearchField(Value):
    """A research field: the name the digest shows, and what its papers are about in English."""

    name: Line
    description: Line


class Profile(Value):
    """One reader's profile; the keys are those of ``profile.yaml``."""

    name: str = Field(default="default", pattern=r"^[a-z0-9-]{1,40}$")
    language: Literal["zh", "en"] = "en"
    time_zone: str = "UTC"
    categories: tuple[
        Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*(\.[A-Za-z]+(-[a-z]+)*)?$")], ...
    ] = Field(min_length=1)
    announce_types: tuple[AnnounceType, ...] = Field(default=(AnnounceType.NEW,), min_length=1)
    minimum_score: ScoreValue = 7
    papers_per_call: int = Field(default=10, ge=1, le=50)
    fields: tuple[ResearchField, ...] = Field(min_length=1)
    low_priority: tuple[Line, ...] = ()
    mail_quiet_days: bool = True

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # not found is a KeyError
            raise ValueError(
                "is no IANA time zone; write a name such as Asia/Shanghai or Europe/Berlin"
            ) from None
        return name

    @field_validator("categories")
    @classmethod
    def _distinct_categories(cls, categories: tuple[str, ...]) -> tuple[str, ...]:
        return _distinct(categories, "name each category once")

    @field_validator("fields")
    @classmethod
    def _distinct_fields(cls, fields: tuple[ResearchField, ...]) -> tuple[ResearchField, ...]:
        _distinct((field.name for field in fields), "give each field a name of its own")
        return fields

    @property
    def reader(self) -> Reader:
        """What the digest needs to know of this profile."""
        return Reader(
            profile=self.name,
            language=self.language,
            time_zone=self.time_zone,
            fields=tuple(field.name for field in self.fields),
            minimum_score=self.minimum_score,
        )


def load_profile(text: str, source: str = "profile.yaml") -> Profile:
    """Read a profile from YAML; ``source`` is what error messages call the file.

    Raises :class:`ProfileError` with every problem in it, a line each: file, key, what is wrong
    and how to mend it.
    """
    try:
        # The loader is a SafeLoader.
        data = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 # nosec B506
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        # A value error is a date or a number that cannot be, such as 2026-13-45.
        raise ProfileError(f"{source} is not YAML: {problem}") from None
    if not isinstance(data, dict):
        raise ProfileError(f"{source}: expected keys such as 'categories' and 'fields' at the top")
    try:
        return Profile.model_validate(data)
    except ValidationError as problems:
        lines = (_explain(source, dict(problem)) for problem in _causes(problems))
        raise ProfileError("\n".join(lines)) from None


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error instead of a silent loss."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue  # the base class refuses it
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice; keep one", key_node.start_mark
                )
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


def _distinct(values: Iterable[str], mend: str) -> tuple[str, ...]:
    listed = tuple(values)
    for value in listed:
        if listed.count(value) > 1:
            raise ValueError(f"{value!r} stands more than once; {mend}")
    return listed


def _causes(problems: ValidationError) -> list[ErrorDetails]:
    # A list with a wrong item in it is reported as too short as well.
    causes = problems.errors()
    return [
        problem
        for problem in causes
        if problem["type"] != "too_short"
        or not any(
            other["loc"] != problem["loc"] and other["loc"][: len(problem["loc"])] == problem["loc"]
            for other in causes
        )
    ]


def _explain(source: str, problem: dict[str, Any]) -> str:
    *parents, last = problem["loc"] or ("",)
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    key = key.removeprefix(".")
    match problem["type"]:
        case "extra_forbidden":
            model = ResearchField if parents[:1] == ["fields"] else Profile
            near = difflib.get_close_matches(str(last), model.model_fields, n=1)
            known = ", ".join(model.model_fields)
            said = (
                f"is no key of a profile; did you mean {near[0]!r}?"
                if near
                else (f"is no key of a profile; the keys are {known}")
            )
        case "missing":
            said = "is missing; add it (docs/profile.md has an example)"
        case "string_pattern_mismatch" if parents[:1] == ["categories"]:
            said = f"is {problem['input']!r}, no arXiv category; write it like cs.CV or astro-ph"
        case "string_pattern_mismatch" if problem["loc"] == ("name",):
            said = f"is {problem['input']!r}; write up to 40 lower-case letters, digits and hyphens"
        case "value_error":
            said = str(problem["ctx"]["error"])
        case "too_short":
            said = "is empty; name at least one"
        case "tuple_type":
            said = f"is {problem['input']!r}; write a list"
        case "model_type":
            said = f"is {problem['input']!r}; write its name and its description"
        case _:
            said = f"is {problem['input']!r}; {_lower_first(problem['msg'])}"
    return f"{source}: {key} {said}"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
