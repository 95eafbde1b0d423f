"""The papers that profiles name as examples: asked of arXiv once, and kept in the archive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Protocol

from arxiv_digest.adapters.archive import example_key
from arxiv_digest.adapters.arxiv import ExportApi, FeedUnreachable
from arxiv_digest.migrations import KEPT_PAPER, Unreadable
from arxiv_digest.models import Example, KeptPaper, Paper
from arxiv_digest.profile import Profile

PATIENCE = 60.0
"""Seconds for asking arXiv for examples; a day goes on without what it does not answer in these."""

AT_ONCE = 100
"""Examples of one request, whose address gets longer with each."""

UNKNOWN = "arXiv's export API does not have this paper"
NOT_KEPT = "arXiv's export API did not give this paper when the day was read"


class Keeping(Protocol):
    """What keeps examples: the archive, or a folder that has the same keys."""

    def read(self, key: str) -> bytes | None:
        """The bytes of a key, or none where there are none."""

    def write(self, key: str, body: str | bytes) -> None:
        """Keep something by its key."""


def keep_examples(
    archive: Keeping, api: ExportApi, profiles: Iterable[Profile], date: dt.date
) -> dict[str, str]:
    """Have the archive keep every example of some profiles; by id why it cannot for some of them.

    arXiv is asked only for those that the archive does not have.
    """
    named = (name for one in profiles for name in (*one.examples.more, *one.examples.less))
    missing = [name for name in dict.fromkeys(named) if _kept(archive, name) is None]
    troubles: dict[str, str] = {}
    for start in range(0, len(missing), AT_ONCE):
        asked = missing[start : start + AT_ONCE]
        try:
            answered = api.papers(asked, date, PATIENCE)
        except FeedUnreachable as problem:
            return troubles | dict.fromkeys(missing[start:], f"arXiv's export API: {problem}")
        for paper in answered:
            archive.write(example_key(paper.id), KeptPaper(paper=paper).model_dump_json())
        given = {paper.id for paper in answered}
        troubles |= {name: UNKNOWN for name in asked if name not in given}
    return troubles


def profile_examples(
    archive: Keeping, profile: Profile, troubles: Mapping[str, str]
) -> tuple[Example, ...]:
    """The examples of a profile, with their texts as far as the archive has them."""
    named = [(name, True) for name in profile.examples.more]
    named += [(name, False) for name in profile.examples.less]
    return tuple(_example(archive, name, troubles, more=more) for name, more in named)


def _example(archive: Keeping, name: str, troubles: Mapping[str, str], *, more: bool) -> Example:
    paper = _kept(archive, name)
    if paper is None:
        return Example(id=name, more=more, trouble=troubles.get(name, NOT_KEPT))
    return Example(id=name, more=more, title=paper.title, abstract=paper.abstract)


def _kept(archive: Keeping, name: str) -> Paper | None:
    key = example_key(name)
    content = archive.read(key)
    try:
        return KEPT_PAPER.read(content, key).paper if content is not None else None
    except Unreadable:
        return None  # of a newer version, say; it is asked for anew
