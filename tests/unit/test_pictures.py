"""The pictures of a day: what they draw, and what they say to those who cannot see them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from arxiv_digest.language import EN, ZH
from arxiv_digest.rendering.pictures import WIDTH, FieldCount, fields_picture, scores_picture

SVG = etree.XMLParser(resolve_entities=False)


def bars(picture: str, kind: str) -> list[tuple[float, float, float]]:
    """Each bar's left side, width and height."""
    return [
        tuple(float(bar.get(name)) for name in ("x", "width", "height"))  # type: ignore[misc]
        for bar in etree.fromstring(picture, SVG).iter("rect")
        if bar.get("class") == kind
    ]


def test_scores_stand_at_their_places_and_the_threshold_between_them() -> None:
    picture = scores_picture([0, 6.9, 7, 7, 10], 7, EN)
    low, good = bars(picture, "low"), bars(picture, "good")
    assert [x * 10 / WIDTH for x, _, _ in low] == pytest.approx([0, 6.5], abs=0.05)
    assert [x * 10 / WIDTH for x, _, _ in good] == pytest.approx([7, 9.5], abs=0.05)
    assert good[0][2] == 2 * good[1][2] == 2 * low[0][2]
    assert f'd="M{WIDTH * 0.7:g} 2V' in picture


def test_a_column_in_which_the_threshold_lies_has_two_parts() -> None:
    picture = scores_picture([6.6, 6.7, 6.9], 6.8, EN)
    [(at, _, low)], [(also_at, _, good)] = bars(picture, "low"), bars(picture, "good")
    assert at == also_at
    assert low == pytest.approx(2 * good, rel=0.01)


def test_a_picture_of_scores_says_how_many_there_are_in_words() -> None:
    picture = scores_picture([0, 6.9, 7, 7, 10], 7.5, EN)
    assert "0–1: 1; 1–2: 0;" in picture
    assert "6–7: 1; 7–8: 2; 8–9: 0; 9–10: 1. Threshold: 7.5." in picture


def test_fields_have_bars_as_long_as_they_have_papers() -> None:
    picture = fields_picture([FieldCount("A", 1, 4), FieldCount("<B>", 0, 2)], ZH)
    assert [width for _, width, _ in bars(picture, "low")] == [WIDTH, WIDTH / 2]
    assert [width for _, width, _ in bars(picture, "good")] == [WIDTH / 4, 0]
    assert "A: 1 / 4; &lt;B&gt;: 0 / 2" in picture


def test_long_names_are_shortened_in_the_picture_and_said_whole() -> None:
    name = "大模型" * 20
    picture = fields_picture([FieldCount(name, 1, 1)], ZH)
    [shown] = re.findall(r"<text[^>]*>(大\S+)</text>", picture)
    assert len(shown) == 18
    assert shown.endswith("…")
    assert f'<desc id="fields-desc">{name}: 1 / 1</desc>' in picture


@given(st.lists(st.floats(0, 10), min_size=1), st.floats(0, 10))
def test_no_score_falls_out_of_the_picture(scores: list[float], threshold: float) -> None:
    picture = scores_picture(scores, threshold, EN)
    drawn = [*bars(picture, "low"), *bars(picture, "good")]
    assert drawn
    assert all(x >= 0 and x + width <= WIDTH and 0 < height <= 80 for x, width, height in drawn)
    spoken = re.search(r"Papers by score: (.*?)\. Threshold", picture)
    assert spoken
    assert sum(int(part.split(": ")[1]) for part in spoken[1].split("; ")) == len(scores)
