"""Whether a paper is by an author, or holds a phrase, that a profile names.

Both are compared by words without case, accents, punctuation and TeX, so that it does not matter
how an announcement or a profile writes them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from itertools import filterfalse

from arxiv_digest.models import Paper
from arxiv_digest.tex import decode_accents

# Letters that Unicode does not take apart, as they are written without them.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"}
)
# "C++" and "C#" are words; any other sign stands between words.
_WORD = re.compile(r"[^\W_]+[+#]*")
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})


def words_of(text: str) -> list[str]:
    r"""The words of a text, without case and accents; hyphens part words as spaces do.

    >>> words_of(r"G\"odel's Vision–Language Machines in C++")
    ['godel', 's', 'vision', 'language', 'machines', 'in', 'c++']
    """
    apart = unicodedata.normalize("NFKD", decode_accents(text))
    # Most abstracts have no accent, and letter by letter is slow.
    plain = apart if apart.isascii() else "".join(filterfalse(unicodedata.combining, apart))
    return _WORD.findall(plain.casefold().translate(_PLAIN))


def same_author(one: str, other: str) -> bool:
    """Whether two names can be those of one author.

    Family names, which are the last words, have to be the same. Given names have to be the same
    one after the other, where an initial stands for every name that begins with it, and later ones
    may be missing; or the same when they are written as one word. A name of one word is only the
    same as itself. ``Hinton, Geoffrey`` is read as ``Geoffrey Hinton``, and a ``Jr.`` is not read.

    >>> same_author("Geoffrey Hinton", "G. E. Hinton"), same_author("Jian-Wei Pan", "Jianwei Pan")
    (True, True)
    >>> same_author("Geoffrey Hinton", "George Hinton"), same_author("Hinton", "Geoffrey Hinton")
    (False, False)
    """
    return _same(_name(one), _name(other))


def authors_among(paper: Paper, names: Collection[str]) -> list[str]:
    """The names that are those of an author of the paper."""
    if not names:
        return []
    authors = [_name(author) for author in paper.authors]
    return [name for name in names if any(_same(_name(name), author) for author in authors)]


def phrases_in(paper: Paper, phrases: Collection[str]) -> list[str]:
    """The phrases whose words stand in the paper's title or abstract, whole and in a row."""
    if not phrases:
        return []
    texts = [f" {' '.join(words_of(text))} " for text in (paper.title, paper.abstract)]
    return [
        phrase
        for phrase in phrases
        if any(f" {' '.join(words_of(phrase))} " in text for text in texts)
    ]


def _name(name: str) -> list[str]:
    """The words of a name, the family name last; one empty word where it has none."""
    family, comma, given = name.partition(",")
    words = words_of(f"{given} {family}" if comma else name)
    if len(words) > 2 and words[-1] in _SUFFIXES:
        words.pop()
    return words or [""]


def _same(one: Sequence[str], other: Sequence[str]) -> bool:
    (*given, family), (*others, others_family) = one, other
    if not family or family != others_family or bool(given) != bool(others):
        return False
    pairs = zip(given, others, strict=False)
    return "".join(given) == "".join(others) or all(
        first == second or (1 in (len(first), len(second)) and first[0] == second[0])
        for first, second in pairs
    )
