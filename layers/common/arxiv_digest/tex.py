"""TeX accents in names and titles, as arXiv's metadata carries them, as Unicode."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pylatexenc.latex2text import LatexNodes2Text

_SYMBOL = r"(?:AE|ae|OE|oe|AA|aa|O|o|L|l|ss|i|j|DH|dh|TH|th|DJ|dj|NG|ng)(?![A-Za-z])"
_LETTER = r"(?:\\[ij](?![A-Za-z])(?:\s+(?=\w))?|[A-Za-z])"
_ACCENT = (
    rf"\\[\"'`^~=.]\s*(?:\{{\s*{_LETTER}\s*\}}|{_LETTER})"
    rf"|\\[uvHcdbkrt](?:\s*\{{\s*{_LETTER}\s*\}}|\s+{_LETTER})"
)
_SPECIAL = re.compile(
    rf"\{{(?:{_ACCENT}|\\{_SYMBOL})\s*\}}|{_ACCENT}|\\{_SYMBOL}(?:\{{\}}|\s+(?=\w))?"
)
_MATH = re.compile(r"(?<!\\)(\$\$.*?\$\$|\$(?:\\.|[^$\\])*\$)", re.DOTALL)


@cache
def _to_text() -> LatexNodes2Text:
    # Imported here: many a day has no accent that is written in TeX.
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(keep_comments=True)


def decode_accents(text: str) -> str:
    r"""Turn TeX accents and letters outside mathematics into Unicode.

    Only the accents of arXiv's author and title conventions (``\'e``, ``\"{u}``, ``\v{s}``,
    ``{\o}``) are touched: a whole-text conversion would read ``%`` as a comment and ``~`` as a
    space, which real titles contain. Mathematics between dollar signs is kept as it is.
    """
    if "\\" not in text:
        return text
    parts = _MATH.split(text)
    return "".join(
        part if number % 2 else _SPECIAL.sub(lambda match: _decode(match.group()), part)
        for number, part in enumerate(parts)
    )


def _decode(accent: str) -> str:
    return str(_to_text().latex_to_text(accent.strip())).strip()
