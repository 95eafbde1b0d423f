"""A sequence that makes its items when they are asked for."""

from __future__ import annotations

from functools import partial

from arxiv_digest.lazily import Lazily


def test_an_item_is_made_when_it_is_asked_for_and_kept_by_nobody() -> None:
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number

    numbers = Lazily(partial(make, number) for number in (1, 2, 3))
    assert (len(numbers), made) == (3, [])
    assert (numbers[1], made) == (2, [2])
    assert (list(numbers), made) == ([1, 2, 3], [2, 1, 2, 3])
