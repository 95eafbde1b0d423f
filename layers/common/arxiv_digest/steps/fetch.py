"""Announcements to batches on the queue: the first step of a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from arxiv_digest.adapters.archive import Archive, announced_key, raw_feed_key
from arxiv_digest.adapters.arxiv import ExportApi, FeedReader, FeedUnreachable
from arxiv_digest.adapters.queue import Queue
from arxiv_digest.adapters.runs import Pending, Runs, for_all
from arxiv_digest.announcements import (
    ANNOUNCED,
    Announced,
    ParsedFeed,
    in_order,
    judged,
    merge,
    parse_feed,
    unread,
)
from arxiv_digest.batches import as_announced, make_batches, make_triaged
from arxiv_digest.firings import (
    Action,
    FetchEvent,
    action,
    came_to_nothing,
    categories_to_read,
    days_before,
    eastern_date,
    newest,
    refuse_unfinished,
)
from arxiv_digest.models import (
    AnnounceType,
    Batch,
    Example,
    Failed,
    FeedReading,
    FeedState,
    Paper,
    ProfileDay,
    Run,
    Scorer,
    ScorerKind,
    Triage,
    TriagedPart,
    Value,
    Vote,
)
from arxiv_digest.profile import Profile, load_profile
from arxiv_digest.steps.backfill import past_feed
from arxiv_digest.steps.examples import keep_examples, profile_examples
from arxiv_digest.steps.profiles import SINGLE, Kept, kept_profiles
from arxiv_digest.triage import cut, opens, recall
from arxiv_digest.voting import as_examples, votes_before, with_votes

ABANDONED = dt.timedelta(minutes=20)
"""After this time a run whose messages were not all sent is finished by the next firing: longer
than fetch can run, so that it is certainly not at work any more."""

AUDITED = dt.timedelta(days=45)
"""So far back the audits of triage tell how much it keeps: some 30 announcement days."""

REBUILT = (FeedState.FRESH, FeedState.EMPTY, FeedState.APPROXIMATE)
"""States of a past day's feed in which nobody has to ask for it again."""

EVERY_TYPE = tuple(AnnounceType)
"""What was read for many profiles: each of them decides what of it to read."""

READING = 480.0
"""Seconds for reading all feeds, of the 900 that fetch has."""


class Done(StrEnum):
    """What a firing did."""

    STARTED = "started"
    RESUMED = "resumed"
    REOPENED = "reopened"
    WAITED = "waited"
    NOTHING = "nothing"


class FetchResult(Value):
    """What a firing did for which announcement date, and what it found.

    ``stored`` are the categories whose unread announcements were kept for the next run,
    ``profiles`` the names of the other profiles, and ``refused`` the errors of those that cannot be
    used, by name.
    """

    date: dt.date
    done: Done
    announced: int = 0
    batches: int = 0
    feeds: tuple[FeedReading, ...] = ()
    stored: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    refused: dict[str, str] = Field(default_factory=dict)


class Plan(NamedTuple):
    """What becomes of a day's papers, by their positions in announcement order.

    ``order`` are queued, the first to be scored first, ``dropped`` are left out; ``ranks`` has the
    rank of every paper, where they were ranked.
    """

    order: tuple[int, ...]
    dropped: tuple[int, ...] = ()
    ranks: tuple[int, ...] = ()
    triage: Triage | None = None


@dataclass(frozen=True)
class Fetch:
    """The first step with its adapters.

    Of many profiles the first one leads: its run, which fetch starts itself, says for all of them
    what was read of a date. Each of the others, its ``followers``, gets a message of the day.
    ``name`` is that of the profile whose run it is; ``voting`` says that readers' votes count, and
    ``log`` is told what could not be had of them.
    """

    arxiv: FeedReader
    export_api: ExportApi
    runs: Runs
    queue: Queue
    profile_queue: Queue
    archive: Archive
    scorer: Scorer
    name: str = SINGLE
    leads: bool = False
    followers: tuple[Kept, ...] = ()
    voting: bool = False
    log: Callable[[str], None] = print

    def __call__(self, event: FetchEvent, now: dt.datetime, invocation: str = "") -> FetchResult:
        """Do what one firing has to do.

        ``invocation`` is the same when Lambda tries a call again: it then goes on with the run
        that the first try started.

        Raises :class:`~arxiv_digest.profile.ProfileError` before anything is fetched when no
        profile can be used, and ``ValueError`` for a backfill of a day that is not over. Whatever
        is wrong with a feed is a state of the run instead, and a wrong profile among others stands
        in the result.
        """
        if event.date:
            refuse_unfinished(event.date, eastern_date(now))
        profiles = kept_profiles(self.archive)
        first, *followers = profiles.usable
        leading = replace(self._of(first.name), leads=True, followers=tuple(followers))
        if event.date:
            result = leading._backfill(event.date, event.mail, now, invocation, first)
        else:
            result = leading._fire(event, now, invocation, first)
        return result.model_copy(update={"refused": profiles.refused})

    def start(self, day: ProfileDay, now: dt.datetime, message: str) -> FetchResult:
        """Start the run of one of many profiles, of what was read of a date for all of them.

        ``message`` is the same when SQS delivers a message again.
        """
        kept = Kept(day.profile, day.text, load_profile(day.text, f"profiles/{day.profile}.yaml"))
        one = self._of(day.profile)
        if day.rebuilt:
            return one._backfill(day.date, day.mail, now, message, kept)
        run = one.runs.get(day.date)
        if run is None:
            return one._start(day.date, now, message, kept, one._announced(day.date))
        resumed = one._resume(run, now, message)
        return one._result(run, Done.RESUMED if resumed else Done.NOTHING)

    def _of(self, name: str) -> Fetch:
        return replace(self, runs=self.runs.of(name), name=name)

    def _result(self, run: Run, done: Done, stored: tuple[str, ...] = ()) -> FetchResult:
        return FetchResult(
            date=run.date,
            done=done,
            announced=run.announced,
            batches=run.batches,
            feeds=run.feeds,
            stored=stored,
            profiles=tuple(follower.name for follower in self.followers),
        )

    def _categories(self, profile: Profile) -> list[str]:
        """The categories that some profile reads."""
        profiles = (profile, *(follower.profile for follower in self.followers))
        return list(dict.fromkeys(name for one in profiles for name in one.categories))

    def _fire(
        self, event: FetchEvent, now: dt.datetime, invocation: str, kept: Kept
    ) -> FetchResult:
        today = eastern_date(now)
        run = None if event.firing == "manual" else self.runs.get(today)
        if run and self._resume(run, now, invocation):
            return self._result(run, Done.RESUMED)
        waiting = {feed.category for feed in self.runs.pending() if feed.date == today}
        readings = (*run.feeds, *run.read) if run else ()
        wanted = [
            category
            for category in categories_to_read(self._categories(kept.profile), readings)
            if event.firing == "manual" or category not in waiting
        ]
        if run and not wanted:
            return self._result(run, Done.NOTHING)
        feeds = [self._read(category, READING / len(wanted)) for category in wanted]
        date = (
            newest((feed.reading for feed in feeds), today) if event.firing == "manual" else today
        )
        feeds = [judged(feed, date) for feed in feeds]
        run = run or self.runs.get(date)
        readings = tuple(feed.reading for feed in feeds)
        match action(event, readings, run is not None):
            case Action.START:
                pending = self.runs.pending()
                feeds += [self._stored(feed) for feed in pending]
                result = self._start(date, now, invocation, kept, feeds)
                if result.done is Done.STARTED:
                    self.runs.clear_pending(pending)
                return result
            case Action.WAIT:
                stale = [feed for feed in feeds if feed.reading.state is FeedState.STALE]
                stored = self._store_unread(stale, kept.profile)
                return FetchResult(date=date, done=Done.WAITED, feeds=readings, stored=stored)
            case Action.STORE:
                if run and self._resume(run, now, invocation):
                    return self._result(run, Done.RESUMED)
                whole = (FeedState.FRESH, FeedState.STALE)
                read = [feed for feed in feeds if feed.reading.state in whole]
                stored = self._store_unread(read, kept.profile)
                if run is None:
                    return FetchResult(date=date, done=Done.NOTHING, feeds=readings, stored=stored)
                return self._result(run, Done.NOTHING, stored)

    def _backfill(
        self, date: dt.date, mail: bool, now: dt.datetime, invocation: str, kept: Kept
    ) -> FetchResult:
        """Rebuild a day that is over.

        That feeds of it wait for the next regular run stays noted: it reads what is new in them.
        """
        run = self.runs.get(date)
        if run and self._resume(run, now, invocation):
            return self._result(run, Done.RESUMED)
        if run and came_to_nothing(run):
            if not self.runs.discard(date):
                return self._result(run, Done.NOTHING)
        elif run:
            reopened = self._reopen(run, mail)
            self._tell_followers(run.date, rebuilt=True, mail=mail)
            return self._result(run, Done.REOPENED if reopened else Done.NOTHING)
        categories = self._categories(kept.profile)
        patience = READING / len(categories)
        # What the leading profile's backfill has just found is not asked for by each of the others.
        read = () if self.leads else self._announced(date)
        found = {feed.reading.category: feed for feed in read if feed.reading.state in REBUILT}
        feeds = [
            found.get(category)
            or past_feed(self.archive, self.export_api, category, date, patience)
            for category in categories
        ]
        return self._start(date, now, invocation, kept, feeds, rebuilt=True, mail=mail)

    def _announced(self, date: dt.date) -> tuple[ParsedFeed, ...]:
        """What was read of a date for many profiles."""
        key = announced_key(date)
        content = self.archive.read(key)
        return ANNOUNCED.read(content, key).feeds if content is not None else ()

    def _read(self, category: str, patience: float) -> ParsedFeed:
        feed, content = read_feed(self.arxiv, category, patience)
        if content is not None:
            date = feed.reading.date or "undated"
            whole = feed.reading.state is not FeedState.CUT_OFF
            self.archive.write(raw_feed_key(date, category, whole=whole), content)
        return feed

    def _start(
        self,
        date: dt.date,
        now: dt.datetime,
        invocation: str,
        kept: Kept,
        read: Sequence[ParsedFeed],
        *,
        rebuilt: bool = False,
        mail: bool = True,
    ) -> FetchResult:
        profile = kept.profile
        names = [self.name, *(follower.name for follower in self.followers)]
        if self.leads and names != [SINGLE]:
            self.runs.note_profiles(date, names)
        if self.followers:
            self.archive.write(
                announced_key(date), Announced(date=date, feeds=tuple(read)).model_dump_json()
            )
        feeds = in_order(read, profile.categories)
        merged = merge([feed.papers for feed in feeds], profile.announce_types)
        # Read by a run of this very date they are its own: that run has expired since.
        seen = self.runs.seen([paper.id for paper in merged.papers])
        papers = unread(merged.papers, seen, date)
        examples = self._examples(date, papers, profile)
        votes = self._votes(now)
        others = [*(paper.id for paper in papers), *(example.id for example in examples)]
        shown = as_examples(votes, others)
        plan = self._plan(date, papers, profile, examples, votes, shown)
        batches = make_batches(date, papers, profile.papers_per_call, plan.order, self.name)
        triaged = make_triaged(date, papers, plan.dropped, plan.ranks)
        run = Run(
            date=date,
            started_at=now,
            invocation=invocation,
            profile=kept.text,
            feeds=tuple(feed.reading for feed in feeds),
            announced=len(papers),
            batches=len(batches),
            left_out=merged.left_out,
            seen_before=len(merged.papers) - len(papers),
            scorer=self._scorer(profile),
            triage=plan.triage,
            rebuilt=rebuilt,
            mail=mail,
            read=tuple(feed.reading for feed in read if feed not in feeds),
            examples=examples,
            votes=shown,
        )
        if not self.runs.create(run, batches, triaged, votes):
            return FetchResult(date=date, done=Done.NOTHING)
        if self.followers:
            for feed in read:
                papers_of_feed = merge([feed.papers], EVERY_TYPE).papers
                self.runs.of(for_all(feed.reading.category)).mark_seen(papers_of_feed, date)
        self._send(run, batches, triaged)
        return self._result(run, Done.STARTED)

    def _votes(self, now: dt.datetime) -> list[Vote]:
        """The votes that count in a run, none where they cannot be read."""
        if not self.voting:
            return []
        try:
            return votes_before(self.runs.votes(self.log), now)
        except Exception as problem:  # whatever it is, the day's papers are worth more
            self.log(f"the run is started without votes, which cannot be read: {problem}")
            return []

    def _scorer(self, profile: Profile) -> Scorer:
        """The profile's own model, or the one that all are scored by."""
        if profile.model is None:
            return self.scorer
        return Scorer(kind=ScorerKind.LANGUAGE_MODEL, name=profile.model)

    def _examples(
        self, date: dt.date, papers: Sequence[Paper], profile: Profile
    ) -> tuple[Example, ...]:
        """The profile's examples, each with the day's papers like it.

        The leading profile's call asks arXiv for all profiles: the others' run at the same time.
        """
        profiles = (profile, *(follower.profile for follower in self.followers))
        troubles = (
            keep_examples(self.archive, self.export_api, profiles, date) if self.leads else {}
        )
        examples = profile_examples(self.archive, profile, troubles)
        if not papers or not any(example.title for example in examples):
            return examples
        # Imported here, as below.
        from arxiv_digest.local import with_nearest

        return with_nearest(papers, examples)

    def _plan(
        self,
        date: dt.date,
        papers: Sequence[Paper],
        profile: Profile,
        examples: Sequence[Example],
        votes: Sequence[Vote],
        shown: Sequence[Example],
    ) -> Plan:
        """Decide which papers are scored, and in which order they are queued.

        Of ``votes``, which rank, prompts have those that are ``shown``.

        What the profile follows is always scored, and before all else where the budget may end.
        Ranking takes a while and what it learns from has to be read, so a day is ranked only where
        something depends on it: a share that is kept, or a budget that may not be enough for all.
        """
        settings = profile.triage
        costly = bool(papers) and self._scorer(profile).kind is ScorerKind.LANGUAGE_MODEL
        triages = costly and settings.keep < 1
        told = (*examples, *shown)
        if not triages and not (costly and _beyond_budget(papers, profile, told)):
            return Plan(tuple(range(len(papers))))
        # Imported here: scikit-learn takes seconds, and most days need none.
        from arxiv_digest.local import interest

        scores = self.runs.history(days_before(date, settings.history_days))
        history = with_votes(scores, votes)
        likely = interest(papers, profile, history, examples=examples)
        order = sorted(range(len(papers)), key=lambda position: -likely[position])
        followed = {place for place, paper in enumerate(papers) if profile.followed(paper)}
        if not triages:
            return Plan(tuple(sorted(order, key=lambda position: position not in followed)))
        audits = self.runs.days(since=date - AUDITED)
        kept_so_far = recall(day.audit for day in audits if day.audit and day.date < date)
        opened = opens(kept_so_far, settings.floor)
        share = 1.0 if opened else settings.audit
        chosen = cut(order, settings.keep, share, str(date), followed)
        triage = Triage(
            keep=settings.keep,
            below_cut=len(chosen.audited) + len(chosen.dropped),
            audited=tuple(papers[position].id for position in chosen.audited),
            opened=opened,
            recall=kept_so_far,
        )
        queued = sorted((*chosen.kept, *chosen.audited))
        if _beyond_budget([papers[position] for position in queued], profile, told):
            queued.sort(key=lambda place: (place not in followed, chosen.ranks[place]))
        return Plan(tuple(queued), chosen.dropped, chosen.ranks, triage)

    def _send(
        self, run: Run, batches: Sequence[Batch], triaged: Sequence[TriagedPart] = ()
    ) -> None:
        self.runs.mark_seen(as_announced([*batches, *triaged]), run.date)
        self.queue.send(batches)
        self._tell_followers(run.date, rebuilt=run.rebuilt, mail=run.mail)
        self.runs.mark_sent(run.date)

    def _tell_followers(self, date: dt.date, *, rebuilt: bool, mail: bool) -> None:
        """Have the other profiles' runs of a date started; told twice, one finds its run there."""
        self.profile_queue.send(
            ProfileDay(date=date, profile=one.name, text=one.text, rebuilt=rebuilt, mail=mail)
            for one in self.followers
        )

    def _resume(self, run: Run, now: dt.datetime, invocation: str) -> bool:
        """Send the messages of a run whose fetch died before it had sent them all.

        Some may be sent twice; the second is recognised by the batch that is done.
        """
        own = bool(invocation) and run.invocation == invocation
        at_work = not own and now - run.started_at < ABANDONED
        if at_work or self.runs.sent(run.date):
            return False
        batches = self.runs.batches(run.date)
        done = {batch.number for batch in batches if self.runs.batch_done(run.date, batch.number)}
        undone = [batch for batch in batches if batch.number not in done]
        self._send(run, undone, self.runs.triaged(run.date))
        return True

    def _reopen(self, run: Run, mail: bool) -> bool:
        """Have what a run's digest calls failed scored once more, and the digest made again.

        Fetch may die anywhere in it: the run counts as not sent before the first batch is reopened,
        so that a later backfill sends whatever is not done.
        """
        if not self.runs.sent(run.date):
            return False
        asked = run.model_copy(update={"mail": run.mail or mail})
        scorer = self._scorer(load_profile(run.profile))
        if run.scorer != scorer and run.scorer.kind is scorer.kind:
            # Another model than the one that failed: its provider may take another mode, too.
            asked = asked.model_copy(update={"scorer": scorer})
            self.runs.remember_response_mode(run.date, "")
        outcomes = self.runs.results(run.date).outcomes
        # A digest that was made without some batches calls their papers failed, too.
        incomplete = bool(self.runs.digest_made(run.date))

        def lost(paper: Paper) -> bool:
            outcome = outcomes.get(paper.id)
            return isinstance(outcome, Failed) or (incomplete and outcome is None)

        again = [b for b in self.runs.batches(run.date) if any(map(lost, b.papers))]
        if again:
            self.runs.mark_unsent(run.date)
            for batch in again:
                self.runs.reopen(asked, batch.number)
            self._send(asked, again)
        elif mail and not run.mail:
            self.runs.reopen(asked)
        else:
            return False
        return True

    def _store_unread(self, feeds: Iterable[ParsedFeed], profile: Profile) -> tuple[str, ...]:
        stored: list[str] = []
        types = EVERY_TYPE if self.followers else profile.announce_types
        for feed in feeds:
            runs = self.runs.of(for_all(feed.reading.category)) if self.followers else self.runs
            papers = merge([feed.papers], types).papers
            seen = runs.seen([paper.id for paper in papers])
            if feed.reading.date and any(paper.id not in seen for paper in papers):
                self.runs.add_pending(Pending(feed.reading.date, feed.reading.category))
                stored.append(feed.reading.category)
        return tuple(stored)

    def _stored(self, pending: Pending) -> ParsedFeed:
        content = self.archive.read(raw_feed_key(pending.date, pending.category))
        feed = parse_feed(content or b"", pending.category)
        return feed._replace(reading=feed.reading.model_copy(update={"state": FeedState.LATE}))


def read_feed(arxiv: FeedReader, category: str, patience: float) -> tuple[ParsedFeed, bytes | None]:
    """The newest feed of a category, and its bytes; whatever is wrong with it is its state."""
    try:
        content = arxiv.read(category, patience)
    except FeedUnreachable as problem:
        state = FeedState.UNREACHABLE
        reading = FeedReading(category=category, state=state, detail=str(problem))
        return ParsedFeed(reading, ()), None
    return parse_feed(content, category), content


def _beyond_budget(papers: Sequence[Paper], profile: Profile, examples: Sequence[Example]) -> bool:
    # Imported here: only a run that is started may spend tokens, and most firings start none.
    from arxiv_digest.budget import expected_of_day

    return expected_of_day(papers, profile, examples) > profile.daily_tokens
