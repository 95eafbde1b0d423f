"""TeX in titles, abstracts and reasons: mathematics as MathML, simple commands as plain text."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import convert_to_element
from markupsafe import Markup

from arxiv_digest.tex import decode_accents

LONGEST = 1000
"""Characters of the longest formula; a longer one stays text, which bounds the time for each."""

_MARK = re.compile(r"\\[()\[\]]|\\.|\$", re.DOTALL)
_CLOSING = {"$": "$", "$$": "$$", r"\(": r"\)", r"\[": r"\]"}
_PROSE = re.compile(r"(?<!\S)[a-z]{2,}(?!\S)")
_NOT_PROSE = re.compile(r"[\\^_={]")
_DEFINES = re.compile(
    r"\\(?:def|newcommand|newenvironment|DeclareMathOperator|require)(?![A-Za-z])"
)
_BRACE = re.compile(r"\\.|([{}])", re.DOTALL)
_ANY_BRACE = re.compile(r"([{}])")
_CHARACTER = re.compile(r"&#x([0-9A-Fa-f]+);")
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_VALUE = re.compile(
    r"true|false|prefix|infix|postfix|normal|[-+]?[0-9]*\.?[0-9]+(?:em|ex|px|pt|%)?"
)
_ATTRIBUTES = frozenset(
    (
        "accent",
        "accentunder",
        "depth",
        "displaystyle",
        "fence",
        "form",
        "height",
        "largeop",
        "linethickness",
        "lspace",
        "mathvariant",
        "maxsize",
        "minsize",
        "movablelimits",
        "rspace",
        "scriptlevel",
        "separator",
        "stretchy",
        "symmetric",
        "voffset",
        "width",
    )
)
_CHILDREN = {
    **dict.fromkeys(("mfrac", "mroot", "msub", "msup", "munder", "mover"), 2),
    **dict.fromkeys(("msubsup", "munderover"), 3),
}
_SHOWN = {
    **{rf"\{sign}": sign for sign in "%&$#_{}"},
    r"\textregistered": "®",
    r"\texttrademark": "™",
    r"\textasciitilde": "~",
    r"\ldots": "…",
    r"\deg": "°",
    "~": "\xa0",
}
_COMMAND = re.compile(
    r"(\\[%&$#_{}]"
    r"|\\(?:textregistered|texttrademark|textasciitilde|ldots|deg)(?![A-Za-z])"
    r"|(?<=[A-Za-z.,;:])~(?=[A-Za-z0-9(\\])"
    r"|\\(?:emph|text(?:bf|it|tt|sc|rm|sf|sl|up|md|normal|superscript|subscript)|underline|mbox|url)"
    r"\s*\{|[{}])"
)
"""What :func:`tex_text` replaces. A tilde ties only after a letter: elsewhere it means "about"."""


@dataclass(frozen=True)
class Formula:
    """Mathematics in a text: its TeX, and how it was ``written``, with its delimiters."""

    written: str
    source: str
    display: bool


def tex_parts(text: str) -> list[str | Formula]:
    r"""Split a text at its mathematics: ``$…$``, ``$$…$$``, ``\(…\)`` and ``\[…\]``.

    Only what can be shown as MathML counts. A dollar opens no formula before a space and closes
    none after a space or before a digit (the rule of Pandoc's ``tex_math_dollars``), so that prices
    stay prices. Outside mathematics accents and simple commands become what they show.

    >>> tex_parts(r"\emph{costs} $5 and $6, $x$")
    ['costs $5 and $6, ', Formula(written='$x$', source='x', display=False)]
    """
    parts: list[str | Formula] = []
    done = 0
    for start, formula in _formulas(text):
        parts += [text[done:start], formula]
        done = start + len(formula.written)
    return _without_commands([*parts, text[done:]])


def tex_html(text: str) -> Markup:
    """The text as HTML: mathematics as MathML, everything else as escaped text."""
    return Markup("").join(
        (_mathml(part.source, part.display) or "") if isinstance(part, Formula) else part
        for part in tex_parts(text)
    )


def tex_text(text: str) -> str:
    r"""The text without its simple commands; mathematics stays as it is written.

    >>> tex_text(r"\textbf{50\%} of $x_{1}$ by A.~B")
    '50% of $x_{1}$ by A.\xa0B'
    """
    return "".join(part.written if isinstance(part, Formula) else part for part in tex_parts(text))


def _formulas(text: str) -> Iterator[tuple[int, Formula]]:
    if "$" not in text and "\\" not in text:
        return
    marks = [(match.start(), match.group()) for match in _MARK.finditer(text)]
    places: dict[str, list[int]] = {}
    for place, mark in marks:
        places.setdefault(mark, []).append(place)
    places["$$"] = [place for place in places.get("$", ()) if text.startswith("$$", place)]
    done = 0
    for start, mark in marks:
        opening = "$$" if text.startswith("$$", start) else mark
        if start < done or opening not in _CLOSING:
            continue
        inside = start + len(opening)
        closing = _CLOSING[opening]
        end = _first_after(inside, places.get(closing, []))
        if end is None or end - inside > LONGEST:
            continue
        # The nearest opening goes with a closing, so that no character is tried twice.
        again = None if opening == closing else _first_after(start, places[opening])
        if again is not None and again < end:
            continue
        source = text[inside:end]
        after = text[end + len(closing) : end + len(closing) + 1]
        if opening == "$" and not _dollars_enclose(source, after):
            continue
        display = opening in ("$$", r"\[")
        if _mathml(source, display) is not None:
            done = end + len(closing)
            yield start, Formula(text[start:done], source, display)


def _first_after(place: int, places: list[int]) -> int | None:
    found = bisect_right(places, place)
    return places[found] if found < len(places) else None


def _dollars_enclose(source: str, after: str) -> bool:
    if source[0].isspace() or source[-1].isspace() or after.isdigit():
        return False
    return bool(_NOT_PROSE.search(source)) or not _PROSE.search(source)


@lru_cache(maxsize=4096)
def _mathml(source: str, display: bool) -> Markup | None:
    """A formula as MathML, or none where it cannot be read whole."""
    if not balanced(source) or _DEFINES.search(source):
        return None
    try:
        root = convert_to_element(source, display="block" if display else "inline")
        for element in root.iter():
            _clean(element)
    except Exception:  # Whatever a parser of foreign text makes of it, the text itself is left.
        return None
    root.attrib = {"display": "block"} if display else {}
    root.set("alttext", " ".join(source.split()))
    written = tostring(root, encoding="unicode")
    return None if _FORBIDDEN.search(written) else Markup(written)  # noqa: S704  ElementTree escaped it


def _clean(element: Element) -> None:
    if len(element) != _CHILDREN.get(element.tag, len(element)):
        raise ValueError(f"a part of {element.tag} is missing")
    text = element.text or ""
    if "\\" in text:
        raise ValueError(f"an unknown command is left: {text}")
    text = _CHARACTER.sub(lambda match: chr(int(match[1], 16)), text)
    # The converter writes the relation as the key that makes a space.
    text = "∼" if text == "~" else text
    variant = element.attrib.pop("mathvariant", None)
    if variant == "normal":
        element.set("mathvariant", variant)
    elif variant and len(text) == 1:
        # Browsers of MathML Core know no other variant, but Unicode has the letters.
        text = _styled(text, variant)
    element.text = text or None
    element.attrib = {
        name: value
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES and _VALUE.fullmatch(value)
    }


def _styled(letter: str, variant: str) -> str:
    kind = "CAPITAL" if letter.isupper() else "SMALL"
    name = unicodedata.name(letter, "").rpartition(" ")[2]
    greek = "GREEK" in unicodedata.name(letter, "")
    style = variant.replace("-", " ").replace("double struck", "double-struck")
    style = style.replace("sans serif", "sans-serif").upper()
    for full in (
        f"MATHEMATICAL {style} DIGIT {name}" if letter.isdigit() else "",
        f"MATHEMATICAL {style} {kind} {name}",
        "" if greek else f"{style} {kind} {name}",
    ):
        try:
            return unicodedata.lookup(full)
        except KeyError:
            continue
    return letter


def balanced(source: str, escaped: bool = False) -> bool:
    """Whether every brace has its other one; ``escaped`` counts those after a backslash as well."""
    depth = 0
    for match in (_ANY_BRACE if escaped else _BRACE).finditer(source):
        depth += {"{": 1, "}": -1}.get(match[1] or "", 0)
        if depth < 0:
            return False
    return depth == 0


def _without_commands(parts: list[str | Formula]) -> list[str | Formula]:
    """The parts with simple commands outside mathematics replaced by what they show.

    A command may hold mathematics, so its closing brace may lie in a later part.
    """
    pieces: list[str | Formula] = []
    open_braces: list[int | None] = []
    for part in parts:
        if isinstance(part, Formula):
            pieces.append(part)
            continue
        for number, piece in enumerate(_COMMAND.split(decode_accents(part))):
            if number % 2 == 0:
                pieces.append(piece)
            elif piece in _SHOWN:
                pieces.append(_SHOWN[piece])
            elif piece == "{":
                open_braces.append(None)
                pieces.append(piece)
            elif piece == "}":
                opened = open_braces.pop() if open_braces else None
                pieces.append("}" if opened is None else "")
                if opened is not None:
                    pieces[opened] = ""
            else:
                open_braces.append(len(pieces))
                pieces.append(piece)
    merged: list[str | Formula] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif piece:
            merged.append(piece)
    return merged
