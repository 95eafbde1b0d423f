"""Links that cast votes, which of them are refused, and what votes teach."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arxiv_digest.models import Choice, PastScore, Vote
from arxiv_digest.rendering import day_files, render_mail, render_page
from arxiv_digest.rendering.mail import PART_BYTES
from arxiv_digest.scoring import make_prompt
from arxiv_digest.voting import (
    LINK_DAYS,
    LONGEST_TOKEN,
    MOST,
    TAUGHT,
    WEIGHT,
    Ballot,
    LinkExpired,
    LinkForged,
    Voting,
    as_examples,
    checked,
    signed,
    voter,
    votes_before,
    with_votes,
)
from tests.builders import DAY, NOW, a_digest, a_paper, a_profile, papers, scored
from tests.unit.test_mail import WEB, a_day, bytes_of
from tests.unit.test_rendering import SENDER, part

KEY = "a key of 64 letters and digits, made by Secrets Manager"
ADDRESS = "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws/"
EXPIRES = int((NOW + dt.timedelta(days=30)).timestamp())
BALLOT = Ballot(Choice.MORE, DAY, "2601.00001", voter("one@example.org"), EXPIRES, "theory")

BALLOTS = st.builds(
    Ballot,
    st.sampled_from([Choice.MORE, Choice.LESS]),
    st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)),
    st.from_regex(r"[0-9]{4}\.[0-9]{5}|[a-z]{2,8}(-[a-z]{2})?/[0-9]{7}", fullmatch=True),
    st.emails().map(voter),
    st.integers(EXPIRES, 2**33),
    st.from_regex(r"[a-z0-9-]{0,40}", fullmatch=True),
)


def a_vote(number: int = 1, choice: Choice = Choice.MORE, minute: int = 0, **changed: Any) -> Vote:
    values: dict[str, Any] = {
        "paper": a_paper(number),
        "field": "Pruning",
        "date": DAY,
        "choice": choice,
        "version": 1,
        "cast_at": NOW + dt.timedelta(minutes=minute),
    }
    return Vote.model_validate({**values, **changed})


# ------------------------------------------------------------------------------ links


@given(BALLOTS)
def test_a_link_says_what_was_signed(ballot: Ballot) -> None:
    token = signed(ballot, KEY)
    assert checked(token, KEY, NOW) == ballot
    assert len(token) <= LONGEST_TOKEN


@given(BALLOTS, st.data())
def test_a_link_with_any_character_changed_is_forged(ballot: Ballot, data: st.DataObject) -> None:
    token = signed(ballot, KEY)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda mark: mark != token[place]))
    with pytest.raises(LinkForged):
        checked(token[:place] + other + token[place + 1 :], KEY, NOW)


@given(BALLOTS, st.integers(0, 200), st.text(max_size=40))
def test_a_link_that_is_cut_off_or_goes_on_is_forged(ballot: Ballot, kept: int, more: str) -> None:
    token = signed(ballot, KEY)
    changed = token[:kept] + more
    if changed != token:
        with pytest.raises(LinkForged):
            checked(changed, KEY, NOW)


@given(st.text())
def test_whatever_is_no_link_is_forged(text: str) -> None:
    with pytest.raises(LinkForged):
        checked(text, KEY, NOW)


@pytest.mark.parametrize("text", ["", "~", "~~~~~~", "more", "\ud800", "0" * 10_000, "\x00~\x00"])
def test_text_that_could_trip_a_parser_is_forged(text: str) -> None:
    with pytest.raises(LinkForged):
        checked(text, KEY, NOW)


def test_a_link_of_another_stack_is_forged() -> None:
    with pytest.raises(LinkForged):
        checked(signed(BALLOT, "another stack's key"), KEY, NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"profile": "vision"},
        {"profile": ""},
        {"reader": voter("two@example.org")},
        {"paper_id": "2601.00002"},
        {"date": DAY + dt.timedelta(days=1)},
        {"choice": Choice.LESS},
        {"expires": EXPIRES + 1},
    ],
    ids=str,
)
def test_a_signature_is_good_for_nothing_else(changed: Any) -> None:
    signature = signed(BALLOT, KEY).rpartition("~")[2]
    told = signed(BALLOT._replace(**changed), KEY).rpartition("~")[0]
    with pytest.raises(LinkForged):
        checked(f"{told}~{signature}", KEY, NOW)


def test_a_link_can_be_used_until_its_time_is_over() -> None:
    token = signed(BALLOT, KEY)
    end = dt.datetime.fromtimestamp(EXPIRES, dt.UTC)
    assert checked(token, KEY, end - dt.timedelta(seconds=1)) == BALLOT
    with pytest.raises(LinkExpired):
        checked(token, KEY, end)


def test_a_forged_link_is_not_called_expired_whatever_time_it_names() -> None:
    token = signed(BALLOT._replace(expires=0), "another key")
    with pytest.raises(LinkForged):
        checked(token, KEY, NOW)


def test_a_refusal_and_a_printed_voting_tell_no_address_and_no_key() -> None:
    expired = signed(BALLOT._replace(expires=1), KEY)
    with pytest.raises(LinkExpired) as refused:
        checked(expired, KEY, NOW)
    assert BALLOT.reader not in str(refused.value)
    assert KEY not in repr(Voting(ADDRESS, KEY))
    assert "example" not in signed(BALLOT, KEY)


def test_the_links_of_a_digest_are_those_of_its_date_and_its_reader() -> None:
    paper = a_paper()
    links = Voting(ADDRESS, KEY, "theory").links(
        a_digest([(paper, scored(paper))]), "One@example.org"
    )
    more, less = links(paper.id)
    assert more.startswith(f"{ADDRESS}?v=more~")
    assert checked(more.partition("?v=")[2], KEY, NOW) == BALLOT
    assert checked(less.partition("?v=")[2], KEY, NOW) == BALLOT._replace(choice=Choice.LESS)
    assert BALLOT.expires == int((NOW + dt.timedelta(days=LINK_DAYS)).timestamp())


def test_links_are_short_and_of_one_length_for_all_readers() -> None:
    digest = a_digest([])
    voting = Voting(ADDRESS, KEY, "theory")
    readers = ("a@b.org", "somebody.with.a.long.name@department.university.example", "page")
    lengths = {
        len(link) for reader in readers for link in voting.links(digest, reader)("2601.00001")
    }
    assert len(lengths) == 1
    assert max(lengths) < 170


def test_a_digest_that_is_made_again_has_the_same_links() -> None:
    digest = a_digest([])
    later = digest.model_copy(update={"made_at": NOW + dt.timedelta(days=3)})
    voting = Voting(ADDRESS, KEY)
    assert voting.links(digest)("2601.00001") == voting.links(later)("2601.00001")


# ------------------------------------------------------------------------------ where they stand


def ballots(text: str) -> list[Ballot]:
    """Every link of a page or a mail, checked."""
    return [checked(token, KEY, NOW) for token in re.findall(rf"{ADDRESS}\?v=([\w~./-]+)", text)]


VOTING = Voting(ADDRESS, KEY, "theory")


@pytest.mark.parametrize(("language", "said"), [("en", "More like this"), ("zh", "想多看")])
def test_the_page_has_links_beside_each_recommended_paper_and_no_other(
    language: str, said: str
) -> None:
    good, low = papers(2)
    digest = a_digest([(good, scored(good)), (low, scored(low, 1))], a_profile(language=language))
    page = render_page(digest, voting=VOTING)
    shared = BALLOT._replace(reader=voter("page"))
    assert ballots(page) == [shared, shared._replace(choice=Choice.LESS)]
    assert f'aria-label="{said}: {good.id}">{said}</a>' in page
    assert page.count('rel="nofollow"') == 2


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_mail_has_its_recipients_links_beside_each_paper_in_full(language: str) -> None:
    digest = a_day(3, language=language)
    for recipient in ("one@example.org", "two@example.org"):
        message = render_mail(digest, SENDER, recipient, WEB, VOTING)
        for subtype in ("plain", "html"):
            found = ballots(part(message, subtype))
            assert len(found) == 6
            assert {ballot.reader for ballot in found} == {voter(recipient)}
            assert {ballot.paper_id for ballot in found} == {
                entry.paper.id for entry in digest.recommendations
            }


@pytest.mark.parametrize("recommended", [1, 30, 60, 300, 900])
def test_no_mail_with_links_is_clipped_and_none_has_anybodys_link(recommended: int) -> None:
    digest = a_day(recommended, failed=20)
    for recipient in ("a@b.org", "somebody.with.a.long.name@department.university.example"):
        message = render_mail(digest, SENDER, recipient, WEB, VOTING)
        for subtype in ("plain", "html"):
            assert bytes_of(message, subtype) <= PART_BYTES
            assert {one.reader for one in ballots(part(message, subtype))} == {voter(recipient)}


def test_without_voting_there_is_no_link_and_the_json_never_has_one() -> None:
    digest = a_day(3)
    message = render_mail(digest, SENDER, "one@example.org", WEB)
    told = [render_page(digest), part(message, "plain"), part(message, "html")]
    files = dict(day_files(digest, VOTING))
    told += [body.decode() for key, body in files.items() if not key.endswith(".html")]
    for text in told:
        assert "lambda-url" not in text
        assert "More like this" not in text
    assert len(ballots(files[f"{DAY}/digest.html"].decode())) == 6


# ------------------------------------------------------------------------------ what votes teach


def test_votes_that_were_cast_or_changed_after_a_run_began_wait_for_the_next() -> None:
    votes = [a_vote(1, minute=5), a_vote(2, minute=-5), a_vote(3, minute=-9), a_vote(4, minute=0)]
    assert [vote.paper.id for vote in votes_before(votes, NOW)] == ["2601.00003", "2601.00002"]


def test_of_very_many_votes_the_latest_count() -> None:
    many = [a_vote(1, minute=-number) for number in range(1, MOST + 3)]
    assert votes_before(many, NOW) == many[MOST - 1 :: -1]


def test_a_vote_that_was_taken_back_teaches_nothing() -> None:
    assert votes_before([a_vote(1, Choice.NONE, minute=-5)], NOW) == []


def test_votes_take_the_place_of_what_the_model_gave() -> None:
    history = [PastScore(paper, 8.0, "Pruning", DAY) for paper in papers(2)]
    taught = with_votes(history, [a_vote(1, Choice.LESS), a_vote(3)])
    assert [(one.paper.id, one.score, one.weight) for one in taught] == [
        ("2601.00002", 8.0, 1.0),
        ("2601.00001", 0.0, WEIGHT),
        ("2601.00003", 10.0, WEIGHT),
    ]


def test_readers_of_one_paper_are_averaged_and_count_as_one() -> None:
    votes = [a_vote(1), a_vote(1), a_vote(1), a_vote(1, Choice.LESS)]
    [taught] = with_votes([], votes)
    assert (taught.score, taught.weight) == (7.5, WEIGHT)


def test_without_votes_history_stays_as_it_is() -> None:
    history = [PastScore(paper, 8.0, "Pruning", DAY) for paper in papers(2)]
    assert with_votes(history, []) == history
    assert as_examples([]) == ()


def test_the_prompt_has_the_latest_votes_by_title_and_stays_as_it_was_without_any() -> None:
    many = [a_vote(number, minute=number) for number in range(1, TAUGHT + 4)]
    few = [a_vote(number, Choice.LESS, minute=number) for number in (90, 91)]
    examples = as_examples([*few, *reversed(many)])
    prompt = make_prompt([a_paper(99)], a_profile(), examples)
    told = [line for line in prompt.user.splitlines() if " like: " in line]
    assert told == [
        *(f"more like: Paper {number} on things" for number in range(4, TAUGHT + 4)),
        "less like: Paper 90 on things",
        "less like: Paper 91 on things",
    ]
    assert make_prompt([a_paper(99)], a_profile(), as_examples([])) == make_prompt(
        [a_paper(99)], a_profile()
    )


def test_the_prompt_has_no_paper_that_it_asks_about_or_that_readers_disagree_on() -> None:
    votes = [a_vote(1), a_vote(2), a_vote(2, Choice.LESS), a_vote(3), a_vote(3)]
    assert [example.id for example in as_examples(votes, ["2601.00001"])] == ["2601.00003"]
