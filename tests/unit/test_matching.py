"""Authors and phrases as a profile names them, and as papers have them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arxiv_digest.matching import authors_among, phrases_in, same_author, words_of
from tests.builders import a_paper

WORDS = st.sampled_from(
    ["Geoffrey", "George", "Éva", "Ève", "Jian", "Wei", "van", "der", "Müller", "Pan", "李", "Ø"]
)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
GIVEN_AND_FAMILY = st.lists(WORDS, min_size=2, max_size=4).map(" ".join)


@pytest.mark.parametrize(
    ("followed", "author"),
    [
        ("Geoffrey Hinton", "Geoffrey Hinton"),
        ("geoffrey HINTON", "Geoffrey  Hinton"),
        ("Geoffrey Hinton", "G. Hinton"),
        ("G. Hinton", "Geoffrey Hinton"),
        ("Geoffrey Hinton", "Geoffrey E. Hinton"),
        ("G. E. Hinton", "Geoffrey Everest Hinton"),
        ("Hinton, Geoffrey", "Geoffrey E. Hinton"),
        ("Yann Le Cun", "Y. Le Cun"),
        ("Laurens van der Maaten", "L. van der Maaten"),
        ("Jian-Wei Pan", "Jianwei Pan"),
        ("Jian-Wei Pan", "Jian Wei Pan"),
        ("Jian-Wei Pan", "J.-W. Pan"),
        ("René Zurbrügg", "Rene Zurbrugg"),
        ("Sorensen, Søren", "Soren Sørensen"),
        (r"Ren\'e Zurbr\"ugg", "René Zurbrügg"),
        ("Patrick O'Neil", "Patrick O’Neil"),
        ("Robert Downey", "Robert Downey Jr."),
        ("NVIDIA", "Nvidia"),
        ("李飞飞", "李飞飞"),
    ],
)
def test_one_author_is_found_however_the_name_is_written(followed: str, author: str) -> None:
    assert same_author(followed, author)


@pytest.mark.parametrize(
    ("followed", "author"),
    [
        ("Geoffrey Hinton", "George Hinton"),
        ("Geoffrey Hinton", "Geoffrey Hintons"),
        ("Geoffrey Hinton", "E. Hinton"),
        ("John R. Smith", "John Q. Smith"),
        ("Hinton", "Geoffrey Hinton"),
        ("Wei Pan", "Jianwei Pan"),
        ("Wei Pan", "W. P. Wei"),
        ("Ada", ""),
        ("Ada", "…"),
    ],
)
def test_another_author_is_not(followed: str, author: str) -> None:
    assert not same_author(followed, author)


@given(NAMES, NAMES)
def test_it_makes_no_difference_which_of_two_names_is_followed(one: str, other: str) -> None:
    assert same_author(one, other) == same_author(other, one)


@given(GIVEN_AND_FAMILY, st.booleans())
def test_case_accents_spaces_and_initials_make_no_difference(name: str, marked: bool) -> None:
    *firsts, family = name.split()
    initials = " ".join([*(f"{first[0]}." for first in firsts), family])
    form = "NFD" if marked else "NFC"
    for written in (name, name.upper(), name.replace(" ", "  "), initials):
        assert same_author(name, unicodedata.normalize(form, written))


@given(GIVEN_AND_FAMILY, GIVEN_AND_FAMILY)
def test_authors_that_match_share_the_family_name_and_the_first_letter(
    one: str, other: str
) -> None:
    if same_author(one, other):
        first, second = words_of(one), words_of(other)
        assert first[-1] == second[-1]
        assert first[0][0] == second[0][0]


@given(st.text(max_size=40))
def test_the_words_of_a_text_are_their_own_words(text: str) -> None:
    assert words_of(" ".join(words_of(text))) == words_of(text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_is_too_odd_to_be_compared(one: str, other: str) -> None:
    assert not same_author(one, other) or words_of(one)
    phrases_in(a_paper(title=one), [other])


@pytest.mark.parametrize(
    ("phrase", "title"),
    [
        ("mixture of experts", "Sparse Mixture-of-Experts at scale"),
        ("Mixture-of-Experts", "A mixture of  experts"),
        ("vision language", "Vision–Language (models)"),
        ("Schrödinger", r"The Schr\"odinger bridge"),
        ("alzheimer", "Alzheimer's disease"),
        ("k-means", "On $k$-means"),
        ("C++", "Agents that write C++."),
        ("３D", "A 3D scene"),
    ],
)
def test_a_phrase_is_found_in_title_or_abstract_however_it_is_written(
    phrase: str, title: str
) -> None:
    assert phrases_in(a_paper(title=title), [phrase]) == [phrase]
    assert phrases_in(a_paper(abstract=f"We say: {title}"), ["none", phrase]) == [phrase]


@pytest.mark.parametrize(
    ("phrase", "title"),
    [
        ("expert", "Experts in the loop"),
        ("world model", "World models"),
        ("C", "Agents that write C++."),
        ("red teaming", "Teaming up: red and blue"),
    ],
)
def test_a_phrase_is_whole_words_in_a_row(phrase: str, title: str) -> None:
    assert phrases_in(a_paper(title=title), [phrase]) == []


def test_a_phrase_does_not_begin_in_the_title_and_end_in_the_abstract() -> None:
    paper = a_paper(title="About red", abstract="Teaming is hard.")
    assert phrases_in(paper, ["red teaming"]) == []


def test_of_many_authors_those_that_are_followed_are_named_as_the_profile_has_them() -> None:
    paper = a_paper(authors=("Ada Lovelace", "C. Babbage", "Alan Turing"))
    followed = ["Charles Babbage", "Grace Hopper", "LOVELACE, Ada"]
    assert authors_among(paper, followed) == ["Charles Babbage", "LOVELACE, Ada"]
