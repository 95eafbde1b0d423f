"""Tables as the benchmarks print them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

BOUNDED = ("what", "measured", "bound", "ratio")
"""The columns of every table with bounds; a ratio is at most 1 where its bound holds."""


def line(*cells: object) -> str:
    """One line of a table.

    >>> line("papers", 216)
    '| papers | 216 |'
    """
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def ratio(of_bound: float) -> str:
    """A ratio to a bound, to two places; what is above 1 never reads as 1.

    >>> ratio(0.996), ratio(1.004)
    ('1.00', '1.01')
    """
    return f"{max(of_bound, 1.01) if of_bound > 1 else of_bound:.2f}"


def head() -> str:
    """The first two lines of a table with bounds."""
    return f"{line(*BOUNDED)}\n{line('---', '--:', '--:', '--:')}"


def bounded(printed: Iterable[str]) -> Iterator[list[str]]:
    """The cells of the lines that have a bound, of every such table among the lines printed."""
    within = False
    for row in printed:
        cells = [cell.strip() for cell in row.split("|")[1:-1]]
        within = tuple(cells) == BOUNDED or (within and row.startswith("|"))
        if within and tuple(cells) != BOUNDED and cells[2] not in ("", "--:"):
            yield cells
