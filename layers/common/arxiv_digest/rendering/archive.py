"""The archive's front page: its days as a calendar, as a list and by field, and a search."""

from __future__ import annotations

from calendar import Calendar
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from arxiv_digest.language import Words, words
from arxiv_digest.models import Day
from arxiv_digest.rendering.context import environment, inlined, kept
from arxiv_digest.rendering.mathematics import tex_html
from arxiv_digest.triage import recall

MONTHS_OPEN = 6
"""The newest months of the calendar; the earlier ones are folded away by year."""

DAYS_DRAWN = 60
"""With more days than these, the fields are drawn by month."""

MONTHS_DRAWN = 60
"""The newest months that are drawn."""

FIELDS_DRAWN = 10
"""The most frequent fields; those a profile had once besides are counted as other."""

DAYS_AUDITED = 30
"""The newest days whose audits tell how much triage keeps."""

SHADES = 4
"""The shades of a calendar's day, by its share of the most papers that were recommended on one."""

_SLOTS = 30  # the least width of a drawing in bars, so that the first few are no blocks
_HEIGHT = 40


class Square(NamedTuple):
    """A day of the calendar that has a digest: its shade from 0, and what a link to it says."""

    day: Day
    shade: int
    label: str


class Month(NamedTuple):
    """A month (``2026-01``): weeks of a number and a square each, and its days, newest first.

    The number is 0 outside of the month, and the square none where there was no digest. ``title``
    is its name with its tokens, and their cost where the days have one.
    """

    key: str
    name: str
    title: str
    weeks: list[list[tuple[int, Square | None]]]
    days: list[Day]


class Drawn(NamedTuple):
    """A field over time: the path of its bars, what they say, and all of its papers."""

    name: str
    path: str
    label: str
    total: int


class Drawing(NamedTuple):
    """Every field over time, in bars of one scale; ``width`` is that of the box they stand in."""

    title: str
    width: int
    height: int
    fields: list[Drawn]


def render_index(days: Iterable[Day], language: str) -> str:
    """The archive's front page: every day, the newest first."""
    said = words(language)
    newest_first = sorted(days, key=lambda day: day.date, reverse=True)
    months = _months(newest_first, said)
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            said=said,
            math=tex_html,
            newest=next(iter(newest_first), None),
            kept=_kept(newest_first, said),
            costs=any(day.cost is not None for day in newest_first),
            months=months,
            shown=months[:MONTHS_OPEN],
            earlier=[
                (year, list(group))
                for year, group in groupby(months[MONTHS_OPEN:], lambda month: month.key[:4])
            ],
            drawing=_drawing(newest_first, said),
            # The search loads the months' files, which lie beside this one.
            **inlined("archive.js", "'self'"),
        )
    )


def _months(newest_first: Sequence[Day], said: Words) -> list[Month]:
    most = max((day.recommended for day in newest_first), default=0)
    found = []
    for key, group in groupby(newest_first, lambda day: f"{day.date:%Y-%m}"):
        days = list(group)
        squares = {
            day.date.day: Square(
                day,
                -(-SHADES * day.recommended // most) if most else 0,
                f"{day.date}: {said.count(said.recommended_count, day.recommended)}",
            )
            for day in days
        }
        first = days[0].date.replace(day=1)
        weeks = [
            [(number, squares.get(number)) for number in week]
            for week in Calendar().monthdayscalendar(first.year, first.month)
        ]
        name = said.month_name(first)
        found.append(Month(key, name, _sum(name, days, said), weeks, days))
    return found


def _sum(name: str, days: Sequence[Day], said: Words) -> str:
    """What a month took; days whose model has no price count nothing."""
    costs = [day.cost for day in days if day.cost is not None]
    return said.month_sum.format(
        month=name,
        tokens=said.number(sum(day.tokens for day in days)),
        cost=f", {said.dollars(sum(costs))}" if costs else "",
    )


def _kept(newest_first: Sequence[Day], said: Words) -> str:
    """How much triage keeps by the audits of the newest days, or nothing where it is off."""
    audits = [day.audit for day in newest_first[:DAYS_AUDITED] if day.audit]
    return kept(recall(audits), said) if audits else ""


def _drawing(newest_first: Sequence[Day], said: Words) -> Drawing | None:
    """The fields over time: a bar a day, or a bar a month where the days would be too many."""
    by_month = len(newest_first) > DAYS_DRAWN
    counts: dict[str, Counter[str]] = {}
    for day in reversed(newest_first):
        when = f"{day.date:%Y-%m}" if by_month else str(day.date)
        counts.setdefault(when, Counter()).update(day.fields)
    bars = list(counts.items())[-MONTHS_DRAWN:] if by_month else list(counts.items())
    totals = sum((count for _, count in bars), Counter[str]())
    if not totals:
        return None
    named = [name for name, _ in totals.most_common() if name][:FIELDS_DRAWN]
    rows = [(name, [count[name] for _, count in bars]) for name in named]
    rest = [count.total() - sum(count[name] for name in named) for _, count in bars]
    if any(rest):
        rows.append((said.other_field, rest))
    most = max(max(heights) for _, heights in rows)
    slots = max(len(bars), _SLOTS)
    labels = [when for when, _ in bars]
    caption = said.bar_a_month if by_month else said.bar_a_day
    return Drawing(
        title=caption.format(first=labels[0], last=labels[-1]),
        width=10 * slots,
        height=_HEIGHT,
        fields=[
            Drawn(
                name=name,
                path=_path(heights, slots, most),
                label=", ".join(
                    f"{when}: {height}"
                    for when, height in zip(labels, heights, strict=True)
                    if height
                ),
                total=sum(heights),
            )
            for name, heights in rows
        ],
    )


def _path(heights: Sequence[int], slots: int, most: int) -> str:
    """Bars as an SVG path, eight wide in slots of ten, the last of them at the right edge."""
    first = slots - len(heights)
    bars = (
        f"M{10 * (first + number) + 1} {_HEIGHT}v-{max(_HEIGHT * height / most, 1):.3g}h8V{_HEIGHT}"
        for number, height in enumerate(heights)
        if height
    )
    return "".join(bars)
