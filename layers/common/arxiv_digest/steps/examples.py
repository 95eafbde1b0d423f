"""The papers that a profile names as examples: kept from an earlier day, or asked of arXiv."""

from __future__ import annotations

import datetime as dt

from pydantic import ValidationError

from arxiv_digest.adapters.archive import Archive, example_key
from arxiv_digest.adapters.arxiv import ExportApi, FeedUnreachable
from arxiv_digest.models import Example, Paper
from arxiv_digest.profile import Profile

PATIENCE = 60.0
"""Seconds for asking arXiv for examples; a day goes on without what it does not answer in these."""

UNKNOWN = "arXiv's export API does not have this paper"


def profile_examples(
    archive: Archive, api: ExportApi, profile: Profile, date: dt.date
) -> tuple[Example, ...]:
    """The examples of a profile, as far as their texts can be had; the others say why not.

    arXiv is asked once for all that the archive does not have, and what it answers is kept.
    """
    wanted = [(name, True) for name in profile.examples.more]
    wanted += [(name, False) for name in profile.examples.less]
    found = {name: paper for name, _ in wanted if (paper := _kept(archive, name))}
    missing = [name for name, _ in wanted if name not in found]
    trouble = UNKNOWN
    if missing:
        try:
            asked = api.papers(missing, date, PATIENCE)
        except FeedUnreachable as problem:
            asked, trouble = [], f"arXiv's export API: {problem}"
        for paper in asked:
            archive.write(example_key(paper.id), paper.model_dump_json())
        found |= {paper.id: paper for paper in asked}
    return tuple(_example(name, found.get(name), trouble, more=more) for name, more in wanted)


def _kept(archive: Archive, name: str) -> Paper | None:
    content = archive.read(example_key(name))
    try:
        return Paper.model_validate_json(content) if content is not None else None
    except ValidationError:
        return None  # of another version; it is asked for anew


def _example(name: str, paper: Paper | None, trouble: str, *, more: bool) -> Example:
    if paper is None:
        return Example(id=name, more=more, trouble=trouble)
    return Example(id=name, more=more, title=paper.title, abstract=paper.abstract)
