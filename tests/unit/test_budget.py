"""What scoring is expected to take, which has to be more than it does take."""

from __future__ import annotations

from math import ceil

from arxiv_digest.budget import expected_of_call, expected_of_day
from arxiv_digest.models import Example, Tokens
from arxiv_digest.profile import Price
from arxiv_digest.scoring import make_prompt
from tests.builders import a_profile, papers


def test_a_day_takes_what_its_calls_take() -> None:
    profile = a_profile(papers_per_call=4)
    day = papers(10)
    calls = (day[:4], day[4:8], day[8:])
    expected = sum(expected_of_call(make_prompt(call, profile), len(call)) for call in calls)
    assert expected_of_day(day, profile) == expected
    assert expected_of_day([], profile) == 0
    examples = [Example(id="1", more=True, title="An example"), Example(id="2", more=False)]
    told = sum(expected_of_call(make_prompt(call, profile, examples), len(call)) for call in calls)
    assert expected_of_day(day, profile, examples) == told > expected


def test_more_is_expected_than_a_token_of_four_bytes_takes() -> None:
    prompt = make_prompt(papers(10), a_profile())
    size = len((prompt.system + prompt.user).encode())
    assert expected_of_call(prompt, 10) > size / 4 + 10 * 15
    assert expected_of_call(prompt, 10) < size


def test_a_price_counts_cached_tokens_by_themselves() -> None:
    tokens = Tokens(prompt=3_000_000, cached=2_000_000, completion=1_000_000, total=4_000_000)
    assert Price(prompt=2, completion=8).cost(tokens) == 3 * 2 + 8
    assert Price(prompt=2, completion=8, cached=0.5).cost(tokens) == 2 + 2 * 0.5 + 8
    assert ceil(Price(prompt=2, completion=8).cost(Tokens())) == 0
