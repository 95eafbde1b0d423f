"""Papers as batches."""

import datetime as dt
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from arxiv_digest.batches import MAX_BATCH_BYTES, make_batches
from arxiv_digest.models import AnnounceType, Paper

DAY = dt.date(2026, 1, 22)
SQS_MESSAGE = 256 * 1024
A_THIRD = MAX_BATCH_BYTES // 3


def papers(*lengths, character="a"):
    return [
        Paper(
            id=f"2601.{number:05}",
            version=1,
            title="A title",
            authors=("Ada One",),
            abstract=character * length,
            categories=("cs.CV",),
            announce_type=AnnounceType.NEW,
            announced=DAY,
        )
        for number, length in enumerate(lengths)
    ]


def size(*values):
    return sum(len(value.model_dump_json().encode()) for value in values)


announced = st.lists(
    st.integers(0, 3000) | st.sampled_from([20_000, 60_000, A_THIRD, 210_000]), max_size=60
)


@given(lengths=announced, most=st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_batches_hold_each_paper_once_in_order_numbered_from_one(lengths, most):
    listed = papers(*lengths)

    batches = make_batches(DAY, listed, most)

    assert [paper for batch in batches for paper in batch.papers] == listed
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
    position = 0
    for batch in batches:
        assert batch.date == DAY
        assert list(batch.positions) == [*range(position, position + len(batch.papers))]
        assert 1 <= len(batch.papers) <= most
        position += len(batch.papers)


@given(lengths=announced, most=st.integers(1, 50), character=st.sampled_from("aé中𝔘"))
@settings(max_examples=60, deadline=None)
def test_a_batch_fits_into_a_message_unless_one_paper_alone_does_not(lengths, most, character):
    for batch in make_batches(DAY, papers(*lengths, character=character), most):
        assert size(*batch.papers) <= MAX_BATCH_BYTES or len(batch.papers) == 1
        assert size(batch) < SQS_MESSAGE or len(batch.papers) == 1


@given(lengths=announced, most=st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_no_batch_is_shorter_than_it_has_to_be(lengths, most):
    batches = make_batches(DAY, papers(*lengths), most)

    for batch, following in pairwise(batches):
        full = len(batch.papers) == most
        assert full or size(*batch.papers, following.papers[0]) > MAX_BATCH_BYTES


def test_papers_of_the_usual_length_are_cut_by_number_alone():
    batches = make_batches(DAY, papers(*[2000] * 216), 10)

    assert [len(batch.papers) for batch in batches] == [10] * 21 + [6]
    assert [batch.positions[0] for batch in batches[:3]] == [0, 10, 20]


def test_a_paper_over_the_limit_stands_alone_and_keeps_its_place():
    batches = make_batches(DAY, papers(10, MAX_BATCH_BYTES, 10, 10), 10)

    assert [len(batch.papers) for batch in batches] == [1, 1, 2]


def test_no_papers_are_no_batches():
    assert make_batches(DAY, [], 10) == ()
