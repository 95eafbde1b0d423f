"""The papers of a month, for other programs and for the search."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from arxiv_digest.announcements import author_names
from arxiv_digest.models import Day, Failed, PapersOfDay, PapersOfMonth, Triaged
from arxiv_digest.rendering import render_month, render_papers, render_search
from tests.builders import DAY, a_digest, a_paper, papers, scored


def a_day(days_ago: int = 0, **changed: Any) -> PapersOfDay:
    paper = a_paper(**changed)
    day = DAY - timedelta(days=days_ago)
    return PapersOfDay.of(a_digest([(paper, scored(paper, 9))], date=day))


def called(script: bytes) -> tuple[str, list[str], list[list[Any]]]:
    """What a month's script calls the page with."""
    found = re.fullmatch(r"arxivDigestMonth\((.*)\);\n", script.decode(), re.DOTALL)
    assert found
    month, fields, rows = json.loads(f"[{found[1]}]")
    return month, fields, rows


def test_every_paper_that_was_read_stands_in_its_day_with_what_became_of_it() -> None:
    low, best, good, late, lost = papers(5)
    digest = a_digest(
        [
            (low, scored(low, 2, field=None)),
            (best, scored(best, 9.5, field="Agents")),
            (good, scored(good, 8)),
            (late, Triaged(paper_id=late.id, rank=7)),
            (lost, Failed(paper_id=lost.id, reason="no answer")),
        ]
    )
    found = json.loads(render_papers(digest))
    assert found["schema_version"] == 1
    assert found["date"] == "2026-01-22"
    told = [(p["id"], p["outcome"], p["score"], p["field"], p["reason"]) for p in found["papers"]]
    assert told == [
        (best.id, "recommended", 9.5, "Agents", f"About {best.id}."),
        (good.id, "recommended", 8.0, "Pruning", f"About {good.id}."),
        (low.id, "below", 2.0, None, f"About {low.id}."),
        (late.id, "triaged", None, None, ""),
        (lost.id, "failed", None, None, "no answer"),
    ]
    assert set(found["papers"][0]) >= {"date", "title", "authors", "categories"}
    assert PapersOfDay.model_validate(found) == PapersOfDay.of(digest)


def test_the_file_of_a_month_holds_its_days_in_order_each_paper_with_its_date() -> None:
    month = PapersOfMonth.model_validate_json(render_month("2026-01", [a_day(3), a_day(0)]))
    assert month.month == "2026-01"
    assert [paper.date for paper in month.papers] == [DAY - timedelta(days=3), DAY]
    assert b'"schema_version":1' in render_month("2026-01", [])


def test_the_script_of_a_month_calls_the_page_with_a_row_a_paper() -> None:
    none = a_paper(2, authors=())
    other = PapersOfDay.of(
        a_digest([(none, Failed(paper_id=none.id, reason="no"))], date=date(2026, 1, 5))
    )
    month, fields, rows = called(render_search("2026-01", [a_day(0), other]))
    assert month == "2026-01"
    assert fields == ["Pruning"]
    assert rows == [
        [22, "2601.00001", "Paper 1 on things", 9.0, 0, "Ada 1"],
        [5, "2601.00002", "Paper 2 on things", None, None, ""],
    ]


@given(st.text())
def test_no_title_can_end_the_script_or_change_what_it_says(text: str) -> None:
    title = f"{text}</script><!--\u2028\u2029"
    script = render_search("2026-01", [a_day(title=title)])
    assert script.isascii()
    assert b"<" not in script
    assert len(script.splitlines()) == 3
    called(script)


def test_a_hostile_title_is_the_same_in_the_page() -> None:
    title = "</script>\u2028 '\"\\u003c ); alert(1)"
    [[_, _, said, *_]] = called(render_search("2026-01", [a_day(title=title)]))[2]
    assert said == title


def test_a_month_of_real_papers_is_searched_in_less_than_700_kilobytes(digest_data: Path) -> None:
    lines = (digest_data / "seed-day-216-papers.jsonl").read_text("utf-8").splitlines()
    listed = []
    for number, row in enumerate(map(json.loads, lines)):
        paper = a_paper(number, title=row["title"], authors=author_names(row["authors"]))
        listed.append((paper, scored(paper, row["seed_score"] or 3, row["seed_field"])))
    days = [PapersOfDay.of(a_digest(listed, date=date(2026, 1, n))) for n in range(1, 23)]
    assert len(listed) == 216
    assert len(render_search("2026-01", days)) < 700_000


def test_a_line_of_the_index_counts_fields_and_names_the_best_paper() -> None:
    first, second, third = papers(3)
    day = Day.of(
        a_digest([(first, scored(first, 8)), (second, scored(second, 9)), (third, scored(third))])
    )
    assert day.best == second.title
    assert day.fields == {"Pruning": 3}
    nowhere = Day.of(a_digest([(first, scored(first, 8, field=None))]))
    assert nowhere.fields == {"": 1}
    assert Day.of(a_digest([])).best == ""


def test_a_line_that_was_written_before_there_were_fields_still_reads() -> None:
    line = '{"date":"2026-01-22","announced":3,"recommended":1,"tokens":9,"failed":0}'
    assert Day.model_validate_json(line).fields == {}
