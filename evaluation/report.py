"""What was measured as a table, as JSON and as a picture."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evaluation.closed_loop import Change, Loop
from evaluation.measures import Interval, over_days
from evaluation.rolling import SHARES, DayFigures
from evaluation.votes import Voted, enough

MEASURES = ("auc", "recall", "recall of the best", "ndcg@10", "ndcg@30", "field accuracy")


class Measured(NamedTuple):
    """The figures of one scorer over some days, by the name a table gives it."""

    name: str
    days: Sequence[DayFigures]

    @property
    def overall(self) -> dict[str, Interval]:
        """Each measure's mean over days, with interval and worst day."""
        return {name: over_days([day.measures[name] for day in self.days]) for name in MEASURES}


class Report(NamedTuple):
    """All that was measured; what was not is empty. ``notes`` say what is missing and why."""

    measured: Sequence[Measured]
    notes: Sequence[str] = ()
    agreements: Sequence[tuple[str, Interval]] = ()
    loops: Sequence[Loop] = ()
    changes: Sequence[Change] = ()
    ablations: Sequence[Measured] = ()
    earlier_loops: Sequence[Loop] = ()
    unguarded: Sequence[Change] = ()
    votes: Sequence[Voted] = ()


def as_table(report: Report, threshold: float, keep: float) -> str:
    """The report in Markdown: means over days, 95 % intervals in brackets, the worst day."""
    parts = [
        _figures(report.measured, threshold, keep),
        _agreements(report.agreements),
        _loops(report.loops, threshold, keep),
        _changes(report.changes, keep),
        _votes(report.votes, threshold, keep),
    ]
    if report.ablations:
        parts.append(
            "The same with one decision changed, on the days before those tested above.\n\n"
            + _figures(report.ablations, threshold, keep)
        )
    if report.earlier_loops:
        parts.append(
            "The closed loop on the days before those tested above.\n\n"
            + _loops(report.earlier_loops, threshold, keep)
        )
    if report.unguarded:
        parts.append(
            "An added field where history is taught as though the profile had always had it.\n\n"
            + _changes(report.unguarded, keep)
        )
    parts += [f"Note: {note}" for note in report.notes]
    return "\n\n".join(part for part in parts if part) + "\n"


def per_day(measured: Measured) -> str:
    """The figures of each day in Markdown."""
    rows = [
        [str(day.date), str(day.papers), str(day.recommended)]
        + [_number(day.measures[name]) for name in MEASURES]
        for day in measured.days
    ]
    return f"{measured.name}\n\n" + _table(["day", "papers", "recommended", *MEASURES], rows)


def as_json(report: Report, settings: dict[str, Any]) -> str:
    """The report as JSON, with each day's figures; what has no value is null."""
    data = {
        "settings": settings,
        "scorers": [_scorer(measured) for measured in report.measured],
        "agreements": {name: value._asdict() for name, value in report.agreements},
        "closed_loop": [_loop(loop) for loop in report.loops],
        "added_field": [change._asdict() for change in report.changes],
        "earlier_closed_loop": [_loop(loop) for loop in report.earlier_loops],
        "added_field_unguarded": [change._asdict() for change in report.unguarded],
        "votes": [_vote(one) for one in report.votes],
        "ablations": [_scorer(measured) for measured in report.ablations],
        "notes": list(report.notes),
    }
    return json.dumps(_finite(data), ensure_ascii=False, indent=1, default=str) + "\n"


def draw(measured: Sequence[Measured], file: Path, keep: float) -> None:
    """Draw recall by kept share, and the area under the curve by day, as a picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for one, color in zip(
        measured, plt.cm.viridis(np.linspace(0, 0.85, len(measured))), strict=True
    ):
        recalls = np.nanmean([day.recalls for day in one.days], axis=0)
        left.plot([0, *SHARES], [0, *recalls], color=color, label=one.name)
        areas = [day.measures["auc"] for day in one.days]
        if len(areas) > 1:
            dates = [day.date.strftime("%m-%d") for day in one.days]
            right.plot(dates, areas, "o-", color=color, markersize=3)
    left.axvline(keep, color="0.7", linewidth=0.8)
    left.plot([0, 1], [0, 1], ":", color="0.6", linewidth=0.8)
    left.set(xlabel="share of a day kept", ylabel="recommended papers kept", ylim=(0, 1.01))
    left.legend(frameon=False, loc="lower right")
    right.set(ylabel="area under the curve", ylim=(0.5, 1))
    right.tick_params(axis="x", rotation=60)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _figures(measured: Sequence[Measured], threshold: float, keep: float) -> str:
    rows = []
    for one in measured:
        overall = one.overall
        row = [one.name, str(len(one.days))]
        row += [_interval(overall[name]) for name in MEASURES[:3]]
        row += [_number(overall["auc"].worst), _number(overall["recall of the best"].worst)]
        row += [_number(overall[name].mean) for name in MEASURES[3:]]
        row.append(_tokens(one.days))
        rows.append(row)
    share = f"{100 * keep:g} %"
    heads = [
        "scorer",
        "days",
        "area under the curve",
        f"recall ≥ {threshold:g} at {share}",
        f"recall ≥ {threshold + 1:g} at {share}",
        "worst area",
        f"worst recall ≥ {threshold + 1:g}",
        "nDCG@10",
        "nDCG@30",
        "field accuracy",
        "tokens a paper",
    ]
    return _table(heads, rows) if rows else ""


def _tokens(days: Iterable[DayFigures]) -> str:
    listed = list(days)
    total = sum(day.tokens.total for day in listed)
    return f"{total / sum(day.papers for day in listed):.0f}" if total else "0"


def _agreements(agreements: Sequence[tuple[str, Interval]]) -> str:
    rows = [[name, _interval(value)] for name, value in agreements]
    return _table(["scored twice", "Jaccard of the two selections"], rows) if rows else ""


def _loops(loops: Sequence[Loop], threshold: float, keep: float) -> str:
    rows = [
        [
            loop.lesson,
            _interval(over_days(loop.auc)),
            _interval(over_days(loop.recall)),
            _interval(over_days(loop.best)),
            _number(over_days(loop.auc).worst),
            f"{_number(loop.estimate.estimate)}"
            f" [{loop.estimate.low:.3f}, {loop.estimate.high:.3f}]",
            _number(loop.truth),
        ]
        for loop in loops
    ]
    heads = [
        "history teaches",
        "area under the curve",
        f"recall ≥ {threshold:g} at {100 * keep:g} %",
        f"recall ≥ {threshold + 1:g} at {100 * keep:g} %",
        "worst area",
        "recall by the audit of 30 days",
        "in truth",
    ]
    return _table(heads, rows) if rows else ""


def _changes(changes: Sequence[Change], keep: float) -> str:
    rows = [
        [
            str(change.day),
            str(change.papers),
            *(
                _number(kept / change.papers if change.papers else float("nan"))
                for kept in (change.kept, change.kept_by_likeness, change.kept_if_always_there)
            ),
        ]
        for change in changes
    ]
    heads = [
        "day with the added field",
        "its papers",
        f"of them kept at {100 * keep:g} %",
        "by likeness alone",
        "had it always been there",
    ]
    return _table(heads, rows) if rows else ""


def _votes(found: Sequence[Voted], threshold: float, keep: float) -> str:
    rows = [
        [
            one.reader,
            str(one.history),
            str(one.votes),
            str(one.days),
            _interval(one.auc),
            _signed(one.auc_change) if one.votes else "",
            _interval(one.recall),
            _signed(one.recall_change) if one.votes else "",
        ]
        for one in found
    ]
    heads = [
        "reader",
        "days of scores",
        "votes",
        "days",
        "area under the curve",
        "change by the votes",
        f"recall ≥ {threshold:g} at {100 * keep:g} %",
        "change by the votes",
    ]
    told = [
        _enough([one for one in found if (one.reader, one.history) == case])
        for case in dict.fromkeys((one.reader, one.history) for one in found)
    ]
    return "\n\n".join([_table(heads, rows), *told]) if rows else ""


def _enough(found: Sequence[Voted]) -> str:
    least = [enough(found, measure) for measure in ("auc_change", "recall_change")]
    area, recall = (f"from {votes} votes on" if votes else "by none of these" for votes in least)
    case = f"{found[0].reader}, {found[0].history} days of scores"
    return f"Surely better ({case}): the area {area}, recall {recall}."


def _signed(value: Interval) -> str:
    return f"{value.mean:+.3f} [{value.low:+.3f}, {value.high:+.3f}]"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _interval(value: Interval) -> str:
    if math.isnan(value.low):
        return _number(value.mean)
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _scorer(measured: Measured) -> dict[str, Any]:
    return {
        "name": measured.name,
        "overall": {name: value._asdict() for name, value in measured.overall.items()},
        "days": [
            {
                "date": str(day.date),
                "papers": day.papers,
                "recommended": day.recommended,
                "failed": day.failed,
                "tokens": day.tokens.total,
                **day.measures,
                "recall by kept share": dict(zip(map(str, SHARES), day.recalls, strict=True)),
            }
            for day in measured.days
        ],
    }


def _loop(loop: Loop) -> dict[str, Any]:
    return {
        "lesson": loop.lesson,
        "auc": over_days(loop.auc)._asdict(),
        "recall": over_days(loop.recall)._asdict(),
        "recall of the best": over_days(loop.best)._asdict(),
        "audit": loop.estimate.model_dump(),
        "truth": loop.truth,
    }


def _vote(one: Voted) -> dict[str, Any]:
    intervals = ("auc", "recall", "auc_change", "recall_change")
    return {
        "reader": one.reader,
        "history": one.history,
        "votes": one.votes,
        "days": one.days,
        **{name: getattr(one, name)._asdict() for name in intervals},
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
