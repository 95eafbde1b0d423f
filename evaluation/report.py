"""What was measured, as a table, as JSON and as a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl

from evaluation.measures import Mean, Measures, means

mpl.use("svg")

COLUMNS = ("auc", "ndcg@10", "ndcg@30", "recall>=7", "recall>=8", "field", "tokens")
"""The columns of the table; ``field`` is the field accuracy, ``tokens`` those a paper."""


class Row(NamedTuple):
    """One scorer on some days: its name, and the measures of each day by its date."""

    name: str
    days: dict[str, Measures]

    @property
    def means(self) -> dict[str, Mean]:
        """The means over the days."""
        return means(list(self.days.values()))


def table(rows: Sequence[Row]) -> str:
    """The means with their intervals as a Markdown table, and the worst day's recall."""
    head = ["scorer", "days", *COLUMNS, "worst recall"]
    lines = [_line(head), _line(["---", *["--:"] * (len(head) - 1)])]
    for row in rows:
        found = row.means
        worst = found.get("recall>=7")
        cells = [_cell(found.get(name)) for name in COLUMNS]
        days = str(len(row.days))
        lines.append(_line([row.name, days, *cells, f"{worst.worst:.2f}" if worst else ""]))
    return "\n".join(lines)


def by_day(row: Row) -> str:
    """The measures of each day as a Markdown table."""
    lines = [_line(["day", *COLUMNS]), _line(["---", *["--:"] * len(COLUMNS)])]
    for day, found in row.days.items():
        cells = [f"{found[name]:.3f}" if name in found else "" for name in COLUMNS]
        lines.append(_line([day, *cells]))
    return "\n".join(lines)


def write(folder: Path, rows: Sequence[Row], notes: dict[str, Any]) -> None:
    """Write ``report.md``, ``report.json`` and ``report.svg`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [table(rows), *(f"{row.name}\n\n{by_day(row)}" for row in rows)]
    (folder / "report.md").write_text("\n\n".join(parts) + "\n", "utf-8")
    told = {
        "scorers": {
            row.name: {
                "means": {name: mean._asdict() for name, mean in row.means.items()},
                "days": row.days,
            }
            for row in rows
        },
        **notes,
    }
    (folder / "report.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    _draw(folder / "report.svg", rows)


def _draw(file: Path, rows: Sequence[Row]) -> None:
    """Means with their intervals, and each day as a dot: area under the curve and recall."""
    from matplotlib.figure import Figure

    # No date and the same ids in every drawing, so that the same figures are the same file.
    mpl.rcParams["svg.hashsalt"] = "evaluation"
    figure = Figure(figsize=(9, 0.55 * len(rows) + 1.2), layout="constrained")
    titles = {"auc": "area under the curve", "recall>=8": "recall of papers labelled 8 or more"}
    for number, (name, title) in enumerate(titles.items()):
        axes = figure.add_subplot(1, 2, number + 1)
        for place, row in enumerate(reversed(rows)):
            mean = row.means.get(name)
            if mean is None:
                continue
            dots = [day[name] for day in row.days.values() if name in day]
            axes.plot(dots, [place] * len(dots), "o", color="#9bb4c4", markersize=4)
            reach = [[mean.mean - mean.low], [mean.high - mean.mean]]
            axes.errorbar(mean.mean, place, xerr=reach, fmt="s", color="#1f5579", capsize=4)
        axes.set_title(title, fontsize=10)
        labels = [row.name for row in reversed(rows)] if number == 0 else [""] * len(rows)
        axes.set_yticks(range(len(rows)), labels)
        axes.set_ylim(-0.5, len(rows) - 0.5)
        axes.grid(axis="x", color="#dddddd")
    figure.savefig(file, metadata={"Date": None})


def _cell(mean: Mean | None) -> str:
    if mean is None:
        return ""
    if mean.mean >= 10:
        return f"{mean.mean:.0f}"
    if mean.days == 1:
        return f"{mean.mean:.3f}"
    return f"{mean.mean:.3f} ({mean.low:.2f}–{mean.high:.2f})"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
