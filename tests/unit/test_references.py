"""A reader's own papers, from whatever reference managers export."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.references import Reference, distinct, named_paper, read_references

ATTENTION = Reference("Attention Is All You Need", "We transduce.", "1706.03762", ("cs.CL",))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "arxiv.bib",
            "@misc{a, title={Attention Is All You Need}, abstract={We transduce.},"
            " eprint={1706.03762v7}, archivePrefix={arXiv}, primaryClass={cs.CL}}",
        ),
        (
            "zotero.bib",
            "@misc{a, title={{Attention} Is {All} You Need}, abstract = {We transduce.},"
            " note={arXiv:1706.03762 [cs.CL]}, publisher={arXiv}}",
        ),
        (
            "zotero.json",
            '[{"title": "Attention Is <i>All</i> You Need", "abstract": "We transduce.",'
            ' "note": "arXiv:1706.03762 [cs.CL]", "issued": {"date-parts": [[2017]]}}]',
        ),
        (
            "better.json",
            '{"items": [{"title": "Attention Is All You Need", "abstractNote": "We transduce.",'
            ' "url": "http://arxiv.org/abs/1706.03762v7", "extra": "[cs.CL]"}]}',
        ),
        (
            "zotero.csv",
            '"Key","Title","Abstract Note","Url","Extra"\n"K","Attention Is All You Need",'
            '"We\ntransduce.","http://arxiv.org/abs/1706.03762","arXiv:1706.03762 [cs.CL]"\n',
        ),
        (
            "zotero.ris",
            "TY  - JOUR\nTI  - Attention Is All\n  You Need\nAB  - We transduce.\n"
            "DO  - 10.48550/arXiv.1706.03762\nN1  - arXiv:1706.03762 [cs.CL]\nER  - \n",
        ),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_each_export_gives_the_same_paper(name: str, text: str, mark: str) -> None:
    assert read_references(name, mark + text) == ((ATTENTION,), 0, ())


def test_a_list_has_identifiers_and_links_and_comments() -> None:
    text = "2601.14327v2  # a comment\nhttps://arxiv.org/abs/astro-ph/0601001, nonsense\n\n"
    read = read_references("ids.txt", text)
    assert [one.arxiv_id for one in read.found] == ["2601.14327", "astro-ph/0601001"]
    assert read.unreadable == ("line 2: 'nonsense' is no arXiv identifier",)


@pytest.mark.parametrize(
    ("fields", "identity"),
    [
        ("journal={ArXiv}, volume={abs/1706.03762}", "1706.03762"),
        ("journal={CoRR}, volume={abs/math/0309136}", "math/0309136"),
        ("eprint={math.GT/0309136}", "math/0309136"),
        ("note={arXiv:math.GT/0309136v2}", "math/0309136"),
        ("archivePrefix={hep-th}, eprint={9901001}", "hep-th/9901001"),
        ("archivePrefix={hep-th}, eprint={hep-th/9901001}", "hep-th/9901001"),
        ("archivePrefix={arXiv}, eprint={0309136}, primaryClass={math.GT}", "math/0309136"),
    ],
)
def test_an_identifier_is_found_however_it_is_written(fields: str, identity: str) -> None:
    read = read_references("a.bib", f"@misc{{a, title={{A}}, {fields}}}")
    assert [one.arxiv_id for one in read.found] == [identity]


@pytest.mark.parametrize(
    ("word", "identity"),
    [
        ("2601.14327v2", "2601.14327"),
        ("math.GT/0309136", "math/0309136"),
        ("arXiv:2601.14327", "2601.14327"),
        ("arxiv.org/pdf/2601.14327v2.pdf", "2601.14327"),
        ("https://example.org/papers/2601.14327", "2601.14327"),
        ("papers-2601.14327.bib", ""),
        ("2601.14327.bib", ""),
        ("folder/2601.14327", ""),
    ],
)
def test_a_word_is_an_identifier_or_a_link_and_no_file(word: str, identity: str) -> None:
    assert named_paper(word) == identity


@pytest.mark.parametrize(
    "field",
    [
        "eprint={1234501}, archivePrefix={JSTOR}",
        "eprint={1234501}",
        "doi={10.1000/1234.56789}",
        "url={https://example.org/abc/1234567}",
        "eprint={2401.00001}, archivePrefix={JSTOR}",
        "eprint={2499.12345}",  # of no month
        "abstract={We extend arXiv:2401.00001.}",
    ],
)
def test_what_only_looks_like_an_identifier_is_none(field: str) -> None:
    read = read_references("a.bib", f"@misc{{a, title={{A}}, {field}}}")
    assert [one.arxiv_id for one in read.found] == [""]


def test_damaged_entries_are_named_and_the_others_are_read() -> None:
    text = """
@misc{twice, title={One}}
@misc{twice, title={Two}}
@misc{field, title={Three}, title={Four}}
@misc{open, title={Five {is cut off}, year=2020
@misc{after, title={Six}}
@misc{untitled, author={Nobody}}
@string{unused = "x"}
@comment{nothing}
@misc{end, title={
"""
    read = read_references("damaged.bib", text)
    assert [one.title for one in read.found] == ["One", "Two", "Three", "Six"]
    assert [line.partition(":")[0] for line in read.unreadable] == ["line 5", "line 7", "line 10"]
    assert "braces" in read.unreadable[0]
    assert "neither a title nor an arXiv identifier" in read.unreadable[1]


def test_tex_becomes_what_it_shows_and_mathematics_stays() -> None:
    text = r"@misc{a, title={{\'E}tale \emph{maps} of $x_{1}$ by {GPU}s: 5\% less}}"
    assert read_references("a.bib", text).found[0].title == "Étale maps of $x_{1}$ by GPUs: 5% less"


def test_a_paper_that_stands_there_again_is_counted_and_left_out() -> None:
    text = "@misc{a, title={A Title}, eprint={2401.00001}}\n@misc{b, title={a title.}}"
    text += "\n@misc{c, title={Other}, url={arxiv.org/abs/2401.00001v3}}"
    read = read_references("a.bib", text)
    assert [one.title for one in read.found] == ["A Title"]
    assert read.repeated == 2


def test_what_one_entry_of_a_paper_does_not_tell_another_does() -> None:
    read = distinct(
        [
            Reference("", arxiv_id="2401.00001"),
            Reference("A Title", "Its abstract."),
            Reference("Other"),
            Reference("a title", arxiv_id="2401.00001", categories=("cs.LG",)),
            Reference("A Title", "Another abstract.", categories=("cs.CV",)),
        ]
    )
    assert read == (
        Reference("a title", "Its abstract.", "2401.00001", ("cs.LG",)),
        Reference("Other"),
    )


def test_papers_of_one_title_with_different_identifiers_are_two() -> None:
    papers = [Reference("Errata", arxiv_id=f"2401.0000{number}") for number in (1, 2)]
    without = Reference("Errata", "An abstract.")
    first, second = distinct([without, *papers])
    assert first == Reference("Errata", "An abstract.", "2401.00001")
    assert second == papers[1]
    assert distinct([*papers, without]) == (first, second)


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("a.json", "{", "the file: is not JSON"),
        ("a.json", "[" * 100_000, "the file: is not JSON"),
        ("a.json", '{"title": "A"}', "the file: is no list of items"),
        ("a.json", '["A"]', "item 1: is no item with keys"),
        ("a.csv", "Titel,Url\nA,b\n", "the file: has no column Title"),
        ("a.csv", 'Title\n"never closed\nA\nB\n', "line 2 and what follows: is not CSV"),
        ("a.ris", "Attention Is All You Need\n", "line 1: is no RIS"),
    ],
)
def test_a_file_of_another_kind_is_explained(name: str, text: str, wrong: str) -> None:
    read = read_references(name, text)
    assert not read.found
    assert read.unreadable[0].startswith(wrong)


def test_a_field_of_csv_may_be_long() -> None:
    read = read_references("a.csv", f"Title,Abstract Note\nA,{'a' * 200_000}\nB,b\n")
    assert [len(one.abstract) for one in read.found] == [200_000, 1]


def test_an_entry_whose_brace_stands_apart_is_read_and_what_only_begins_as_one_is_named() -> None:
    text = "@article\n{k, title={One}}\n@misc {b,\n title={Two}}\n%\n@article%x\n{k, title={3}}"
    read = read_references("a.bib", text)
    assert [one.title for one in read.found] == ["One", "Two"]
    assert read.unreadable == ("line 6: is no entry that can be read: @article%x",)


NAMES = st.sampled_from(["a.bib", "a.json", "a.csv", "a.ris", "a.txt"])
PIECES = st.sampled_from(
    ["@misc{", "a,", "title={", "}", '"', "TY  - X\n", "TI  - ", "ER  -\n", "\n", "Title", ",", "$"]
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join)


@given(NAMES, TEXTS)
def test_no_text_whatever_raises(name: str, text: str) -> None:
    for one in read_references(name, text).found:
        assert one.title or one.arxiv_id
        assert one.title.isprintable()
        assert one.abstract.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
ITEM = st.fixed_dictionaries({}, optional={"title": JSON, "abstract": JSON, "URL": JSON})


@settings(max_examples=40)
@given(st.lists(JSON | ITEM, max_size=5))
def test_every_item_of_json_is_found_repeated_or_named(items: list[object]) -> None:
    read = read_references("a.json", json.dumps(items))
    assert len(read.found) + read.repeated + len(read.unreadable) == len(items)
