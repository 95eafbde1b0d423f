"""Measure how well a scorer ranks labelled days: the command behind `make eval`."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer

from arxiv_digest.adapters.llm import LanguageModel
from arxiv_digest.announcements import merge, parse_feed
from arxiv_digest.local import score_day
from arxiv_digest.models import Paper
from arxiv_digest.profile import Profile, ProfileError, load_profile
from arxiv_digest.scoring import NoAnswer
from evaluation.ablations import ablations, unguarded
from evaluation.closed_loop import HISTORY, LESSONS, Change, Loop, add_fields, simulate
from evaluation.labels import LabelledDay, LabelsError, read_labels, read_retest
from evaluation.measures import Interval, jaccard, over_days, over_papers
from evaluation.report import Measured, Report, as_json, as_table, draw, per_day
from evaluation.rolling import Ranker, by_language_model, lexical, roll, unread
from evaluation.terms import KeptCounts
from evaluation.votes import simulate_votes
from local.emulator import ROOT
from local.feeds import SAMPLE

SAMPLE_LABELS = ROOT / "evaluation/sample-labels.jsonl"
SAMPLE_DAY = dt.date.fromisoformat(SAMPLE.name)


class Scorer(StrEnum):
    """What is measured; ``everything`` is what docs/evaluation.md shows."""

    EVERYTHING = "everything"
    LOCAL = "local"
    TRIAGE = "triage"
    LANGUAGE_MODEL = "language-model"


class Source(NamedTuple):
    """Labelled days: those in a row, with papers read before left out, and others by name."""

    days: Sequence[LabelledDay]
    others: Mapping[str, LabelledDay]
    retest: Path | None
    notes: Sequence[str]


class Task(NamedTuple):
    """What is measured on: the labels, the reader's profile, and the options of the command."""

    source: Source
    profile: Profile
    days: int
    keep: float
    audit: float
    terms: KeptCounts


app = typer.Typer(add_completion=False, help=__doc__)


def say(line: str) -> None:
    """Print one line of progress, where it does not mix with the table."""
    typer.echo(line, err=True)


@app.command()
def evaluate(
    scorer: Annotated[
        Scorer, typer.Option(envvar="SCORER", help="what to measure")
    ] = Scorer.EVERYTHING,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="a file of labelled papers, once for each; the format is in docs/evaluation.md. "
            "Without any, those in DIGEST_DATA, or else the sample day"
        ),
    ] = None,
    feeds: Annotated[
        Path | None,
        typer.Option(help="a folder of <category>.xml feeds, for labels without title or abstract"),
    ] = None,
    day: Annotated[
        str, typer.Option(help="the date of labels without one, such as 2026-01-22")
    ] = "",
    days: Annotated[
        int, typer.Option(min=1, help="test on this many of the last labelled days")
    ] = 14,
    history: Annotated[
        str, typer.Option(help="days of history that triage learns from, one or several numbers")
    ] = "1 7 30",
    keep: Annotated[
        float, typer.Option(min=0.01, max=1, help="the share of a day that triage keeps")
    ] = 0.5,
    audit: Annotated[
        float, typer.Option(min=0, max=1, help="the share of the others that is scored anyway")
    ] = 0.03,
    retest: Annotated[
        bool,
        typer.Option(
            envvar="RETEST", help="score every day twice: the Jaccard of the two selections"
        ),
    ] = False,
    votes: Annotated[
        bool,
        typer.Option(
            envvar="VOTES", help="also: how many votes it takes until the next day is ranked better"
        ),
    ] = False,
    with_ablations: Annotated[
        bool,
        typer.Option("--ablations", help="also: each decision of the ranking changed; minutes"),
    ] = False,
    by_day: Annotated[bool, typer.Option("--by-day", help="print each day's figures, too")] = False,
    profile: Annotated[
        Path, typer.Option(envvar="PROFILE", show_default="profile.yaml", help="the profile to use")
    ] = ROOT / "profile.yaml",
    out: Annotated[Path, typer.Option(help="folder for table, JSON and picture")] = Path(
        "evaluation-report"
    ),
    llm_base_url: Annotated[
        str, typer.Option(envvar="LLM_BASE_URL", help="an OpenAI-compatible API; empty is OpenAI's")
    ] = "",
    llm_model: Annotated[
        str, typer.Option(envvar="LLM_MODEL", help="the language model to measure")
    ] = "",
) -> None:
    """Measure a scorer on labelled days, and write a table, a JSON and a picture.

    Triage is trained for each day on the days before it. An API key is read from the environment
    variable LLM_API_KEY; naming LLM_MODEL measures that model.
    """
    began = time.monotonic()
    if scorer is Scorer.EVERYTHING and llm_model:
        scorer = Scorer.LANGUAGE_MODEL
    if scorer is Scorer.LANGUAGE_MODEL and not llm_model:
        raise typer.BadParameter("a language model needs LLM_MODEL, its name")
    reader = _profile(profile)
    lengths = _lengths(history)
    source = _source(labels or [], feeds, day, reader)
    for note in source.notes:
        say(note)
    task = Task(source, reader, days, keep, audit, KeptCounts())
    measured: list[Measured] = []
    agreements: list[tuple[str, Interval]] = []
    notes = list(source.notes)
    if scorer is not Scorer.TRIAGE:
        name, ranker = "local", lexical(reader, task.terms)
        if scorer is Scorer.LANGUAGE_MODEL:
            key = os.environ.get("LLM_API_KEY") or "none"
            model = LanguageModel(llm_base_url, llm_model, key)
            name, ranker = llm_model, by_language_model(reader, model.ask, say)
        measured += _one_scorer(task, name, ranker)
        if retest:
            say("scoring every day once more")
            before = [day.selected for one in measured for day in one.days]
            agreements.append((name, _again(task, before, ranker)))
    if scorer in (Scorer.EVERYTHING, Scorer.TRIAGE):
        if len(source.days) > 1:
            measured += _triage(task, lengths)
        else:
            notes.append(
                "one labelled day cannot show what triage learns from the days before it; "
                "label several, or set DIGEST_DATA"
            )
    report = Report(measured, notes, agreements)
    if scorer is Scorer.EVERYTHING and source.retest:
        report = report._replace(agreements=[_ceiling(source.retest, reader), *agreements])
    if scorer is Scorer.EVERYTHING and len(source.days) > 1:
        say("adding each field to a profile without it")
        changes = add_fields(source.days, days, reader, keep, task.terms)
        report = report._replace(loops=_loops(task, source.days), changes=changes)
    if votes:
        if len(source.days) > 1:
            say("simulating a reader who votes")
            found = simulate_votes(source.days, days, reader, keep, task.terms)
            report = report._replace(votes=found)
        else:
            notes.append("one labelled day cannot show what votes on the days before it teach")
    if with_ablations:
        report = report._replace(
            ablations=_ablations(task),
            earlier_loops=_loops(task, source.days[:-days]),
            unguarded=_unguarded(task),
        )
    settings = {
        "profile": profile.name,
        "days": days,
        "history": lengths,
        "keep": keep,
        "audit": audit,
        "scorer": scorer.value,
        "model": llm_model,
    }
    _write(report, settings, out, reader, keep, by_day)
    say(f"{time.monotonic() - began:.0f} seconds; table, JSON and picture are in {out}")


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _write(
    report: Report,
    settings: dict[str, object],
    out: Path,
    profile: Profile,
    keep: float,
    by_day: bool,
) -> None:
    table = as_table(report, profile.minimum_score, keep)
    details = "\n\n".join(per_day(one) for one in report.measured)
    out.mkdir(parents=True, exist_ok=True)
    (out / "evaluation.md").write_text(f"{table}\n{details}\n", "utf-8")
    (out / "evaluation.json").write_text(as_json(report, settings), "utf-8")
    draw(report.measured, out / "evaluation.png", keep)
    typer.echo(f"{table}\n{details}" if by_day else table)


def _one_scorer(task: Task, name: str, ranker: Ranker) -> list[Measured]:
    """A scorer that learns nothing, on the days that stand by themselves and on the last ones."""
    measured = []
    for title, day in task.source.others.items():
        say(f"{name}: {title}")
        figures = roll([day], 1, 0, ranker, task.profile, task.keep)
        measured.append(Measured(f"{name}, {title}", figures))
    if task.source.days:
        last = f"last {_days(min(task.days, len(task.source.days)))}"
        say(f"{name}: the {last}")
        figures = roll(task.source.days, task.days, 0, ranker, task.profile, task.keep)
        measured.append(Measured(f"{name}, {last}", figures))
    return measured


def _triage(task: Task, lengths: Sequence[int]) -> list[Measured]:
    ranker = lexical(task.profile, task.terms)
    measured = []
    for length in lengths:
        name = f"triage, {_days(length)} of history"
        say(name)
        figures = roll(task.source.days, task.days, length, ranker, task.profile, task.keep)
        measured.append(Measured(name, figures))
    return measured


def _again(task: Task, before: Sequence[frozenset[str] | None], ranker: Ranker) -> Interval:
    """The Jaccard over days of what two runs select; ``before`` is what the first one selected."""
    last = [day for day in task.source.days[-task.days :] if day.labels]

    def locally(day: LabelledDay) -> frozenset[str]:
        scored = score_day(day.papers, task.profile).values()
        return frozenset(one.paper_id for one in scored if one.score >= task.profile.minimum_score)

    return over_days(
        [
            jaccard(locally(day), locally(day))
            if selected is None
            else jaccard(selected, ranker(day, ()).selected or frozenset())
            for day, selected in zip([*task.source.others.values(), *last], before, strict=True)
        ]
    )


def _ceiling(retest: Path, profile: Profile) -> tuple[str, Interval]:
    first, second = (
        np.array([(score or 0) >= profile.minimum_score for score in scores])
        for scores in zip(*read_retest(retest), strict=True)
    )
    return "the labels' own model (noise ceiling)", over_papers(first, second)


def _loops(task: Task, tested: Sequence[LabelledDay]) -> list[Loop]:
    loops = []
    for lesson in LESSONS:
        say(f"closed loop: {lesson}")
        loop = simulate(tested, task.days, lesson, task.profile, task.keep, task.audit, task.terms)
        loops.append(loop)
    return loops


def _ablations(task: Task) -> list[Measured]:
    """Measured on the days before the tested ones, on which the decisions were made."""
    earlier = task.source.days[: -task.days]
    ranker = lexical(task.profile, task.terms)
    measured = []
    for name, changed in ablations().items():
        say(f"ablation: {name}")
        with changed:
            figures = roll(earlier, task.days, HISTORY, ranker, task.profile, task.keep)
        measured.append(Measured(name, figures))
    return measured


def _unguarded(task: Task) -> list[Change]:
    say("adding each field to a profile without it, unguarded")
    with unguarded():
        return add_fields(task.source.days, task.days, task.profile, task.keep, task.terms)


def _source(labels: Sequence[Path], feeds: Path | None, day: str, profile: Profile) -> Source:
    """Where the labels come from: files that are named, DIGEST_DATA, or the sample day."""
    data = os.environ.get("DIGEST_DATA")
    if labels or not data:
        folder = feeds if labels else SAMPLE
        papers = _papers(folder, profile) if folder else {}
        date = _date(day) if labels else SAMPLE_DAY
        read = read_labels(labels or [SAMPLE_LABELS], papers, date)
        if not read.days:
            raise LabelsError("; ".join(_problems(read.problems)) or "the labels hold no line")
        missing = (
            "DIGEST_DATA is not set, so only the sample day is measured: 48 papers, labelled by "
            "one of this project's authors. DIGEST_DATA names a folder with labels/ (44 days), a "
            "day of 216 papers and a retest; they show what triage learns, and how much of the "
            "labels is noise"
        )
        notes = [*_problems(read.problems), *([] if labels else [missing])]
        return Source(unread(read.days), {}, None, notes)
    folder = Path(data)
    pool = read_labels(sorted(folder.glob("labels/pool-*.jsonl*")))
    seed = read_labels(sorted(folder.glob("seed-day-*.jsonl")))
    retests = sorted(folder.glob("labels/retest-*.jsonl*"))
    notes = [
        *_problems((*pool.problems, *seed.problems)),
        *(
            f"{folder} holds no {name}"
            for name, there in (
                ("labels/pool-*.jsonl.gz", pool.days),
                ("seed-day-*.jsonl", seed.days),
                ("labels/retest-*.jsonl.gz", retests),
            )
            if not there
        ),
    ]
    others = {f"a day of {len(one.labels)} papers": one for one in seed.days}
    if not (pool.days or others):
        raise typer.BadParameter(f"DIGEST_DATA: {'; '.join(notes)}")
    return Source(unread(pool.days), others, retests[0] if retests else None, notes)


def _problems(problems: Sequence[str], shown: int = 10) -> list[str]:
    more = [f"and {len(problems) - shown} more"] if len(problems) > shown else []
    heading = f"{len(problems)} lines of labels were skipped: "
    return [heading + "; ".join([*problems[:shown], *more])] if problems else []


def _papers(folder: Path, profile: Profile) -> dict[str, Paper]:
    if not folder.is_dir():
        raise typer.BadParameter(f"there is no folder {folder}; it holds <category>.xml feeds")
    read = (
        parse_feed(file.read_bytes(), file.stem).papers for file in sorted(folder.glob("*.xml"))
    )
    return {paper.id: paper for paper in merge(read, profile.announce_types).papers}


def _profile(file: Path) -> Profile:
    try:
        return load_profile(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as problem:
        raise typer.BadParameter(f"{file} cannot be read ({problem}); PROFILE names it") from None


def _lengths(history: str) -> list[int]:
    try:
        lengths = [int(number) for number in history.replace(",", " ").split()]
    except ValueError:
        lengths = []
    if not lengths or min(lengths) < 1:
        raise typer.BadParameter(f"history is {history!r}; write days such as '1 7 30'")
    return lengths


def _date(day: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(day) if day else None
    except ValueError:
        raise typer.BadParameter(f"{day!r} is no date; write it as 2026-01-22") from None


def main() -> None:
    """Run the command; what can go wrong is one clear message."""
    try:
        app()
    except (LabelsError, ProfileError, NoAnswer) as problem:
        say(f"error: {problem}")
        sys.exit(1)


if __name__ == "__main__":
    main()
