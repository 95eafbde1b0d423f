"""What benchmarks measure is what they say, and their tables say what was measured."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from arxiv_digest.announcements import parse_feed
from arxiv_digest.models import FeedState
from benchmarks import __main__ as every
from benchmarks import alone, cold_starts, growth, large_days, throughput
from benchmarks.cold_starts import Calls
from benchmarks.growth import DOUBLED, PAPERS_OF_A_DAY, Taken, Work
from benchmarks.large_days import DAY
from benchmarks.requests import Template
from benchmarks.table import bounded, head, line, ratio
from benchmarks.throughput import Measured
from local.emulator import ROOT
from tests.builders import a_profile, papers

KNOWN = [
    paper.model_copy(update={"categories": categories})
    for paper, categories in zip(papers(3), [(), ("cs.CV",), ()], strict=True)
]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


# ------------------------------------------------------------------------------ large days


def test_a_large_day_has_the_known_papers_in_turn_under_ids_of_their_own() -> None:
    day = large_days.many(KNOWN, 7, DAY, a_profile())
    assert [paper.title for paper in day] == [KNOWN[n % 3].title for n in range(7)]
    assert len({paper.id for paper in day}) == 7
    assert {paper.announced for paper in day} == {DAY}
    assert [paper.categories for paper in day[:3]] == [("cs.LG",), ("cs.CV",), ("cs.LG",)]


def test_half_of_a_large_day_is_its_first_half() -> None:
    whole = large_days.many(KNOWN, 8, DAY, a_profile())
    assert large_days.many(KNOWN, 4, DAY, a_profile()) == whole[:4]


def test_a_quarter_of_a_large_day_is_recommended_for_every_field() -> None:
    profile = a_profile()
    day = large_days.many(KNOWN, 380, DAY, profile)
    given = [large_days.score_of(number, paper, profile) for number, paper in enumerate(day)]
    good = [one for one in given if one.score >= profile.minimum_score]
    assert 0.2 < len(good) / len(given) < 0.3
    assert {one.field for one in good} == {field.name for field in profile.fields}
    assert all(bool(one.reason) is (one in good) for one in given)


def test_history_is_of_whole_days_before_the_large_one() -> None:
    past = large_days.history(KNOWN, 2, a_profile())
    dates = [one.date for one in past]
    assert dates == [
        *[DAY - timedelta(days=2)] * PAPERS_OF_A_DAY,
        *[DAY - timedelta(days=1)] * PAPERS_OF_A_DAY,
    ]
    ids = {one.paper.id for one in past}
    assert len(ids) == len(past)
    # Papers of the day are not learned from.
    assert not ids & {paper.id for paper in large_days.many(KNOWN, 2000, DAY, a_profile())}


# ------------------------------------------------------------------------------ work


def test_the_feed_that_is_parsed_has_all_papers(tmp_path: Path) -> None:
    large_days.write_parse(tmp_path, KNOWN, 5, a_profile())
    work = alone.parse()
    reading = parse_feed(work.read(tmp_path), "cs.LG").reading
    assert (reading.state, reading.items) == (FeedState.FRESH, 5)
    work.do(work.read(tmp_path))


def test_the_run_that_is_rendered_has_all_papers_scored(tmp_path: Path) -> None:
    large_days.write_digest(tmp_path, KNOWN, 100, a_profile())
    work = alone.digest()
    run, batches, outcomes = work.read(tmp_path)
    assert run.announced == 100
    ids = [paper.id for batch in batches for paper in batch.papers]
    assert len(ids) == 100
    assert set(ids) == set(outcomes)
    work.do((run, batches, outcomes))


def test_the_day_that_is_triaged_has_half_the_history_for_half_the_papers(tmp_path: Path) -> None:
    profile = a_profile()
    for name, count in (("half", growth.TRIAGED // 2), ("whole", growth.TRIAGED)):
        (tmp_path / name).mkdir()
        large_days.write_triage(tmp_path / name, KNOWN, count, profile)
    work = alone.triage()
    (half, less), (whole, more) = (work.read(tmp_path / name) for name in ("half", "whole"))
    assert (2 * len(half), 2 * len(less)) == (len(whole), len(more))
    assert len(more) == growth.HISTORY_DAYS * PAPERS_OF_A_DAY


def test_every_piece_of_work_has_an_input_and_something_to_do() -> None:
    names = [work.name for work in growth.WORKS]
    assert names == list(large_days.WRITERS) == list(alone.WORKS)


# ------------------------------------------------------------------------------ tables


def test_the_table_of_growth_compares_with_half_and_with_the_bound_of_memory() -> None:
    work = Work("parse", "parse a feed", 2000, 256)
    taken = Taken(whole=3.2, half=1.5, growth=2.2, imports=40, peak=64)
    time, doubled, memory = growth.rows(work, taken)
    assert cells(time) == ["parse a feed", "3.20 s", "", ""]
    assert cells(doubled)[1:] == ["2.20 times", f"{DOUBLED} times", "1.00"]
    assert "40 MB" in memory
    assert cells(memory)[1:] == ["64 MB", "256 MB", "0.25"]


def test_the_table_of_imports_compares_with_boto3_what_is_bounded() -> None:
    seconds = {
        "boto3": [0.5, 0.5, 5.0],
        "Fetch": [0.8, 0.95, 9.0],
        "Score": [1.0, 1.1, 5.0],
        "Aggregate": [0.4, 0.4, 0.5],
        "Vote": [0.5, 0.6, 0.6],
    }
    boto3, fetch, score, aggregate, vote = map(cells, cold_starts.import_rows(seconds))
    assert boto3[1] == "0.50 s"
    assert fetch[1:] == ["1.60 times", "1.6 times", "1.00"]
    assert score[1:] == ["2.00 times", "", ""]
    assert aggregate[1:] == ["0.80 times", "1.6 times", "0.50"]
    assert vote[1:] == ["1.00 times", "", ""]


def test_the_table_of_sizes_has_each_package_and_layer_once_and_adds_them_up() -> None:
    layer = {"DependenciesLayer": 100 * 2**20}
    parts = {
        "FetchFunction": {"Fetch": 25 * 2**20, **layer},
        "VoteFunction": {"Vote": 4096, **layer},
    }
    *alone, fetch, vote = map(cells, cold_starts.size_rows(parts))
    assert [row[:2] for row in alone] == [
        ["Fetch alone", "25,600 KB"],
        ["DependenciesLayer alone", "102,400 KB"],
        ["Vote alone", "4 KB"],
    ]
    assert fetch[1:] == ["125 MB", "250 MB", "0.50"]
    assert vote[1:] == ["100 MB", "250 MB", "0.40"]


def test_the_table_of_calls_has_the_first_one_and_the_next_ones() -> None:
    first, warm = cold_starts.call_rows({"Fetch": Calls(first=1.25, warm=0.06)})
    assert (cells(first)[1], cells(warm)[1]) == ("1.25 s", "0.06 s")


def test_variables_are_as_large_as_the_template_makes_them_on_aws() -> None:
    variables = {
        "ONE": {"Fn::If": ["OnOneMachine", "", "1"]},
        "TWO": "two",
        "DIGEST_RECIPIENTS": {},
    }
    template = Template({}, variables)
    assert template.variables_bytes == len("ONE1TWOtwoDIGEST_RECIPIENTS")


def test_what_a_stack_has_only_with_votes_is_not_counted_and_the_readme_says_so() -> None:
    template = Template.read()
    named = {"eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12}
    readme = (ROOT / "README.md").read_text("utf-8")
    [said] = re.findall(r"^\| CloudWatch: (\w+) alarms", readme, re.MULTILINE)
    assert template.count("CloudWatch::Alarm") == named[said]
    [more] = re.findall(r"with `Votes`: a second secret, \S+, and (\w+) alarms", readme)
    alarms = [one for one in template.resources.values() if one["Type"].endswith("::Alarm")]
    assert len(alarms) == named[said] + {"one": 1, "two": 2, "three": 3}[more]


def test_a_day_stands_beside_what_the_model_alone_takes_and_a_plain_loop() -> None:
    day, loop = throughput.rows({734: Measured(17, 1.0, 21.0, 2.0)}, 150.0)
    assert cells(day)[1:] == ["1.050 times", "1.10 times", "0.95"]
    assert "21.0 s of 20 s" in day
    assert cells(loop)[1:] == ["7.1 times", "at least 4 times", "0.56"]


def test_one_table_has_all_lines_with_a_bound_and_no_other() -> None:
    printed = f"""Imports:

{head()}
| boto3 | 1.20 s | | |
| fetch | 1.39 times | 1.6 times | 0.87 |

| papers | batches | measured | bound |
| --: | --: | --: | --: |
| 216 | 5 | 10.2 s | 1.10 |
{head()}
| loop | 7.3 times | at least 4 times | 0.55 |
"""
    assert [cells[0] for cells in bounded(printed.splitlines())] == ["fetch", "loop"]


def test_what_is_over_its_bound_is_told_and_never_rounded_to_it() -> None:
    rows = [["within", "1.05", "1.05", ratio(1.0)], ["over", "1.051", "1.05", ratio(1.0004)]]
    assert every.over(rows) == ["over"]


def test_make_bench_fails_where_a_bound_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every, "ROOT", tmp_path)
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    for name, of_bound in (("within", "1.00"), ("beyond", "1.01")):
        row = line(f"what is {name}", 1, 1, of_bound)
        (folder / f"{name}.py").write_text(f"print({head()!r}, {row!r}, sep='\\n')")

    monkeypatch.setattr(every, "BENCHMARKS", ("within",))
    every.main()

    monkeypatch.setattr(every, "BENCHMARKS", ("within", "beyond"))
    with pytest.raises(SystemExit, match="^over its bound: what is beyond$"):
        every.main()


def test_make_bench_runs_what_is_there() -> None:
    folder = Path(every.__file__).parent
    runnable = {
        f.stem for f in folder.glob("*.py") if "\ndef main() -> None:" in f.read_text("utf-8")
    }
    assert runnable - {"__main__", "large_days", "alone", "tokenizer"} == set(every.BENCHMARKS)
