"""Sequences that hold ways to their items in place of the items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Lazily(Sequence[T]):
    """A sequence whose items are made anew each time they are asked for.

    Whoever goes through it has one of them in memory, where a list would have all.
    """

    def __init__(self, makers: Iterable[Callable[[], T]]) -> None:
        self._makers = tuple(makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __getitem__(self, place: Any) -> Any:
        return self._makers[place]()
