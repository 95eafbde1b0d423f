"""The evaluation: measures by hand, and label files as people write them."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from arxiv_digest.learning import count_terms
from arxiv_digest.models import PastScore, Tokens, Vote
from arxiv_digest.profile import load_profile
from arxiv_digest.scoring import LanguageModelUnavailable, Prompt, Reply
from arxiv_digest.voting import with_votes
from evaluation import rolling
from evaluation.__main__ import SAMPLE_LABELS, app
from evaluation.closed_loop import add_fields, simulate
from evaluation.labels import Label, LabelledDay, LabelsError, read_labels, read_retest
from evaluation.measures import (
    Interval,
    area_under_curve,
    gains,
    jaccard,
    ndcg,
    over_days,
    over_papers,
    recall_at,
)
from evaluation.rolling import by_language_model, measure, unread
from evaluation.terms import KeptCounts
from evaluation.votes import CASES, VOTES, Reader, Voted, enough, simulate_votes
from tests.builders import DAY, a_paper, a_profile
from tests.language_model import language_model

ROOT = Path(__file__).parents[2]
LINE = {
    "date": "2026-01-22",
    "id": "2601.00001",
    "title": "Experts",
    "abstract": "We prune.",
    "score": 8,
    "field": "Pruning",
}


def a_file(folder: Path, *lines: object) -> Path:
    file = folder / "labels.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text(text, "utf-8")
    return file


def a_day(number: int, count: int = 12) -> LabelledDay:
    """Every third paper prunes and is recommended for it."""
    labels = []
    for n in range(count):
        wanted = n % 3 == 0
        about = "pruning experts" if wanted else f"geese {n % 5}"
        paper = a_paper(100 * number + n, title=about, abstract=f"About {about}, {n}.")
        labels.append(Label(paper, 8.0 if wanted else None, "Pruning" if wanted else None))
    return LabelledDay(DAY + dt.timedelta(days=number), tuple(labels))


def test_measures_of_a_small_day_by_hand() -> None:
    worth = gains([8, None, 7, 3, 9], 7)
    assert worth.tolist() == [2, 0, 1, 0, 3]
    ranking = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    assert area_under_curve(worth >= 1, ranking) == pytest.approx(3 / 6)
    ideal = 3 + 2 / math.log2(3)
    assert ndcg(worth, ranking, 2) == pytest.approx(2 / ideal)
    assert recall_at(worth >= 1, ranking, 0.5) == pytest.approx(2 / 3), "three of five are kept"


def test_a_day_without_anything_to_find_has_no_measures() -> None:
    nothing, ranking = np.zeros(3, dtype=bool), np.arange(3.0)
    assert math.isnan(area_under_curve(nothing, ranking))
    assert math.isnan(area_under_curve(~nothing, ranking))
    assert math.isnan(ndcg(np.zeros(3), ranking, 10))
    assert math.isnan(recall_at(nothing, ranking, 0.5))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_a_mean_lies_within_its_interval(values: list[float]) -> None:
    found = over_days([*values, float("nan")])
    assert found.low - 1e-9 <= found.mean <= found.high + 1e-9
    assert found.worst == min(values)
    assert found == over_days(values), "the same days have the same interval"


def test_one_day_has_no_interval_and_none_no_mean() -> None:
    assert over_days([0.5]).mean == 0.5
    assert math.isnan(over_days([0.5]).low)
    assert math.isnan(over_days([]).mean)


@given(st.sets(st.text()), st.sets(st.text()))
def test_jaccard_is_between_0_and_1_and_symmetric(first: set[str], second: set[str]) -> None:
    assert 0 <= jaccard(first, second) == jaccard(second, first) <= 1
    assert jaccard(first, first) == 1


def test_a_label_file_is_read_as_days_in_announcement_order(tmp_path: Path) -> None:
    later = {**LINE, "date": "2026-01-23", "authors": "Ada A, Bob B", "categories": ["cs.LG"]}
    second = {**LINE, "id": "2601.00002v3", "score": None, "field": None, "pos": 1}
    read = read_labels([a_file(tmp_path, later, {**LINE, "pos": 2}, "", second)])
    assert read.problems == ()
    assert [day.date.day for day in read.days] == [22, 23]
    assert [label.paper.id for label in read.days[0].labels] == ["2601.00002", "2601.00001"]
    assert [label.score for label in read.days[0].labels] == [None, 8]
    assert read.days[1].papers[0].authors == ("Ada A", "Bob B")


def test_gzipped_files_and_papers_from_feeds_are_read(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"id": "2601.00001", "score": 7.5}\n'))
    [day] = read_labels([file], {"2601.00001": a_paper()}, DAY).days
    assert day.labels == (Label(a_paper(), 7.5, None),)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is no JSON"),
        ({**LINE, "score": 11}, "score is 11; write a number from 0 to 10, or null"),
        ({**LINE, "score": "good"}, 'score is "good"; write a number'),
        ({**LINE, "id": "experts"}, 'id is "experts"; write an arXiv identifier'),
        ({**LINE, "date": None}, "date is missing; write it as"),
        ({**LINE, "title": ""}, "title or abstract is missing"),
        ({k: v for k, v in LINE.items() if k != "id"}, "id is missing"),
        ({k: v for k, v in LINE.items() if k != "score"}, "score is missing"),
        ({**LINE, "id": "2601.00009"}, "id 2601.00009 stands twice on 2026-01-22"),
    ],
)
def test_a_bad_line_is_skipped_and_named(tmp_path: Path, line: object, said: str) -> None:
    read = read_labels([a_file(tmp_path, LINE, {**LINE, "id": "2601.00009"}, line)])
    assert len(read.days[0].labels) == 2
    [problem] = read.problems
    assert problem.startswith(f"labels.jsonl, line 3: {said}")


def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    broken = tmp_path / "labels.jsonl.gz"
    broken.write_bytes(b"no gzip")
    with pytest.raises(LabelsError, match="labels.jsonl.gz cannot be read"):
        read_labels([broken])
    with pytest.raises(LabelsError, match="score2 is missing"):
        read_retest(a_file(tmp_path, {"score1": 8}))


def test_the_retest_shows_the_noise_of_the_labels(digest_data: Path) -> None:
    [file] = digest_data.glob("labels/retest-*")
    pairs = read_retest(file)
    first, second = (np.array([(s or 0) >= 7 for s in scores]) for scores in zip(*pairs))  # noqa: B905
    assert over_papers(first, second).mean == pytest.approx(0.51, abs=0.02)


def test_papers_read_before_are_left_out() -> None:
    first = a_day(1)
    again = LabelledDay(first.date + dt.timedelta(days=1), (*first.labels, *a_day(2).labels))
    assert unread([first, again])[1].papers == a_day(2).papers


def test_kept_counts_are_the_same_as_new_ones() -> None:
    texts = ["pruning experts", "", "agents", "pruning experts"]
    kept = KeptCounts()
    for _ in range(2):
        for view in ("words", "parts"):
            assert (kept(view, texts) != count_terms(view, texts)).nnz == 0
    assert kept("words", []).shape == (0, 2**20)


def test_a_language_model_is_asked_by_the_batches_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "WAIT", 0)
    asked: list[list[str]] = []

    def ask(prompt: Prompt) -> Reply:
        ids = [line.partition(" | ")[0] for line in prompt.user.split("\n")[1:-1]]
        asked.append(ids)
        if len(asked) == 1:
            raise LanguageModelUnavailable("busy")
        entries = [
            {"id": i, "score": int(i[-2:]) % 10, "field": "Agents", "reason": "It is."} for i in ids
        ]
        return Reply(json.dumps({"papers": entries}), Tokens(total=10 * len(ids), calls=1))

    profile, said = a_profile(papers_per_call=5), []
    day = a_day(0)
    ranking = by_language_model(profile, ask, said.append)(day, ())
    assert [len(ids) for ids in asked] == [5, 5, 5, 2], "the first batch is asked for once more"
    assert ranking.scores.tolist() == [n % 10 for n in range(12)]
    assert ranking.selected == {paper.id for paper in day.papers[7:10]}
    assert (ranking.tokens.total, ranking.failed) == (120, 0)
    assert measure(day, ranking, profile, 0.5).measures["field accuracy"] == 0


def test_the_loop_closes_and_its_audit_holds_the_truth() -> None:
    days = [a_day(number) for number in range(12)]
    for lesson in ("everything", "weighted", "unweighted", "kept only", "pseudo-labels"):
        loop = simulate(days, 3, lesson, a_profile(), 0.5, 0.2, count_terms)
        assert len(loop.auc) == 3
        assert loop.estimate.low <= loop.truth <= loop.estimate.high


def test_an_added_field_is_looked_for_on_three_days() -> None:
    changes = add_fields([a_day(n) for n in range(8)], 7, a_profile(), 0.5, KeptCounts())
    assert [change.day for change in changes] == [1, 3, 7]
    assert all(0 < change.kept <= change.papers for change in changes)


def a_day_of_two_kinds(number: int) -> LabelledDay:
    """Papers that the profile describes alike, and of which the reader wants one kind."""
    labels = []
    for n in range(40):
        wanted = n % 2 == 0
        about = f"pruning experts of {'models' if wanted else 'gardens'}"
        paper = a_paper(100 * number + n, title=about, abstract=f"About {about}, {n}.")
        labels.append(Label(paper, 9.0 if wanted else None, "Pruning" if wanted else None))
    return LabelledDay(DAY + dt.timedelta(days=number), tuple(labels))


def test_a_reader_votes_until_the_next_day_is_ranked_better() -> None:
    days = [a_day_of_two_kinds(number) for number in range(10)]
    profile = a_profile(fields=({"name": "Pruning", "description": "pruning experts"},))
    found = simulate_votes(days, 4, profile, 0.5, KeptCounts())
    assert [(one.reader, one.history, one.votes) for one in found] == [
        (*case, votes) for case in CASES for votes in VOTES
    ]
    nothing = [one for one in found if one.votes == 0]
    assert {one.auc_change.mean for one in nothing} == {0.0}
    alone = [one for one in found if (one.reader, one.history) == CASES[0]]
    assert enough(alone, "auc_change") in VOTES[1:]
    assert alone[-1].auc.mean > 0.9


def test_beside_a_models_scores_votes_are_on_what_it_recommends_while_they_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    days = [a_day_of_two_kinds(number) for number in range(3)]
    profile = a_profile(fields=({"name": "Pruning", "description": "geese"},))
    cast: set[str] = set()

    def noted(scores: list[PastScore], votes: list[Vote]) -> list[PastScore]:
        cast.update(vote.paper.id for vote in votes)
        return with_votes(scores, votes)

    monkeypatch.setattr("evaluation.votes.with_votes", noted)
    monkeypatch.setattr("evaluation.votes.CASES", [(Reader.AGREES, 30)])
    found = simulate_votes(days, 2, profile, 0.5, KeptCounts())
    assert cast == {label.paper.id for day in days[:2] for label in day.labels if label.score}
    # Before the second day there were 20 votes, before the third 40.
    days_of = {one.votes: one.days for one in found}
    assert days_of == {0: 2, 1: 2, 2: 2, 5: 2, 10: 2, 20: 2, 30: 1, 40: 1}


def test_an_interval_that_holds_zero_is_not_enough_nor_one_before_it() -> None:
    none, sure = Interval(0.1, -0.1, 0.3, 0.0), Interval(0.1, 0.05, 0.2, 0.0)
    found = [
        Voted(Reader.AGREES, 0, votes, 9, none, none, change, none)
        for votes, change in ((0, none), (1, sure), (2, none), (5, sure), (9, sure))
    ]
    assert enough(found, "auc_change") == 5
    assert enough(found, "recall_change") is None


def test_the_sample_day_is_labelled_whole_with_the_profiles_fields() -> None:
    names = {f.name for f in load_profile((ROOT / "profile.yaml").read_text("utf-8")).fields}
    lines = [json.loads(line) for line in SAMPLE_LABELS.read_text("utf-8").splitlines()]
    assert len({line["id"] for line in lines}) == 48
    assert {line["field"] for line in lines} == names | {None}


def run(*arguments: str, data: str | None = None) -> str:
    done = CliRunner().invoke(app, list(arguments), env={"DIGEST_DATA": data})
    assert done.exit_code == 0, done.output
    return done.output


def test_without_labels_the_sample_day_is_measured_and_it_says_what_is_missing(
    tmp_path: Path,
) -> None:
    said = run("--out", str(tmp_path), "--retest")
    assert "| local, last 1 day | 1 | 0." in said
    assert "DIGEST_DATA is not set" in said
    assert "one labelled day cannot show what triage learns" in said
    assert "| local | 1.000 |" in said, "the local scorer always selects the same"
    report = json.loads((tmp_path / "evaluation.json").read_text("utf-8"))
    [day] = report["scorers"][0]["days"]
    assert day["papers"] == 48
    assert (tmp_path / "evaluation.png").stat().st_size > 10_000
    assert (tmp_path / "evaluation.md").read_text("utf-8").startswith("| scorer |")


def test_days_of_ones_own_are_measured(tmp_path: Path) -> None:
    lines = [
        {
            "date": str(day.date),
            "id": label.paper.id,
            "title": label.paper.title,
            "abstract": label.paper.abstract,
            "score": label.score,
        }
        for day in (a_day(1), a_day(2))
        for label in day.labels
    ]
    file = a_file(tmp_path, *lines, "oops")
    said = run(
        "--labels",
        str(file),
        "--scorer",
        "triage",
        "--history",
        "1",
        "--votes",
        "--out",
        str(tmp_path),
    )
    assert "1 lines of labels were skipped: labels.jsonl, line 25: is no JSON" in said
    assert "| triage, 1 day of history |" in said
    assert "| reader | days of scores | votes |" in said
    assert "Surely better (as the model, 30 days of scores): the area" in said
    report = json.loads((tmp_path / "evaluation.json").read_text("utf-8"))
    assert [row["votes"] for row in report["votes"]][:3] == [0, 1, 2]


def test_wrong_options_are_named() -> None:
    for arguments, said in (
        (["--scorer", "language-model"], "LLM_MODEL"),
        (["--history", "week"], "1 7 30"),
        (["--labels", "none.jsonl", "--day", "today"], "today"),
    ):
        done = CliRunner().invoke(app, arguments, env={"DIGEST_DATA": None, "LLM_MODEL": None})
        assert done.exit_code == 2
        assert said in done.output


def test_a_language_model_is_measured_twice_by_its_settings(tmp_path: Path) -> None:
    with language_model() as server:
        said = run(
            *("--llm-base-url", server.base_url, "--llm-model", "test-model"),
            *("--retest", "--out", str(tmp_path)),
        )
    assert "| test-model, last 1 day | 1 | 0." in said
    assert "| 11 |\n" in said, "tokens a paper, as the server counts them"
    assert "| test-model | 1.000 |" in said
    per_call = load_profile((ROOT / "profile.yaml").read_text("utf-8")).papers_per_call
    assert len(server.requests) == 2 * math.ceil(48 / per_call), "two runs of the sample's papers"


def test_the_documented_figures_are_those_that_were_asked_for() -> None:
    rows = [
        [cell.strip().split(" ")[0] for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs/evaluation.md").read_text("utf-8").splitlines()
        if line.startswith(("| local, ", "| triage, "))
    ]
    areas = [float(row[2]) for row in rows]
    recalls = [float(row[3]) for row in rows]
    best = [float(row[4]) for row in rows]
    for found, floors in (
        (areas, (0.80, 0.76, 0.80, 0.87, 0.90)),
        (recalls[2:], (0.82, 0.90, 0.94)),
        (best[2:], (0.86, 0.93, 0.97)),
        ([float(rows[-1][5]), float(rows[-1][6])], (0.85, 0.85)),
    ):
        assert all(figure >= floor for figure, floor in zip(found, floors, strict=True))
