"""What a profile makes of scored papers: it raises, recommends and holds back, and says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from arxiv_digest.matching import phrases_in
from arxiv_digest.models import (
    Example,
    Paper,
    Recommendation,
    Scored,
    Steer,
    SteeringEffect,
    SteeringEntry,
    SteeringKind,
    ranked,
)
from arxiv_digest.profile import Profile

HIGHEST = 10.0
"""The top of the scale of scores."""


class Steered(NamedTuple):
    """Scored papers, best first: those that are recommended, and the others."""

    recommended: list[Recommendation]
    below: list[Recommendation]


def steered(
    scored: Iterable[tuple[Paper, Scored]], profile: Profile, examples: Iterable[Example] = ()
) -> Steered:
    """Recommend what reaches its threshold, is not muted, and has room in its field.

    Whatever is followed raises a paper's score, once and never above :data:`HIGHEST`. A muted paper
    is not recommended, be it followed or not. Caps are filled by score, and count a paper of two
    fields in its first one. Each paper has the entries that apply to it; ``scored`` is in
    announcement order.
    """
    named = tuple(examples)
    room = {field.name: field.at_most for field in profile.fields if field.at_most is not None}
    made = Steered([], [])
    for paper in ranked(_raised(paper, given, profile) for paper, given in scored):
        fitting = _reaches(paper, profile) and not phrases_in(paper.paper, profile.mute)
        left = room.get(paper.field or "", 1)
        recommended = fitting and left > 0
        if recommended and paper.field in room:
            room[paper.field] -= 1
        steering = _steering(paper, profile, named, recommended=recommended, fitting=fitting)
        kept = paper.model_copy(update={"steering": tuple(steering)})
        (made.recommended if recommended else made.below).append(kept)
    return made


def steering_entries(
    papers: Iterable[Recommendation], profile: Profile, examples: Iterable[Example] = ()
) -> tuple[SteeringEntry, ...]:
    """Every entry of the profile that steers, and what it did to some steered papers."""
    applied = [steer for paper in papers for steer in paper.steering]
    count = Counter((steer.kind, steer.entry) for steer in applied)
    did = Counter((steer.kind, steer.entry, steer.effect) for steer in applied)
    return tuple(
        entry.model_copy(
            update={
                "papers": count[entry.kind, entry.entry],
                "recommended": did[entry.kind, entry.entry, SteeringEffect.RECOMMENDED],
                "held_back": did[entry.kind, entry.entry, SteeringEffect.HELD_BACK],
            }
        )
        for entry in _listed(profile, examples)
    )


def _raised(paper: Paper, given: Scored, profile: Profile) -> Recommendation:
    known = [name for name in (given.field, given.second_field) if name in profile.reader.fields]
    field, second = (*dict.fromkeys(known), None, None)[:2]
    score = given.score
    if profile.followed(paper):
        score = min(HIGHEST, score + profile.follow.raise_by)
    return Recommendation(
        paper=paper,
        score=score,
        field=field,
        second_field=second,
        reason=given.reason,
        locally=given.locally,
        scorer_score=given.score if score > given.score else None,
    )


def _reaches(paper: Recommendation, profile: Profile) -> bool:
    return paper.score >= profile.threshold(paper.field, paper.second_field)


def _steering(
    paper: Recommendation,
    profile: Profile,
    examples: Iterable[Example],
    *,
    recommended: bool,
    fitting: bool,
) -> Iterator[Steer]:
    """The entries that apply to a paper; ``fitting`` is one that only a cap can hold back."""
    reaches = _reaches(paper, profile)
    threshold = profile.threshold(paper.field, paper.second_field)
    effect = SteeringEffect.NONE
    if paper.scorer_score is not None:
        lifted = recommended and paper.scorer_score < threshold
        effect = SteeringEffect.RECOMMENDED if lifted else SteeringEffect.RAISED
    for kind, entry in profile.followed(paper.paper):
        yield Steer(kind=kind, entry=entry, effect=effect)
    effect = SteeringEffect.HELD_BACK if reaches else SteeringEffect.NONE
    for phrase in phrases_in(paper.paper, profile.mute):
        yield Steer(kind=SteeringKind.MUTED_PHRASE, entry=phrase, effect=effect)
    of_paper = [
        field for field in profile.fields if field.name in (paper.field, paper.second_field)
    ]
    effect = SteeringEffect.NONE
    if recommended and paper.score < profile.minimum_score:
        effect = SteeringEffect.RECOMMENDED
    elif paper.score >= profile.minimum_score and not reaches:
        effect = SteeringEffect.HELD_BACK
    for field in of_paper:
        if field.minimum_score == threshold:
            yield Steer(kind=SteeringKind.FIELD_THRESHOLD, entry=field.name, effect=effect)
    effect = SteeringEffect.NONE if recommended else SteeringEffect.HELD_BACK
    for field in of_paper:
        if fitting and field.name == paper.field and field.at_most is not None:
            yield Steer(kind=SteeringKind.FIELD_CAP, entry=field.name, effect=effect)
    for example in examples:
        if paper.paper.id in example.near:
            kind = SteeringKind.MORE_LIKE if example.more else SteeringKind.LESS_LIKE
            yield Steer(kind=kind, entry=example.id, effect=SteeringEffect.WEIGHED)


def _listed(profile: Profile, examples: Iterable[Example]) -> Iterator[SteeringEntry]:
    follow = profile.follow
    for kind, entries in (
        (SteeringKind.FOLLOWED_AUTHOR, follow.authors),
        (SteeringKind.FOLLOWED_PHRASE, follow.phrases),
    ):
        for entry in entries:
            yield SteeringEntry(kind=kind, entry=entry, setting=follow.raise_by)
    for phrase in profile.mute:
        yield SteeringEntry(kind=SteeringKind.MUTED_PHRASE, entry=phrase)
    for kind, settings in (
        (SteeringKind.FIELD_THRESHOLD, {f.name: f.minimum_score for f in profile.fields}),
        (SteeringKind.FIELD_CAP, {f.name: f.at_most for f in profile.fields}),
    ):
        for name, setting in settings.items():
            if setting is not None:
                yield SteeringEntry(kind=kind, entry=name, setting=setting)
    for example in examples:
        yield SteeringEntry(
            kind=SteeringKind.MORE_LIKE if example.more else SteeringKind.LESS_LIKE,
            entry=example.id,
            title=example.title,
            trouble=example.trouble,
        )
