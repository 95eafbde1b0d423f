"""A mapping that makes its values when they are asked for."""

from __future__ import annotations

from functools import partial

from arxiv_digest.lazily import Lazily


def test_a_value_is_made_when_it_is_asked_for_and_kept_by_nobody() -> None:
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number

    numbers = Lazily({name: partial(make, number) for number, name in enumerate("abc")})
    assert (len(numbers), [*numbers], "b" in [*numbers], made) == (3, ["a", "b", "c"], True, [])
    assert (numbers["b"], made) == (1, [1])
    assert ([*numbers.values()], made) == ([0, 1, 2], [1, 0, 1, 2])
