"""Measure a scorer on labelled days: the local one, triage, or a language model."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from arxiv_digest.adapters.llm import LanguageModel
from arxiv_digest.announcements import merge, parse_feed
from arxiv_digest.models import Paper
from arxiv_digest.profile import Profile, ProfileError, load_profile
from evaluation import scorers
from evaluation.labels import Label, Labels, read_labels
from evaluation.measures import Measures, field_accuracy, jaccard, measure_day
from evaluation.report import Row, table, write
from local.emulator import ROOT
from local.feeds import SAMPLE as SAMPLE_FEEDS

SAMPLE_LABELS = ROOT / "evaluation/sample-labels.jsonl"
HELD_OUT = 14
"""The newest labelled days, of which alone is reported."""


class Kind(StrEnum):
    """What is measured."""

    ALL = "all"
    LOCAL = "local"
    TRIAGE = "triage"
    LANGUAGE_MODEL = "language-model"


def say(line: str) -> None:
    """Print a line of progress beside the report."""
    typer.echo(line, err=True)


def measured(
    name: str,
    scorer: scorers.Scorer,
    days: dict[dt.date, list[Label]],
    profile: Profile,
    keep: float,
) -> Row:
    """A scorer on some days; papers that a scorer does not score count with an interest of 0."""
    fields = [field.name for field in profile.fields]
    found: dict[str, Measures] = {}
    began = time.monotonic()
    for number, (day, labels) in enumerate(days.items(), start=1):
        made = scorer(day, labels)
        told = measure_day(labels, made.interest, profile.minimum_score, keep)
        accuracy = field_accuracy(labels, made.scored, fields)
        if accuracy is not None:
            told["field"] = accuracy
        if made.tokens.total:
            told["tokens"] = made.tokens.total / len(labels)
        found[str(day)] = told
        say(f"{name}: day {number} of {len(days)}, {time.monotonic() - began:.0f} s")
    return Row(name, found)


def unseen(known: Labels, days: Iterable[dt.date]) -> dict[dt.date, list[Label]]:
    """Some days, each without the papers that an earlier day had."""
    first: dict[str, dt.date] = {}
    for day, labels in known.days.items():
        for label in labels:
            first.setdefault(label.id, day)
    return {day: [label for label in known.days[day] if first[label.id] == day] for day in days}


def noise(file: Path, threshold: float) -> dict[str, Any]:
    """How well a model agrees with itself: two scores of the same papers, a pair on each line."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines]
    selections = [
        {pair["id"] for pair in pairs if (pair[key] or 0) >= threshold}
        for key in ("score1", "score2")
    ]
    return {"papers": len(pairs), "jaccard": jaccard(*selections)}


def retested(
    scorer: scorers.Scorer, days: dict[dt.date, list[Label]], profile: Profile
) -> dict[str, float]:
    """The Jaccard of the selections of two runs, by day."""
    found: dict[str, float] = {}
    for day, labels in days.items():
        one, other = (
            {
                paper_id
                for paper_id, scored in scorer(day, labels).scored.items()
                if scored.score >= profile.minimum_score
            }
            for _ in range(2)
        )
        found[str(day)] = jaccard(one, other)
        say(f"{day}: two runs agree on {found[str(day)]:.2f} of what either recommends")
    return found


def known_labels(
    files: Sequence[Path], data: Path | None, profile: Profile
) -> tuple[Labels, Path | None]:
    """The labels to measure by, and the file of one day that is measured by itself, if any."""
    if files:
        return joined(read_labels(file) for file in files), None
    if data:
        pools = sorted((data / "labels").glob("pool-*.jsonl.gz"))
        if not pools:
            missing = f"{data}/labels has no pool-*.jsonl.gz"
            raise typer.BadParameter(missing, param_hint="DIGEST_DATA")
        return joined(read_labels(file) for file in pools), data / "seed-day-216-papers.jsonl"
    say(
        "DIGEST_DATA is not set, so the one labelled day of the sample is measured. More days, in"
        " LABELS or under $DIGEST_DATA/labels, would tell how much days differ, and what triage"
        " learns from earlier ones."
    )
    return read_labels(SAMPLE_LABELS, sample_papers(profile)), None


def sample_papers(profile: Profile) -> list[Paper]:
    """The papers of the sample's feeds."""
    feeds = [
        parse_feed((SAMPLE_FEEDS / f"{category}.xml").read_bytes(), category).papers
        for category in profile.categories
        if (SAMPLE_FEEDS / f"{category}.xml").exists()
    ]
    return list(merge(feeds, profile.announce_types).papers)


def joined(parts: Iterable[Labels]) -> Labels:
    """Several label files as one; a day that two of them have is that of the last."""
    days: dict[dt.date, list[Label]] = {}
    problems: list[str] = []
    for part in parts:
        days |= part.days
        problems += part.problems
    return Labels(dict(sorted(days.items())), problems)


def main(
    scorer: Annotated[Kind, typer.Option(envvar="SCORER", help="what to measure")] = Kind.ALL,
    labels: Annotated[
        str, typer.Option(envvar="LABELS", help="label files, by commas; see docs/evaluation.md")
    ] = "",
    data: Annotated[
        Path | None, typer.Option(envvar="DIGEST_DATA", help="folder of the labelled days")
    ] = None,
    days: Annotated[
        int, typer.Option(envvar="DAYS", min=1, help="the newest days to measure")
    ] = HELD_OUT,
    history: Annotated[
        str, typer.Option(envvar="HISTORY", help="days of history that triage learns from")
    ] = "1 7 30",
    keep: Annotated[
        float, typer.Option(envvar="KEEP", min=0.01, max=1, help="the share that recall is of")
    ] = 0.5,
    retest: Annotated[
        bool, typer.Option(envvar="RETEST", help="score twice, and compare the selections")
    ] = False,
    profile_file: Annotated[
        Path, typer.Option("--profile", envvar="PROFILE", help="the profile to score by")
    ] = ROOT / "profile.yaml",
    out: Annotated[
        Path, typer.Option(envvar="OUT_REPORT", help="folder for report.md, .json and .svg")
    ] = Path("evaluation-report"),
    llm_base_url: Annotated[
        str, typer.Option(envvar="LLM_BASE_URL", help="an OpenAI-compatible API")
    ] = "",
    llm_model: Annotated[
        str, typer.Option(envvar="LLM_MODEL", help="the model, for the scorer language-model")
    ] = "",
) -> None:
    """Measure a scorer on labelled days: the local one, triage, or a language model.

    A language model's API key is read from the environment variable LLM_API_KEY.
    """
    try:
        profile = load_profile(profile_file.read_text("utf-8"), str(profile_file))
        known, one_day = known_labels(
            [Path(name) for name in labels.split(",") if name], data, profile
        )
    except (OSError, ProfileError) as problem:
        say(f"{problem}")
        raise typer.Exit(2) from None
    for line in known.problems:
        say(f"left out: {line}")
    if not known.days:
        say("there is no labelled day to measure")
        raise typer.Exit(2)
    held_out = unseen(known, list(known.days)[-days:])
    rows: list[Row] = []
    notes: dict[str, Any] = {"problems": known.problems, "papers": known.papers}
    if scorer is Kind.LANGUAGE_MODEL:
        if not llm_model:
            raise typer.BadParameter("name the model in LLM_MODEL", param_hint="SCORER")
        key = os.environ.get("LLM_API_KEY", "none")
        model = scorers.language_model(profile, LanguageModel(llm_base_url, llm_model, key), say)
        rows.append(measured(llm_model, model, held_out, profile, keep))
        if retest:
            notes["retest"] = retested(model, held_out, profile)
    if scorer in (Kind.ALL, Kind.LOCAL):
        local = scorers.local(profile)
        if one_day:
            seed = read_labels(one_day)
            rows.append(measured("local, one day of 216", local, seed.days, profile, keep))
        rows.append(measured("local", local, held_out, profile, keep))
        if retest:
            notes["retest"] = retested(local, held_out, profile)
    if scorer in (Kind.ALL, Kind.TRIAGE) and len(known.days) > 1:
        for count in map(int, history.split()):
            ranker = scorers.triage(profile, known, count)
            rows.append(measured(f"triage, {count} d", ranker, held_out, profile, keep))
    if data:
        for file in sorted((data / "labels").glob("retest-*.jsonl.gz")):
            notes[file.name.removesuffix(".jsonl.gz")] = noise(file, profile.minimum_score)
    write(out, rows, notes)
    typer.echo(table(rows))
    for name, value in notes.items():
        if name.startswith("retest"):
            typer.echo(f"{name}: {value}")
    typer.echo(f"{out}/report.md, report.json and report.svg")


if __name__ == "__main__":
    typer.run(main)
