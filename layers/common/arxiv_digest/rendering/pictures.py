"""Small pictures of a day as inline SVG; the style sheet gives them the colours of the page."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from arxiv_digest.language import Words

WIDTH = 320
"""Units across: those of the style sheet's pixels on the narrowest screen."""

BINS = 20
"""Columns of the scores, half a point each; 10 belongs to the last."""

LABEL_UNITS = 36
"""The longest label, in widths of a Latin letter; a Chinese character takes two."""

_FLOOR, _TALLEST = 112, 80
_ROW = 36


@dataclass(frozen=True)
class FieldCount:
    """How many papers of a field were ``scored``, and how many of these ``recommended``."""

    name: str
    recommended: int
    scored: int


def scores_picture(scores: Iterable[float], threshold: float, said: Words) -> Markup:
    """How scores are distributed from 0 to 10, with the threshold marked."""
    found = {"low": [0] * BINS, "good": [0] * BINS}
    for score in scores:
        kind = "good" if score >= threshold else "low"
        found[kind][min(int(score * BINS / 10), BINS - 1)] += 1
    counts = [low + good for low, good in zip(found["low"], found["good"], strict=True)]
    most = max(counts)
    step = WIDTH / BINS
    drawn = Markup("")
    for number, count in enumerate(counts):
        if not count:
            continue
        height = max(2.0, _TALLEST * count / most)
        left, floor = number * step, float(_FLOOR)
        for kind, of_kind in found.items():
            if of_kind[number]:
                part = height * of_kind[number] / count
                floor -= part
                drawn += Markup(
                    '<rect class="{}" x="{:g}" y="{:.4g}" width="{:g}" height="{:.4g}"/>'
                ).format(kind, left + 1, floor, step - 2, part)
        if count == most and number == counts.index(most):
            drawn += _text(left + step / 2, _FLOOR - height - 4, said.number(count), "middle")
    at = WIDTH * threshold / 10
    anchor = "end" if threshold > 5 else "start"
    drawn += Markup(
        '<path class="threshold" d="M{0:g} 2V{1}"/><path class="axis" d="M0 {1}H{2}"/>'
    ).format(at, _FLOOR, WIDTH)
    drawn += _text(at + (-4 if threshold > 5 else 4), 11, f"≥ {threshold:g}", anchor)
    for point, place in ((0, "start"), (5, "middle"), (10, "end")):
        drawn += _text(WIDTH * point / 10, _FLOOR + 15, str(point), place)
    whole = [sum(counts[2 * point : 2 * point + 2]) for point in range(10)]
    spoken = "; ".join(
        f"{point}–{point + 1}: {said.number(count)}" for point, count in enumerate(whole)
    )
    described = said.scores_described.format(counts=spoken, threshold=f"{threshold:g}")
    return _picture("scores", said.scores_pictured, described, _FLOOR + 20, drawn)


def fields_picture(fields: Sequence[FieldCount], said: Words) -> Markup:
    """How many papers each field has, those recommended before the others."""
    most = max(field.scored for field in fields)
    drawn = Markup("")
    for number, field in enumerate(fields):
        top = number * _ROW
        drawn += _text(0, top + 14, _shortened(field.name), "start")
        drawn += _text(WIDTH, top + 14, _share(field, said), "end")
        for kind, count in (("low", field.scored), ("good", field.recommended)):
            drawn += Markup('<rect class="{}" x="0" y="{}" width="{:.4g}" height="8"/>').format(
                kind, top + 20, WIDTH * count / most
            )
    described = "; ".join(f"{field.name}: {_share(field, said)}" for field in fields)
    return _picture("fields", said.fields_pictured, described, len(fields) * _ROW, drawn)


def _share(field: FieldCount, said: Words) -> str:
    return f"{said.number(field.recommended)} / {said.number(field.scored)}"


def _picture(name: str, title: str, described: str, height: int, drawn: Markup) -> Markup:
    return Markup(
        '<svg role="img" aria-labelledby="{0}-title {0}-desc" viewBox="0 0 {1} {2}">'
        '<title id="{0}-title">{3}</title><desc id="{0}-desc">{4}</desc>{5}</svg>'
    ).format(name, WIDTH, height, title, described, drawn)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{:g}" y="{:.4g}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def _shortened(name: str) -> str:
    width = 0
    for place, character in enumerate(name):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > LABEL_UNITS:
            return name[: place - 1] + "…"
    return name
