"""What an earlier version has stored, as this one reads it.

Whatever is stored carries the ``schema_version`` that wrote it, and every read of the table, of the
queue's messages and of the archive's JSON goes through here. To raise the version:

1. Raise ``SCHEMA_VERSION`` in ``models.py``.
2. For each kind that reads differently now, write a step from the version before and name it in
   :data:`STEPS`. A step returns what was stored as its next version would have stored it; kinds
   without a step are the same in both. Items ``RUN`` and ``BUDGET`` are counted in place, whatever
   version made them: the counts that stand in them keep their names. Keys are looked up before
   there is anything to bring up: a read whose key changes looks for the old one as well.
3. Run the tests. They record what the new version stores in ``tests/stored``, beside what earlier
   ones stored, and read all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from arxiv_digest.models import (
    SCHEMA_VERSION,
    Batch,
    Day,
    Digest,
    KeptPaper,
    Outcome,
    PapersOfDay,
    ProfileDay,
    Run,
    Tokens,
    TriagedPart,
    Vote,
)

T = TypeVar("T")

Step = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: Mapping[tuple[str, int], Step] = {}
"""The steps by kind, and by the version from which each leads to the next.

A kind is a ``kind`` of :class:`Stored`, whose step is given JSON as a dictionary, or the first word
of a table item's key, such as ``MAIL``, whose step is given the item's attributes.
"""

_MEND = "deploy the version that wrote it again, or a newer one"


class Unreadable(ValueError):
    """A stored value that this code cannot read; the message names it, why, and the mend."""


def brought_up(
    kind: str, value: Mapping[str, Any], named: str, version: int | None = None
) -> dict[str, Any]:
    """A stored value of any version up to this one as this one would have written it.

    ``named`` says in an error which value it is; ``version`` is that of a value that does not carry
    its own. Raises :class:`Unreadable` for a newer version, and where no version is known.
    """
    try:
        written = int(value.get("schema_version", version))
    except (TypeError, ValueError):
        raise Unreadable(f"{named} has no schema_version") from None
    if written > SCHEMA_VERSION:
        raise Unreadable(
            f"{named} is of schema version {written}, and this code reads none above"
            f" {SCHEMA_VERSION}: {_MEND}"
        )
    found = dict(value)
    for older in range(written, SCHEMA_VERSION):
        step = STEPS.get((kind, older))
        found = step(found) if step else found
    return found


@dataclass(frozen=True)
class Stored(Generic[T]):
    """A kind of value that is stored as JSON."""

    kind: str
    adapter: TypeAdapter[T]

    def read(self, text: str | bytes, named: str, version: int | None = None) -> T:
        """The value in a stored text; the rest is as in :func:`brought_up`.

        Raises :class:`Unreadable` for whatever is no value of this kind, too.
        """
        try:
            value = json.loads(text)
        except (TypeError, ValueError) as problem:
            raise Unreadable(f"{named} is no JSON: {problem}") from None
        if not isinstance(value, dict):
            raise Unreadable(f"{named} is no JSON object")
        found = brought_up(self.kind, value, named, version)
        if "schema_version" in found:
            found["schema_version"] = SCHEMA_VERSION
        try:
            return self.adapter.validate_python(found)
        except ValidationError as problems:
            raise Unreadable(f"{named} cannot be read: {_said(problems)}") from None


# Kinds whose models are not among models.py's stand beside these.
RUN = Stored("Run", TypeAdapter(Run))
BATCH = Stored("Batch", TypeAdapter(Batch))
TRIAGED_PART = Stored("TriagedPart", TypeAdapter(TriagedPart))
OUTCOME: Stored[Outcome] = Stored("Outcome", TypeAdapter(Outcome))
TOKENS = Stored("Tokens", TypeAdapter(Tokens))
DAY = Stored("Day", TypeAdapter(Day))
DIGEST = Stored("Digest", TypeAdapter(Digest))
PAPERS_OF_DAY = Stored("PapersOfDay", TypeAdapter(PapersOfDay))
PROFILE_DAY = Stored("ProfileDay", TypeAdapter(ProfileDay))
KEPT_PAPER = Stored("KeptPaper", TypeAdapter(KeptPaper))
VOTE = Stored("Vote", TypeAdapter(Vote))


def _said(problems: ValidationError) -> str:
    """The first problems by place, without the values: these may be anybody's address."""
    found = problems.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in found[:3]]
    if any(problem["type"] == "extra_forbidden" for problem in found):
        told.append(f"a newer version may have written it, then {_MEND}")
    return "; ".join(told)
