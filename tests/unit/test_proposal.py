"""A profile that is proposed from a reader's own papers, and what is noted about one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arxiv_digest.profile import load_profile
from local.advice import advice
from local.categories import ARCHIVES, CATEGORIES
from local.draft import ProposedField, profile_yaml, propose_examples
from local.proposal import propose_categories, propose_fields
from local.references import Reference
from tests.builders import a_profile

SUBJECTS = {
    "whales": "Humpback whales sing songs; a song of whales travels through the ocean.",
    "glaciers": "Glaciers carve valleys; ice of glaciers flows and melts in summer.",
    "violins": "Violins are made of spruce; the varnish of violins colours their tone.",
}


def library(of_each: int = 4) -> list[Reference]:
    """Papers of three subjects, one after the other."""
    return [
        Reference(f"On {subject} {number}", text, f"2601.{number:03d}{place:02d}", ("cs.LG",))
        for number in range(of_each)
        for place, (subject, text) in enumerate(SUBJECTS.items())
    ]


def test_papers_of_different_subjects_become_fields_that_their_words_name() -> None:
    proposal = propose_fields(library())
    named = {field.name.split(",")[0].lower() for field in proposal.fields}
    assert len(proposal.fields) == 3
    for subject in SUBJECTS:
        [field] = [one for one in proposal.fields if subject in one.description.lower()]
        assert all(subject in paper.title for paper in field.papers)
    assert named & {"whales", "glaciers", "violins"}
    assert proposal.apart == ()


def test_as_many_fields_are_proposed_as_are_asked_for() -> None:
    assert [len(propose_fields(library(), count).fields) for count in (1, 2)] == [1, 2]


def test_a_paper_without_a_word_of_the_others_is_told_apart() -> None:
    alone = Reference("Zymurgy")
    proposal = propose_fields([*library(), alone])
    assert proposal.apart == (alone,)


def test_a_term_is_written_as_the_papers_write_it() -> None:
    papers = [
        Reference(f"Mixture of Experts {number}", "A mixture of experts with a KV cache.")
        for number in range(3)
    ]
    [field] = propose_fields(papers, 1).fields
    assert "mixture of experts" in field.description.lower()
    assert "KV cache" in field.description


@pytest.mark.parametrize("title", ["Zymurgy", "The", "深度学习", "42"])
def test_a_single_paper_is_a_field(title: str) -> None:
    [field] = propose_fields([Reference(title)]).fields
    assert field.name
    assert title in field.description


TITLE = st.text(st.sampled_from("abc the of KV cache 深 "), min_size=1).filter(str.strip)
ABSTRACT = st.text(st.sampled_from("abc whale "), max_size=30)
REFERENCE = st.builds(Reference, TITLE, ABSTRACT, st.just(""), st.just(()))


@settings(deadline=None, max_examples=40)
@given(st.lists(REFERENCE, min_size=1, max_size=12), st.none() | st.integers(1, 8))
def test_every_paper_is_in_one_field_or_told_apart(
    papers: list[Reference], count: int | None
) -> None:
    proposal = propose_fields(papers, count)
    told = [paper for field in proposal.fields for paper in field.papers]
    assert sorted([*told, *proposal.apart]) == sorted(papers)
    assert all(field.papers for field in proposal.fields)
    load_profile(profile_yaml("a", "en", "UTC", ["cs.CV"], proposal.fields))


def test_categories_are_those_of_many_papers_and_no_whole_archive() -> None:
    papers = [Reference("A", categories=("cs.CV", "cs", "online"))] * 5
    papers += [Reference("B", categories=("cs.LG", "cs.CV"))] * 3
    papers += [Reference("C", categories=("hep-th",)), Reference("D")]
    assert propose_categories(papers) == ["cs.CV", "cs.LG"]
    assert propose_categories([Reference("A", categories=("cs",))]) == ["cs"]
    assert propose_categories([Reference("A")]) == []


def test_examples_are_the_first_of_each_field_that_arxiv_has() -> None:
    field = ProposedField("A", "b", (Reference("no id"), *library()))
    assert propose_examples([field]) == library()[:3]
    assert len(propose_examples([field] * 8)) <= 20


LINE = st.text(min_size=1, max_size=120).filter(lambda text: any(map(str.isalnum, text)))


@given(LINE, LINE, LINE, LINE)
def test_a_draft_is_a_profile_whatever_its_texts_hold(
    name: str, description: str, title: str, origin: str
) -> None:
    papers = (Reference(title, arxiv_id="2601.14320"),)
    fields = [ProposedField(name, description, papers)]
    text = profile_yaml("mine", "zh", "Asia/Shanghai", ["cs.CV", "hep-th"], fields, origin)
    profile = load_profile(text)
    [field] = profile.fields
    assert (profile.name, profile.language, profile.time_zone) == ("mine", "zh", "Asia/Shanghai")
    assert profile.categories == ("cs.CV", "hep-th")
    assert profile.examples.more == ("2601.14320",)
    assert field.name == printable(name)
    assert field.description == printable(description)


def printable(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def test_arxiv_has_its_categories() -> None:
    assert {"cs.CV", "astro-ph.CO", "hep-th", "cond-mat.mes-hall", "stat", "math-ph"} < CATEGORIES
    assert len(CATEGORIES - ARCHIVES) == 155


@pytest.mark.parametrize(
    ("changed", "noted"),
    [
        ({"categories": ("cs.CX",)}, "categories[0] 'cs.CX' is not in arXiv's list"),
        (
            {"fields": [{"name": "A", "description": "large models"}]},
            "fields[0].description 'large models' is short",
        ),
        (
            {"fields": [{"name": "A", "description": "深度 学习 的 可解释性 研究 与 方法"}]},
            "fields[0].description is not English",
        ),
        (
            {
                "fields": [
                    {"name": "A", "description": "Training of large language models by experts"},
                    {"name": "B", "description": "Large language models, their training, experts"},
                ]
            },
            "fields[0] and fields[1], 'A' and 'B', say nearly the same",
        ),
        (
            {"follow": {"phrases": ["Survey of agents"]}, "mute": ["survey"]},
            "follow.phrases[0] 'Survey of agents' holds 'survey', which is muted",
        ),
    ],
)
def test_what_would_better_be_changed_is_noted(changed: dict[str, Any], noted: str) -> None:
    [line] = advice(a_profile(**changed))
    assert line.startswith(noted)


def test_nothing_is_noted_about_a_good_profile() -> None:
    mute = {"follow": {"phrases": ["survey"]}, "mute": ["survey of agents"]}
    assert list(advice(a_profile(**mute))) == []
