"""Tables as the benchmarks print them."""

from __future__ import annotations


def line(*cells: object) -> str:
    """One line of a table.

    >>> line("papers", 216)
    '| papers | 216 |'
    """
    return f"| {' | '.join(str(cell) for cell in cells)} |"
