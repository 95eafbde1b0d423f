"""What a profile's entries do to a day, and that the digest says so of each of them."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arxiv_digest.models import (
    Digest,
    Example,
    Failed,
    Outcome,
    Paper,
    PapersOfDay,
    Recommendation,
    Scored,
    Triaged,
    Verdict,
)
from arxiv_digest.profile import Profile
from arxiv_digest.rendering import render_json, render_markdown, render_page
from arxiv_digest.rendering.feeds import render_day_feed, render_paper_feed
from tests.builders import a_digest, a_paper, a_profile, papers, scored
from tests.unit.test_rendering import mailed_text

PRUNING = {"name": "Pruning", "description": "pruning experts"}
AGENTS = {"name": "Agents", "description": "agents that use tools"}
SUBJECTS = ("world models", "a survey", "birds")


def entries(digest: Digest) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Each entry's papers, recommended and held back, as ``digest.json`` has them."""
    told = json.loads(render_json(digest))["steering"]
    return {
        (entry["kind"], entry["entry"]): (entry["papers"], entry["recommended"], entry["held_back"])
        for entry in told
    }


def effects(digest: Digest, paper: Paper) -> list[tuple[str, str, str]]:
    """The entries that apply to a paper, as ``digest.json`` has them."""
    told = json.loads(render_json(digest))
    listed = [entry for section in told["sections"] for entry in section["papers"]]
    [found] = [entry for entry in (*listed, *told["below"]) if entry["paper"]["id"] == paper.id]
    return [(steer["kind"], steer["entry"], steer["effect"]) for steer in found["steering"]]


def ids(found: tuple[Recommendation, ...]) -> list[str]:
    return [entry.paper.id for entry in found]


def test_a_profile_without_steering_leaves_scores_alone_and_says_nothing() -> None:
    paper = a_paper()
    digest = a_digest([(paper, scored(paper, 8))])
    [entry] = digest.recommendations
    assert (entry.score, entry.scorer_score, entry.steering) == (8, None, ())
    assert digest.steering == ()
    assert "Steering" not in render_markdown(digest)
    assert 'class="marks' not in render_page(digest)


def test_a_followed_author_raises_a_paper_and_the_digest_says_why_everywhere() -> None:
    ada, other = a_paper(1, authors=("A. Lovelace",)), a_paper(2)
    profile = a_profile(follow={"authors": ["Ada Lovelace", "Nobody Atall"]})
    digest = a_digest([(ada, scored(ada, 5.5)), (other, scored(other, 6.9))], profile)
    [entry] = digest.recommendations
    assert (entry.paper, entry.score, entry.scorer_score) == (ada, 7.5, 5.5)
    assert entry.reason == f"About {ada.id}.", "the scorer's reason stays beside it"
    assert effects(digest, ada) == [("followed-author", "Ada Lovelace", "recommended")]
    assert effects(digest, other) == []
    assert entries(digest) == {
        ("followed-author", "Ada Lovelace"): (1, 1, 0),
        ("followed-author", "Nobody Atall"): (0, 0, 0),
    }
    said = "followed author: Ada Lovelace · raised from 5.5"
    assert f"- **Steering:** {said}" in render_markdown(digest)
    assert said in render_page(digest)
    assert said in mailed_text(digest)
    for form in (render_markdown(digest), render_page(digest), mailed_text(digest)):
        assert "followed authors Ada Lovelace (1), Nobody Atall (0)" in form


def test_in_chinese_the_reason_is_chinese() -> None:
    paper = a_paper(title="On world models")
    profile = a_profile(language="zh", follow={"phrases": ["World model", "world-models"]})
    digest = a_digest([(paper, scored(paper, 6))], profile)
    assert "关注的短语：world-models · 评分由 6.0 提高" in render_page(digest)
    assert "关注的短语：World model (0), world-models (1)" in render_page(digest)


def test_a_paper_that_two_entries_follow_is_raised_once_and_never_above_ten() -> None:
    paper = a_paper(title="On world models", authors=("Ada Lovelace",))
    follow = {"authors": ["Ada Lovelace"], "phrases": ["world models"], "raise_by": 3}
    low = a_digest([(paper, scored(paper, 5))], a_profile(follow=follow))
    assert low.recommendations[0].score == 8
    assert [effect for *_, effect in effects(low, paper)] == ["recommended", "recommended"]
    high = a_digest([(paper, scored(paper, 9))], a_profile(follow=follow))
    assert (high.recommendations[0].score, high.recommendations[0].scorer_score) == (10, 9)
    assert [effect for *_, effect in effects(high, paper)] == ["raised", "raised"]
    best = a_digest([(paper, scored(paper, 10))], a_profile(follow=follow))
    assert [effect for *_, effect in effects(best, paper)] == ["none", "none"]


def test_a_muted_paper_stands_below_with_the_phrase_and_is_counted() -> None:
    muted, low, fine = a_paper(1, title="A survey"), a_paper(2, title="Survey of birds"), a_paper(3)
    profile = a_profile(mute=["survey", "benchmark"])
    found = [(muted, scored(muted, 9)), (low, scored(low, 3)), (fine, scored(fine, 8))]
    digest = a_digest(found, profile)
    assert ids(digest.recommendations) == [fine.id]
    assert ids(digest.below) == [muted.id, low.id]
    assert digest.ledger.scored == 3
    assert effects(digest, muted) == [("muted-phrase", "survey", "held-back")]
    assert effects(digest, low) == [("muted-phrase", "survey", "none")]
    assert entries(digest) == {
        ("muted-phrase", "survey"): (2, 0, 1),
        ("muted-phrase", "benchmark"): (0, 0, 0),
    }
    page = render_page(digest)
    assert "muted phrases survey (2), benchmark (0)" in page
    assert page.count('<p class="marks soft">muted phrase: survey</p>') == 2
    assert "muted phrases survey (2), benchmark (0)" in mailed_text(digest)


def test_what_is_followed_and_muted_is_muted() -> None:
    paper = a_paper(title="A survey of world models")
    profile = a_profile(follow={"phrases": ["world models"]}, mute=["survey"])
    digest = a_digest([(paper, scored(paper, 6))], profile)
    assert digest.recommended == 0
    assert effects(digest, paper) == [
        ("followed-phrase", "world models", "raised"),
        ("muted-phrase", "survey", "held-back"),
    ]


def test_a_field_has_a_threshold_of_its_own() -> None:
    one, two, three = papers(3)
    profile = a_profile(
        fields=[{**PRUNING, "minimum_score": 9}, {**AGENTS, "minimum_score": 5}], minimum_score=7
    )
    found = [
        (one, scored(one, 8, "Pruning")),
        (two, scored(two, 6, "Agents")),
        (three, scored(three, 6, None)),
    ]
    digest = a_digest(found, profile)
    assert ids(digest.recommendations) == [two.id]
    assert effects(digest, one) == [("field-threshold", "Pruning", "held-back")]
    assert effects(digest, two) == [("field-threshold", "Agents", "recommended")]
    assert effects(digest, three) == []
    assert entries(digest) == {
        ("field-threshold", "Pruning"): (1, 0, 1),
        ("field-threshold", "Agents"): (1, 1, 0),
    }
    settings = {entry.entry: entry.setting for entry in digest.steering}
    assert settings == {"Pruning": 9, "Agents": 5}
    assert "threshold of Pruning: 9" in render_page(digest)


def test_a_paper_of_two_fields_is_judged_by_the_lower_threshold() -> None:
    paper = a_paper()
    profile = a_profile(fields=[{**PRUNING, "minimum_score": 9}, {**AGENTS, "minimum_score": 6}])
    both = scored(paper, 6.5, "Pruning").model_copy(update={"second_field": "Agents"})
    digest = a_digest([(paper, both)], profile)
    assert [section.field for section in digest.sections] == ["Pruning"]
    assert effects(digest, paper) == [("field-threshold", "Agents", "recommended")]


def test_a_cap_keeps_the_best_of_a_field_and_lists_the_others_below() -> None:
    listed = papers(5)
    profile = a_profile(fields=[{**PRUNING, "at_most": 2}, AGENTS])
    found: list[tuple[Paper, Outcome | None]] = [
        (paper, scored(paper, 7 + number / 10, "Agents" if number == 4 else "Pruning"))
        for number, paper in enumerate(listed)
    ]
    digest = a_digest(found, profile)
    assert ids(digest.recommendations) == [listed[4].id, listed[3].id, listed[2].id]
    assert ids(digest.below) == [listed[1].id, listed[0].id]
    assert entries(digest) == {("field-cap", "Pruning"): (4, 0, 2)}
    assert effects(digest, listed[1]) == [("field-cap", "Pruning", "held-back")]
    assert effects(digest, listed[2]) == [("field-cap", "Pruning", "none")]
    page = render_page(digest)
    assert page.count("most that Pruning recommends: 2") == 2
    assert "beyond a field&#39;s cap Pruning (2)" in page


def test_a_day_on_which_everything_is_held_back_does_not_blame_the_threshold() -> None:
    paper = a_paper(title="A survey")
    digest = a_digest([(paper, scored(paper, 9))], a_profile(mute=["survey"]))
    assert digest.verdict is Verdict.NOTHING_ABOVE_THRESHOLD
    assert "or the profile holds them back" in render_page(digest)
    assert "reached the score of" not in render_page(digest)


def test_an_example_is_told_of_with_the_papers_like_it_or_why_it_has_no_effect() -> None:
    near, far = papers(2)
    examples = (
        Example(id="2512.00001", more=True, title="Experts", abstract="a", near=(near.id,)),
        Example(id="2512.00002", more=False, title="Birds", abstract="b"),
        Example(id="2512.00003", more=True, trouble="arXiv's export API does not have this paper"),
    )
    found = [(near, scored(near, 8)), (far, scored(far, 8))]
    digest = a_digest(found, examples=examples)
    assert effects(digest, near) == [("more-like", "2512.00001", "weighed")]
    assert effects(digest, far) == []
    assert entries(digest) == {
        ("more-like", "2512.00001"): (1, 0, 0),
        ("less-like", "2512.00002"): (0, 0, 0),
        ("more-like", "2512.00003"): (0, 0, 0),
    }
    assert [entry.title for entry in digest.steering] == ["Experts", "Birds", ""]
    page = render_page(digest)
    assert "like 2512.00001, of which you want more" in page
    why = "Example 2512.00003 has no effect: arXiv&#39;s export API does not have this paper"
    assert why in page
    chinese = a_digest(found, a_profile(language="zh"), examples=examples)
    assert "示例 2512.00003 不起作用：arXiv 的 export API 没有这篇论文" in render_page(chinese)


def test_a_paper_of_two_fields_is_shown_once_with_both_in_every_form() -> None:
    paper = a_paper()
    both = scored(paper, 9, "Agents").model_copy(update={"second_field": "Pruning"})
    digest = a_digest([(paper, both)])
    assert [section.field for section in digest.sections] == ["Agents"]
    assert ids(digest.recommendations) == [paper.id]
    page = render_page(digest)
    assert page.count(f'<article id="{paper.id}"') == 1
    assert 'data-field="1" data-second="0"' in page
    assert "also in Pruning" in page
    assert "- **Also in:** Pruning" in render_markdown(digest)
    assert "**Steering:**" not in render_markdown(digest)
    assert "also in Pruning" in mailed_text(digest)
    day = PapersOfDay.of(digest)
    assert day.recommended[0].second_field == "Pruning"
    for feed in (
        render_day_feed([day], "en", "archive"),
        render_paper_feed([day], "en", "archive"),
    ):
        assert "Agents, Pruning" in feed
    assert 'term="Pruning"' in render_paper_feed([day], "en", "archive")


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("Agents", "Agents", ("Agents", None)),
        ("Astrology", "Agents", ("Agents", None)),
        ("Agents", "Astrology", ("Agents", None)),
        (None, "Agents", ("Agents", None)),
        (None, None, (None, None)),
    ],
)
def test_only_fields_of_the_profile_are_shown_and_each_once(
    first: str | None, second: str | None, shown: tuple[str | None, str | None]
) -> None:
    paper = a_paper()
    given_fields = scored(paper, 9, first).model_copy(update={"second_field": second})
    [entry] = a_digest([(paper, given_fields)]).recommendations
    assert (entry.field, entry.second_field) == shown


SCORES = st.floats(min_value=0, max_value=10)
FIELDS = st.sampled_from(["Pruning", "Agents", None, "No field of the profile"])


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Profiles with any steering."""

    def field(about: dict[str, str]) -> dict[str, Any]:
        own = draw(st.none() | SCORES)
        return {**about, "minimum_score": own, "at_most": draw(st.none() | st.integers(0, 3))}

    phrases = st.sampled_from([*SUBJECTS, "none of them"])
    followed = draw(st.sets(phrases))
    return a_profile(
        minimum_score=draw(SCORES),
        fields=[field(PRUNING), field(AGENTS)],
        follow={
            "authors": draw(st.sampled_from([[], ["Ada 1"], ["A. 2", "B. Bee"]])),
            "phrases": sorted(followed),
            "raise_by": draw(SCORES),
        },
        mute=sorted(draw(st.sets(phrases)) - followed),
    )


@st.composite
def days(draw: st.DrawFn) -> list[tuple[Paper, Outcome | None]]:
    """Days of papers with any outcomes."""
    found: list[tuple[Paper, Outcome | None]] = []
    for number in range(draw(st.integers(0, 12))):
        subjects = " and ".join(sorted(draw(st.sets(st.sampled_from(SUBJECTS)))))
        authors = draw(st.sampled_from([("Ada 1",), ("Ann 2", "Bob Bee"), ("Cy Cee",)]))
        paper = a_paper(number + 1, title=f"Paper {number} on {subjects}", authors=authors)
        outcomes: list[Outcome | None] = [
            None,
            Failed(paper_id=paper.id, reason="broken"),
            Triaged(paper_id=paper.id, rank=1),
        ]
        given_score = scored(paper, draw(SCORES), draw(FIELDS)).model_copy(
            update={"second_field": draw(FIELDS)}
        )
        found.append((paper, draw(st.sampled_from([*outcomes, *[given_score] * 6]))))
    return found


@given(days(), profiles())
def test_whatever_steers_a_day_every_promise_holds(
    day: list[tuple[Paper, Outcome | None]], profile: Profile
) -> None:
    digest = a_digest(day, profile)
    given_scores = {paper.id: given for paper, given in day if isinstance(given, Scored)}

    ledger = digest.ledger
    assert ledger.announced == len(day) == ledger.scored + ledger.triaged + ledger.failed
    assert sorted(paper.id for paper in digest.papers) == [paper.id for paper, _ in day]

    for entry in digest.scored:
        before = given_scores[entry.paper.id].score
        assert before <= entry.score <= 10
        kept = entry.score if entry.scorer_score is None else entry.scorer_score
        assert kept == before
    for entry in digest.recommendations:
        assert entry.score >= profile.threshold(entry.field, entry.second_field)
        assert not any(steer.kind == "muted-phrase" for steer in entry.steering)
        assert not entry.held_back
    for entry in digest.below:
        under = entry.score < profile.threshold(entry.field, entry.second_field)
        assert under or entry.held_back, "nothing is left out without an entry that says so"
        assert not any(steer.effect == "recommended" for steer in entry.steering)

    caps = {field.name: field.at_most for field in profile.fields if field.at_most is not None}
    for section in digest.sections:
        assert len(section.papers) <= caps.get(section.field or "", len(day))

    told = Counter(
        (steer.kind, steer.entry, steer.effect) for e in digest.scored for steer in e.steering
    )
    for listed in digest.steering:
        of_entry = {
            effect: n for (k, e, effect), n in told.items() if (k, e) == (listed.kind, listed.entry)
        }
        assert listed.papers == sum(of_entry.values())
        assert listed.recommended == of_entry.get("recommended", 0)
        assert listed.held_back == of_entry.get("held-back", 0)
    assert {(k, e) for k, e, _ in told} <= {(e.kind, e.entry) for e in digest.steering}
    assert len(digest.steering) == len(
        [*profile.follow.authors, *profile.follow.phrases, *profile.mute, *caps]
    ) + sum(field.minimum_score is not None for field in profile.fields)


@given(days(), profiles())
def test_without_following_no_more_is_recommended_of_a_day_without_caps(
    day: list[tuple[Paper, Outcome | None]], profile: Profile
) -> None:
    uncapped = profile.model_copy(
        update={"fields": tuple(f.model_copy(update={"at_most": None}) for f in profile.fields)}
    )
    plain = uncapped.model_copy(update={"follow": a_profile().follow})
    without = set(ids(a_digest(day, plain).recommendations))
    digest = a_digest(day, uncapped)
    lifted = {
        entry.paper.id
        for entry in digest.recommendations
        if any(
            steer.effect == "recommended" and steer.kind.startswith("followed")
            for steer in entry.steering
        )
    }
    assert set(ids(digest.recommendations)) == without | lifted
    assert not without & lifted
