"""The scorer that needs no language model."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from arxiv_digest.local import SHARE, interest, likeness, score_day, with_nearest
from arxiv_digest.models import Example, Paper
from arxiv_digest.profile import Profile, load_profile
from tests.builders import a_paper, a_profile, papers

ROOT = Path(__file__).parents[2]


def default_profile() -> Profile:
    return load_profile((ROOT / "profile.yaml").read_text("utf-8"))


def seed_day(digest_data: Path) -> tuple[list[Paper], list[str | None]]:
    lines = (digest_data / "seed-day-216-papers.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    listed = [a_paper(id=row["id"], title=row["title"], abstract=row["abstract"]) for row in rows]
    return listed, [row["seed_field"] for row in rows]


def test_it_tells_what_the_seed_recommended_from_what_it_did_not(digest_data: Path) -> None:
    listed, fields = seed_day(digest_data)
    overall = likeness(listed, default_profile()).overall
    area = roc_auc_score([field is not None for field in fields], overall)
    assert area >= 0.80, f"area under the curve {area:.3f}; it was 0.812 when this was written"


def test_it_finds_the_field_far_better_than_chance(digest_data: Path) -> None:
    listed, fields = seed_day(digest_data)
    day = score_day(listed, default_profile())
    pairs = [(day[paper.id].field, field) for paper, field in zip(listed, fields, strict=True)]
    right = [found == field for found, field in pairs if field]
    assert sum(right) / len(right) >= 0.5, "one field in seven is right by chance"


def test_its_reasons_are_sentences_of_the_abstract(digest_data: Path) -> None:
    listed, _ = seed_day(digest_data)
    day = score_day(listed, default_profile())
    for paper in listed:
        assert day[paper.id].reason
        assert day[paper.id].reason in paper.abstract


def test_it_recommends_the_share_it_promises(digest_data: Path) -> None:
    listed, _ = seed_day(digest_data)
    scores = [found.score for found in score_day(listed, default_profile()).values()]
    recommended = sum(score >= 7 for score in scores) / len(scores)
    assert abs(recommended - SHARE) < 0.02
    assert 9.9 <= max(scores) <= 10


def test_the_only_paper_of_a_day_is_not_called_the_best_of_all() -> None:
    assert score_day([a_paper()], a_profile())["2601.00001"].score < 7


def test_medical_and_remote_sensing_papers_fall_behind(digest_data: Path) -> None:
    listed, _ = seed_day(digest_data)
    day = score_day(listed, default_profile())
    subjects = ("tumor", "medical", "patient", "remote sensing", "forest", "mri ", "clinical")
    low = [p for p in listed if any(subject in p.title.lower() for subject in subjects)]
    assert len(low) >= 9
    recommended = [paper.title for paper in low if day[paper.id].score >= 7]
    assert len(recommended) <= 1, "a share of them all would be two"


def test_a_paper_of_a_field_beats_one_of_none_and_a_low_priority_one_falls_behind() -> None:
    profile = a_profile(low_priority=("segmentation of organs and tumours in patients",))
    pruning = a_paper(1, title="Pruning experts", abstract="We prune experts by quantization.")
    organs = a_paper(2, title="Organs", abstract="Pruning segmentation of tumours in patients.")
    geese = a_paper(3, title="Geese", abstract="Flight of geese over lakes.")
    day = score_day([geese, organs, pruning], profile)
    assert day[pruning.id].score > day[organs.id].score
    assert day[pruning.id].score > day[geese.id].score
    assert day[pruning.id].field == "Pruning"


def test_a_paper_that_shares_nothing_with_any_field_scores_nothing() -> None:
    day = score_day([a_paper(title="Ωμέγα", abstract="Ωμέγα ψυχή.")], a_profile())
    found = day["2601.00001"]
    assert (found.score, found.field) == (0, None)


@given(st.lists(st.text(), max_size=8))
def test_any_abstracts_are_scored_within_the_scale(abstracts: list[str]) -> None:
    listed = [a_paper(n, abstract=text) for n, text in enumerate(abstracts, 1)]
    day = score_day(listed, a_profile())
    assert day.keys() == {paper.id for paper in listed}
    assert all(0 <= found.score <= 10 for found in day.values())


def test_the_same_day_gives_the_same_scores_whatever_asks() -> None:
    listed = [a_paper(n, abstract=f"pruning {'agents ' * n}") for n in range(1, 30)]
    assert score_day(listed, a_profile()) == score_day(list(listed), a_profile())


def test_a_paper_like_an_example_stands_higher_and_where_less_is_wanted_lower() -> None:
    listed = [
        *(a_paper(n, title=f"Pruning experts {n}", abstract="It prunes.") for n in range(1, 9)),
        a_paper(9, title="Migration of geese", abstract="Geese cross the northern sea in autumn."),
    ]
    example = {"id": "2512.00001", "title": "Geese in autumn", "abstract": "Geese cross the sea."}

    def place(*examples: Example) -> int:
        likely = interest(listed, a_profile(), examples=examples)
        return int((-likely).argsort(kind="stable").tolist().index(8))

    assert place() == 8
    assert place(Example(**example, more=True)) == 0
    listed = [paper.model_copy(update={"title": f"{paper.title} pruning"}) for paper in listed]
    assert place(Example(**example, more=False)) == 8
    assert place(Example(**example, more=True), Example(**example, more=False)) == place()


def test_an_example_without_text_changes_nothing() -> None:
    listed = papers(5)
    unknown = Example(id="2512.00001", more=True, trouble="no answer")
    assert score_day(listed, a_profile(), examples=[unknown]) == score_day(listed, a_profile())
    assert with_nearest(listed, [unknown]) == (unknown,)
    assert interest([], a_profile(), examples=[unknown]).tolist() == []


def test_the_papers_like_an_example_are_named_the_nearest_first() -> None:
    geese, sea, other = (
        a_paper(1, title="Geese cross the sea", abstract="Geese in autumn."),
        a_paper(2, title="The northern sea", abstract="Waves and wind, and one flock of geese."),
        a_paper(3, title="Pruning experts", abstract="Quantization of models."),
    )
    example = Example(id="2512.00001", more=True, title="Geese cross", abstract="The sea, geese.")
    [found] = with_nearest([other, sea, geese], [example])
    assert found.near == (geese.id, sea.id)


def test_one_of_the_best_that_is_nearly_as_like_a_second_field_belongs_to_both() -> None:
    both = a_paper(
        1,
        title="Pruning experts of agents that use tools",
        abstract="Pruning experts and quantization of models, agents that use tools and the web.",
    )
    others = [a_paper(n, title=f"Birds {n}", abstract=f"Geese {n}.") for n in range(2, 12)]
    day = score_day([both, *others], a_profile())
    assert {day[both.id].field, day[both.id].second_field} == {"Pruning", "Agents"}
    assert all(day[paper.id].second_field is None for paper in others)
    one_field = a_profile(fields=a_profile().fields[:1])
    assert score_day([both, *others], one_field)[both.id].second_field is None


def test_on_a_real_day_few_papers_belong_to_two_fields(digest_data: Path) -> None:
    listed, _ = seed_day(digest_data)
    best = [found for found in score_day(listed, default_profile()).values() if found.score >= 7]
    share = sum(found.second_field is not None for found in best) / len(best)
    assert 0.05 < share < 0.25
