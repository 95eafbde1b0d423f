"""What a profile that can be used may still have wrong, a sentence each with its mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from itertools import combinations

from arxiv_digest.learning import WORDS, count_terms, similarities
from arxiv_digest.matching import words_of
from arxiv_digest.profile import Profile
from local.categories import ARCHIVES, CATEGORIES

FEWEST_WORDS = 5
"""Words of a description that tell a field from others."""

ALIKE = 0.5
"""The cosine from which on two descriptions say the same: those of different fields of one subject
have up to 0.1, and two of which one is half of the other 0.6."""

ENGLISH = 0.7
"""The share of a description's letters that are ASCII where it is English."""


def advice(profile: Profile) -> Iterator[str]:
    """What a reader would better change, by key."""
    for number, category in enumerate(profile.categories):
        if category not in CATEGORIES:
            near = ", ".join(difflib.get_close_matches(category, sorted(CATEGORIES)))
            yield f"categories[{number}] {category!r} is not in arXiv's list of categories" + (
                f"; like it are {near}" if near else "; https://arxiv.org/category_taxonomy"
            )
        elif category in ARCHIVES:
            yield (
                f"categories[{number}] {category!r} is a whole archive, whose feed has the papers"
                " of all its categories; name those that you read, such as "
                + min(name for name in CATEGORIES if name.startswith(f"{category}."))
            )
    for number, field in enumerate(profile.fields):
        words = words_of(field.description)
        if len(words) < FEWEST_WORDS:
            yield (
                f"fields[{number}].description {field.description!r} is short: papers are matched"
                " by its words, so name what their abstracts would"
            )
        letters = [sign for sign in field.description if sign.isalpha()]
        if sum(map(str.isascii, letters)) < ENGLISH * len(letters):
            yield (
                f"fields[{number}].description is not English, as abstracts are; only the name may"
                " be in any language"
            )
    yield from _alike(profile)
    yield from _always_muted(profile)


def _alike(profile: Profile) -> Iterator[str]:
    counts = count_terms(WORDS, [field.description for field in profile.fields])
    cosines = similarities(counts, counts)
    for one, other in combinations(range(len(profile.fields)), 2):
        if cosines[one, other] >= ALIKE:
            names = f"{profile.fields[one].name!r} and {profile.fields[other].name!r}"
            yield (
                f"fields[{one}] and fields[{other}], {names}, say nearly the same"
                f" ({cosines[one, other]:.0%} alike); join them, or write what tells them apart"
            )


def _always_muted(profile: Profile) -> Iterator[str]:
    for number, followed in enumerate(profile.follow.phrases):
        for muted in profile.mute:
            if f" {' '.join(words_of(muted))} " in f" {' '.join(words_of(followed))} ":
                yield (
                    f"follow.phrases[{number}] {followed!r} holds {muted!r}, which is muted, so"
                    " that its papers are never recommended; keep one of the two"
                )
