"""TeX accents as Unicode, and nothing else of TeX."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from arxiv_digest.tex import decode_accents

ACCENTS = {
    "'": "ACUTE",
    "`": "GRAVE",
    "^": "CIRCUMFLEX",
    '"': "DIAERESIS",
    "~": "TILDE",
    "=": "MACRON",
    ".": "DOT ABOVE",
    "u": "BREVE",
    "v": "CARON",
    "H": "DOUBLE ACUTE",
    "c": "CEDILLA",
    "d": "DOT BELOW",
    "k": "OGONEK",
    "r": "RING ABOVE",
}
LETTERS = "ACDEGHIKLNORSTUYZacdeghiklnorstuyz"


def name_of(letter, accent):
    case = "CAPITAL" if letter.isupper() else "SMALL"
    return f"LATIN {case} LETTER {letter.upper()} WITH {accent}"


def accented():
    """Every accented letter of Unicode that TeX can write with one accent."""
    for command, accent in ACCENTS.items():
        for letter in LETTERS:
            try:
                yield command, letter, unicodedata.lookup(name_of(letter, accent))
            except KeyError:
                continue


def spellings(command, letter):
    yield f"\\{command}{{{letter}}}"
    yield f"{{\\{command}{{{letter}}}}}"
    if command.isalpha():
        yield f"\\{command} {letter}"
    else:
        yield f"\\{command}{letter}"
        yield f"{{\\{command}{letter}}}"


@pytest.mark.parametrize("command", ACCENTS)
def test_every_accent_is_decoded_in_every_spelling(command):
    cases = [case for case in accented() if case[0] == command]
    assert cases
    for _, letter, character in cases:
        for spelling in spellings(command, letter):
            assert decode_accents(f"ab{spelling}yz") == f"ab{character}yz"


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\ss", "ß"),
        (r"Stra\ss{}e", "Straße"),
        (r"Stra{\ss}e", "Straße"),
        (r"{\o}", "ø"),
        (r"M\o ller", "Møller"),
        (r"\O{}stergaard", "Østergaard"),
        (r"\L{}ukasz, \L ukasz, {\L}ukasz", "Łukasz, Łukasz, Łukasz"),
        (r"Pawe\l", "Paweł"),
        (r"\L\'ojewski", "Łójewski"),
        (r"\aa, \AA rhus", "å, Århus"),
        (r"\ae{}on, {\OE}uvre", "æon, Œuvre"),
        (r"\dj{}or\dj", "đorđ"),
        (r"Garc\'{\i}a", "García"),
        (r"Garc\'{i}a", "García"),
        (r"na\"\i ve", "naïve"),
        (r"{\'\i}", "í"),
        (r"Erd\H{o}s, Erd\H os", "Erdős, Erdős"),
        (r"Ho\`ang Th\`uy Ti\^en", "Hoàng Thùy Tiên"),
        (r"\'Angel Guti\'errez", "Ángel Gutiérrez"),
        (r"Pawe{\l} Kowalski", "Paweł Kowalski"),
        (r"K\"ahler--Einstein", "Kähler--Einstein"),
    ],
)
def test_names_come_out_as_they_are_written(tex, text):
    assert decode_accents(tex) == text


@pytest.mark.parametrize(
    "text",
    [
        r"100% of A~B",
        r"100\% of A~B, R\&D, a\_b",
        r"\textbf{x} and \emph{y}",
        r"\alpha, \omega, \oint, \lambda, \ldots, \imath, \sset, \beta, \cdot, \rho, \tau",
        r"{\bf x} {x} {}",
        r"C:\users, a \ b, \\ and a last \ ".strip(),
        r"% a comment? \% no",
        r"\'1 \'",
    ],
)
def test_other_tex_is_left_as_it_is(text):
    assert decode_accents(text) == text


@pytest.mark.parametrize("math", [r"$\'e$", r"$$\v{s}$$", r"$\mathrm{\AA}$", r"$q^{\pi}\c c$"])
def test_mathematics_is_left_as_it_is_and_the_text_around_it_is_not(math):
    assert decode_accents(rf"Moir\'e {math} Moir\'e") == f"Moiré {math} Moiré"


def test_an_escaped_dollar_opens_no_mathematics():
    assert decode_accents(r"\$5 caf\'e for \$6") == r"\$5 café for \$6"


def test_a_single_dollar_opens_no_mathematics():
    assert decode_accents(r"5$ caf\'e") == "5$ café"


@given(st.text())
def test_text_without_a_backslash_is_untouched(text):
    assume("\\" not in text)

    assert decode_accents(text) == text


@given(
    st.lists(
        st.sampled_from(
            [s for command, letter, _ in accented() for s in spellings(command, letter)]
        )
        | st.sampled_from([r"{\o}", r"\ss{}", r"\L{}", r"{\aa}", " ", "word", "$x$", r"\alpha "]),
        max_size=12,
    )
)
def test_decoded_text_is_decoded_for_good(parts):
    once = decode_accents("".join(parts))

    assert decode_accents(once) == once
