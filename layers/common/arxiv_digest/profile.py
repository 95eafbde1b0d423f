"""``profile.yaml`` as a validated value: what one reader wants to read, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from arxiv_digest.addresses import bare_address
from arxiv_digest.announcements import paper_id
from arxiv_digest.matching import authors_among, phrases_in, words_of
from arxiv_digest.models import (
    AnnounceType,
    Paper,
    Reader,
    ScoreValue,
    SteeringKind,
    Tokens,
    Value,
)


class ProfileError(ValueError):
    """A profile that cannot be used; the message names each wrong key and its mend."""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        raise ValueError("is empty; write a few English words")
    return line


Line = Annotated[str, AfterValidator(_one_line)]

Address = Annotated[str, AfterValidator(bare_address)]


def _comparable(text: str) -> str:
    line = " ".join(text.split())
    if not words_of(line):
        raise ValueError(f"is {text!r}; write a name or a phrase with letters")
    return line


Entry = Annotated[str, AfterValidator(_comparable)]
"""A name or a phrase that papers are compared with."""


def _arxiv_id(value: object) -> str:
    if isinstance(value, float):
        # YAML takes 2601.14320 for a number, and numbers end in no zero. Ids of before 2015 have
        # four digits after the point.
        digits = 5 if value >= 1501 else 4
        value = f"{value:0{5 + digits}.{digits}f}"
    identity = paper_id(value) if isinstance(value, str) else None
    # arXiv refuses a whole query for one identifier of a month that there is not.
    if identity is None or not 1 <= int(identity[0].rpartition("/")[2][2:4]) <= 12:
        raise ValueError(f"is {value!r}, no arXiv identifier; write it like 2601.14327")
    return identity[0]


ArxivId = Annotated[str, BeforeValidator(_arxiv_id)]

NAME = re.compile(r"^[a-z0-9-]{1,40}$")
NAMED = "up to 40 lower-case letters, digits and hyphens"
"""What a profile may be called, as the code and a reader have it."""

MOST_EXAMPLES = 20
"""Examples of one kind: their titles stand in every call, and their abstracts in the run."""


class ResearchField(Value):
    """A research field: the name the digest shows, and what its papers are about in English.

    ``minimum_score`` takes the place of the profile's for this field's papers; ``at_most`` of them
    are recommended in a digest.
    """

    name: Line
    description: Line
    minimum_score: ScoreValue | None = None
    at_most: int | None = Field(default=None, ge=0)


class Follow(Value):
    """Whose and what papers are raised, by ``raise_by`` points of the scale from 0 to 10."""

    authors: tuple[Entry, ...] = ()
    phrases: tuple[Entry, ...] = ()
    raise_by: ScoreValue = 2.0

    @field_validator("authors", "phrases")
    @classmethod
    def _distinct_entries(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        return _distinct_by_words(entries)


class Examples(Value):
    """Papers by arXiv id of which the reader wants to see ``more`` alike, or ``less``."""

    more: tuple[ArxivId, ...] = Field(default=(), max_length=MOST_EXAMPLES)
    less: tuple[ArxivId, ...] = Field(default=(), max_length=MOST_EXAMPLES)

    @field_validator("more")
    @classmethod
    def _distinct_ids(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        return _distinct(ids, "name each paper once")

    @field_validator("less")
    @classmethod
    def _not_more_as_well(cls, ids: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        _distinct((*info.data.get("more", ()), *ids), "name each paper once, under more or less")
        return ids


class TriageSettings(Value):
    """How much of a day is scored, and how that is watched.

    ``keep`` is the share of a day, from its most promising paper on, that is scored; 1 is all of
    it. ``audit`` is the share of the rest that is drawn at random and scored all the same.
    ``floor`` is the share of all recommendations that has to be kept: where the audits are sure
    that less is, everything is scored. ``history_days`` are announcement days to learn from, which
    the table keeps for 90 days of the calendar.
    """

    keep: float = Field(default=1.0, gt=0, le=1)
    audit: float = Field(default=0.03, ge=0, le=1)
    floor: float = Field(default=0.85, ge=0, le=1)
    history_days: int = Field(default=30, ge=0, le=60)


class Price(Value):
    """What a model's tokens cost, in US dollars a million.

    ``cached`` is the price of prompt tokens that the provider had cached, that of the others where
    it is left out.
    """

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)

    def cost(self, tokens: Tokens) -> float:
        """The price of some tokens in US dollars."""
        cached = self.prompt if self.cached is None else self.cached
        uncached = tokens.prompt - tokens.cached
        return (
            uncached * self.prompt + tokens.cached * cached + tokens.completion * self.completion
        ) / 1e6


class Profile(Value):
    """One reader's profile; the keys are those of ``profile.yaml``."""

    name: str = Field(default="default", pattern=NAME.pattern)
    language: Literal["zh", "en"] = "en"
    time_zone: str = "UTC"
    categories: tuple[
        Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*(\.[A-Za-z]+(-[a-z]+)*)?$")], ...
    ] = Field(min_length=1)
    announce_types: tuple[AnnounceType, ...] = Field(default=(AnnounceType.NEW,), min_length=1)
    recipients: tuple[Address, ...] | None = None
    model: Line | None = None
    minimum_score: ScoreValue = 7
    papers_per_call: int = Field(default=45, ge=1, le=50)
    fields: tuple[ResearchField, ...] = Field(min_length=1)
    low_priority: tuple[Line, ...] = ()
    follow: Follow = Follow()
    mute: tuple[Entry, ...] = ()
    examples: Examples = Examples()
    mail_quiet_days: bool = True
    reasons_from: ScoreValue | None = None
    abstract_words: int | None = Field(default=None, ge=20)
    triage: TriageSettings = TriageSettings()
    daily_tokens: int = Field(default=1_000_000, ge=0)
    prices: dict[Line, Price] = Field(default_factory=dict)

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

    @field_validator("mute")
    @classmethod
    def _distinct_phrases(cls, phrases: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        follow: Follow = info.data.get("follow", Follow())
        followed = {tuple(words_of(phrase)) for phrase in follow.phrases}
        for phrase in phrases:
            if tuple(words_of(phrase)) in followed:
                raise ValueError(f"{phrase!r} is followed as well; keep one of the two")
        return _distinct_by_words(phrases)

    @field_validator("recipients")
    @classmethod
    def _distinct_recipients(cls, recipients: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if recipients is not None:
            _distinct((address.casefold() for address in recipients), "mail everybody once")
        return recipients

    @property
    def reasons_above(self) -> float:
        """The score from which a language model gives reasons: the lowest threshold unless set."""
        if self.reasons_from is not None:
            return self.reasons_from
        return min(self.minimum_score, *(self.threshold(field.name) for field in self.fields))

    def threshold(self, *fields: str | None) -> float:
        """The score from which a paper of these fields is recommended: the lowest of theirs.

        A field has the profile's unless it has one of its own, and so has a paper of no field.
        """
        own = [
            self.minimum_score if field.minimum_score is None else field.minimum_score
            for field in self.fields
            if field.name in fields
        ]
        return min(own, default=self.minimum_score)

    def followed(self, paper: Paper) -> list[tuple[SteeringKind, str]]:
        """The followed authors and phrases that a paper has."""
        authors = authors_among(paper, self.follow.authors)
        phrases = phrases_in(paper, self.follow.phrases)
        return [
            *((SteeringKind.FOLLOWED_AUTHOR, name) for name in authors),
            *((SteeringKind.FOLLOWED_PHRASE, phrase) for phrase in phrases),
        ]

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


@lru_cache(maxsize=32)
def load_profile(text: str, source: str = "profile.yaml") -> Profile:
    """Read a profile from YAML; ``source`` is what error messages call the file.

    The same text is read once, since every batch of a run brings it. Raises :class:`ProfileError`
    with every problem in it, a line each: file, key, what is wrong and how to mend it.
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


def _distinct_by_words(entries: tuple[str, ...]) -> tuple[str, ...]:
    known: dict[tuple[str, ...], str] = {}
    for entry in entries:
        words = tuple(words_of(entry))
        if words in known:
            raise ValueError(f"{entry!r} stands more than once (as {known[words]!r}); keep one")
        known[words] = entry
    return entries


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


_NESTED: dict[str, type[Value]] = {
    "fields": ResearchField,
    "triage": TriageSettings,
    "prices": Price,
    "follow": Follow,
    "examples": Examples,
}


def _explain(source: str, problem: dict[str, Any]) -> str:
    *parents, last = problem["loc"] or ("",)
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    key = key.removeprefix(".")
    match problem["type"]:
        case "extra_forbidden":
            # Imported here: a profile that can be used needs no near words.
            import difflib

            model = _NESTED.get(str(parents[0]), Profile) if parents else Profile
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
            said = f"is {problem['input']!r}; write {NAMED}"
        case "value_error":
            said = str(problem["ctx"]["error"])
        case "too_short":
            said = "is empty; name at least one"
        case "too_long":
            said = f"has {problem['ctx']['actual_length']} entries; keep {MOST_EXAMPLES} at most"
        case "tuple_type":
            said = f"is {problem['input']!r}; write a list"
        case "model_type":
            model = _NESTED[str((*parents, last)[0])]
            known = ", ".join(model.model_fields)
            said = f"is {problem['input']!r}; write its keys ({known})"
        case _:
            said = f"is {problem['input']!r}; {_lower_first(problem['msg'])}"
    return f"{source}: {key} {said}"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
