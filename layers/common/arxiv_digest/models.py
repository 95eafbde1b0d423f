"""The plain values that pass between the steps of a run; no input or output happens here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, model_validator

SchemaVersion = Literal[1]
SCHEMA_VERSION: SchemaVersion = 1
"""The version of everything stored: table items, queue messages and the archive's JSON.

:mod:`arxiv_digest.migrations` says how it is raised; both of these change then.
"""

ScoreValue = Annotated[float, Field(ge=0, le=10)]


class Value(BaseModel):
    """An immutable value that refuses unknown fields."""

    # Validators are built at their first use: no function needs all, and cold starts wait for them.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def _arxiv(form: str, paper_id: str) -> str:
    return f"https://arxiv.org/{form}/{paper_id}"


class AnnounceType(StrEnum):
    """How arXiv announced a paper (arXiv RSS specification, ``arxiv:announce_type``)."""

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"


class Paper(Value):
    """One announced paper.

    ``id`` is arXiv's identifier without a version, in the new (``2601.14327``) or the old style
    (``astro-ph/0601001``); ``announced`` is the date of the announcement in US Eastern time.
    """

    id: str
    version: int = Field(ge=1)
    title: str
    authors: tuple[str, ...]
    abstract: str
    categories: tuple[str, ...]
    announce_type: AnnounceType
    announced: dt.date

    @property
    def link(self) -> str:
        """The address of the paper's abstract page."""
        return _arxiv("abs", self.id)

    @property
    def pdf_link(self) -> str:
        """The address of the paper's PDF."""
        return _arxiv("pdf", self.id)

    @property
    def html_link(self) -> str:
        """The address of arXiv's HTML rendering, which exists for most papers."""
        return _arxiv("html", self.id)


class KeptPaper(Value):
    """A paper that is kept by itself."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    paper: Paper


class FeedState(StrEnum):
    """What became of one category's feed in a run.

    ``late`` is a feed that came after its own day's run and was kept for this one; ``approximate``
    is a past day of which no feed is kept, put together from the export API by submission time.
    """

    FRESH = "fresh"
    EMPTY = "empty"
    STALE = "stale"
    CUT_OFF = "cut-off"
    UNREACHABLE = "unreachable"
    LATE = "late"
    APPROXIMATE = "approximate"


class FeedReading(Value):
    """What one category's feed held when it was read.

    ``date`` is the feed's announcement date (``None`` where it could not be read), ``items`` the
    number of announcements that could be read whole, ``unreadable`` one sentence for each that
    could not, ``detail`` what went wrong with the feed itself.
    """

    category: str
    state: FeedState
    date: dt.date | None = None
    items: int = 0
    unreadable: tuple[str, ...] = ()
    detail: str = ""


class PartOfRun(Value):
    """Some papers of a run; ``positions`` are their places in announcement order, from 0.

    ``number`` counts the parts of one kind from 1.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    date: dt.date
    number: int = Field(ge=1)
    positions: tuple[Annotated[int, Field(ge=0)], ...]
    papers: tuple[Paper, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_position_a_paper(self) -> Self:
        if len(self.positions) != len(self.papers):
            raise ValueError(f"{len(self.papers)} papers have {len(self.positions)} positions")
        return self


class Batch(PartOfRun):
    """The papers of one language-model call, which is one queue message.

    ``profile`` is the name of the profile whose run it is of, empty for the single profile.
    """

    profile: str = ""


class ProfileDay(Value):
    """What has one of many profiles' runs of a date started: a message of the profile queue.

    ``profile`` is its name and ``text`` its YAML; ``rebuilt`` and ``mail`` are as in :class:`Run`.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    date: dt.date
    profile: str
    text: str
    rebuilt: bool = False
    mail: bool = True


class TriagedPart(PartOfRun):
    """Papers that triage left out of the queue, with their ranks of the day, from 1."""

    ranks: tuple[Annotated[int, Field(ge=1)], ...]


class Scored(Value):
    """A paper that was scored: 0 to 10, the profile's field (or none), one sentence of reason.

    ``second_field`` is another field that the paper belongs to as well. An empty ``reason`` means
    that the scorer gave none that could be shown. ``locally`` is a score of the local scorer in a
    run of a language model, whose budget was spent.
    """

    outcome: Literal["scored"] = "scored"
    paper_id: str
    score: ScoreValue
    field: str | None = None
    second_field: str | None = None
    reason: str = ""
    locally: bool = False


class Triaged(Value):
    """A paper that was ranked too low to be scored; ``rank`` counts from 1."""

    outcome: Literal["triaged"] = "triaged"
    paper_id: str
    rank: int = Field(ge=1)


class Failed(Value):
    """A paper that could not be scored, and why."""

    outcome: Literal["failed"] = "failed"
    paper_id: str
    reason: str


Outcome = Annotated[Scored | Triaged | Failed, Field(discriminator="outcome")]
"""How a paper's way through a run ended."""


class Tokens(Value):
    """Tokens as the provider reported them; ``unreported`` counts calls that reported none.

    ``cached`` are those of ``prompt`` that the provider read from its cache.
    """

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    total: int = 0
    calls: int = 0
    unreported: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            prompt=self.prompt + other.prompt,
            cached=self.cached + other.cached,
            completion=self.completion + other.completion,
            total=self.total + other.total,
            calls=self.calls + other.calls,
            unreported=self.unreported + other.unreported,
        )


class PastScore(NamedTuple):
    """What a language model once gave a paper, or readers said of it, from which triage learns.

    ``score`` is from 0 to 10, ``field`` a name of the profile of that time or none, ``date`` that
    of the run. ``weight`` says how many papers of that day it stands for: 1 for one that triage
    kept, 1/share for one of an audit sample that is a share of what was below the cut. ``voted`` is
    readers' own word.
    """

    paper: Paper
    score: float
    field: str | None
    date: dt.date
    weight: float = 1.0
    voted: bool = False


class Choice(StrEnum):
    """What a reader says of a paper: to see more like it, or less; or nothing any more."""

    MORE = "more"
    LESS = "less"
    NONE = "none"


class Vote(Value):
    """What one reader of a profile says of a paper that its digest of a date has scored.

    ``field`` is what the digest gave it. ``version`` counts the changes of one reader's vote on one
    paper from 1; a vote that was taken back stays, as :attr:`Choice.NONE`, so that nothing older
    comes after it.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    paper: Paper
    field: str | None
    date: dt.date
    choice: Choice
    version: int = Field(ge=1)
    cast_at: dt.datetime


class Audit(Value):
    """What one day tells of its triage, in papers.

    ``kept_recommended`` are those kept and recommended; of the ``below_cut`` that triage put below
    its cut, ``audited`` were scored all the same, and ``audited_recommended`` of these recommended.
    """

    kept_recommended: int = Field(ge=0)
    below_cut: int = Field(ge=0)
    audited: int = Field(ge=0)
    audited_recommended: int = Field(ge=0)


class Recall(Value):
    """The share of what would be recommended that triage keeps, as the audits of days tell.

    All are shares from 0 to 1. ``low`` and ``high`` bound the estimate, which is none where nothing
    was audited or recommended, with 95 % confidence.
    """

    estimate: float | None
    low: float
    high: float
    days: int
    audited: int


class Triage(Value):
    """How a run was triaged.

    ``keep`` is the share of the day that the profile keeps, ``below_cut`` how many papers stood
    below that, ``audited`` the ids of those that were scored all the same. ``recall`` is what the
    audits before this run told; where that was too low, triage had ``opened`` and audits all.
    """

    keep: float = Field(gt=0, le=1)
    below_cut: int = Field(ge=0)
    audited: tuple[str, ...] = ()
    opened: bool = False
    recall: Recall


class Ledger(Value):
    """The account of a run: every announced paper was scored, triaged or failed."""

    announced: int = Field(ge=0)
    scored: int = Field(ge=0)
    triaged: int = Field(ge=0)
    failed: int = Field(ge=0)

    @model_validator(mode="after")
    def _adds_up(self) -> Ledger:
        if self.announced != self.scored + self.triaged + self.failed:
            raise ValueError(
                f"announced {self.announced} is not scored {self.scored} + triaged {self.triaged}"
                f" + failed {self.failed}"
            )
        return self

    @property
    def failed_share(self) -> float:
        """The failed papers in percent of those announced; 0 where nothing was."""
        return 100 * self.failed / self.announced if self.announced else 0.0


class ScorerKind(StrEnum):
    """What gave the scores: a language model, or lexical similarity without one."""

    LANGUAGE_MODEL = "language-model"
    LOCAL = "local"


class Scorer(Value):
    """The scorer of a run by kind and by the name it goes by."""

    kind: ScorerKind
    name: str


LOCAL_SCORER = Scorer(kind=ScorerKind.LOCAL, name="local TF-IDF")
"""The scorer of :mod:`arxiv_digest.local`."""


class Reader(Value):
    """What a digest needs to know of the profile it was made for; ``profile`` is its name."""

    profile: str = "default"
    language: Literal["zh", "en"]
    time_zone: str
    fields: tuple[str, ...]
    minimum_score: ScoreValue


class Example(Value):
    """A paper that the profile names as one to see ``more`` like it, or less.

    Where its title and abstract could not be had they are empty, and ``trouble`` says why. ``near``
    are the ids of the day's papers that are like it.
    """

    id: str
    more: bool
    title: str = ""
    abstract: str = ""
    trouble: str = ""
    near: tuple[str, ...] = ()


class SteeringKind(StrEnum):
    """What an entry of the profile asks for."""

    FOLLOWED_AUTHOR = "followed-author"
    FOLLOWED_PHRASE = "followed-phrase"
    MUTED_PHRASE = "muted-phrase"
    FIELD_THRESHOLD = "field-threshold"
    FIELD_CAP = "field-cap"
    MORE_LIKE = "more-like"
    LESS_LIKE = "less-like"


class SteeringEffect(StrEnum):
    """What an entry did to a paper that it applies to.

    ``recommended`` papers would not be so without entries of its kind, and ``held-back`` ones would
    be; ``raised`` is a higher score that changed nothing else. ``weighed`` was by the scorer, whose
    score has it in it. ``none`` is no difference.
    """

    NONE = "none"
    RAISED = "raised"
    RECOMMENDED = "recommended"
    HELD_BACK = "held-back"
    WEIGHED = "weighed"


class Steer(Value):
    """An entry of the profile that applies to a paper, and what it did."""

    kind: SteeringKind
    entry: str
    effect: SteeringEffect


class SteeringEntry(Value):
    """An entry of the profile, and to how many of the day's scored papers it did what.

    ``setting`` is the number that the profile gives it: points, threshold or cap. ``papers`` counts
    those that it applies to, ``recommended`` and ``held_back`` are some of these. ``title`` is that
    of an example; ``trouble`` says why an entry could do nothing.
    """

    kind: SteeringKind
    entry: str
    setting: float | None = None
    papers: int = Field(default=0, ge=0)
    recommended: int = Field(default=0, ge=0)
    held_back: int = Field(default=0, ge=0)
    title: str = ""
    trouble: str = ""


class Run(Value):
    """What was announced on one date and is being scored.

    ``announced`` counts the papers of all batches; ``left_out`` counts the announcements whose
    announce type the profile does not read, ``seen_before`` the papers read by another day's run.
    ``profile`` is the profile's YAML text as it was when the run started, so that a change of it
    never splits a run. ``invocation`` names the call of fetch that started it. ``rebuilt`` is a run
    that was started after its day was over, ``mail`` says whether its digest is mailed. ``read``
    are the feeds that were read with this run for other profiles, ``examples`` those of the
    profile, as far as they could be had. ``votes`` are the latest that its readers had cast when it
    started, by title.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    date: dt.date
    started_at: dt.datetime
    invocation: str = ""
    profile: str
    feeds: tuple[FeedReading, ...]
    announced: int
    batches: int
    left_out: int = 0
    seen_before: int = 0
    scorer: Scorer
    triage: Triage | None = None
    rebuilt: bool = False
    mail: bool = True
    read: tuple[FeedReading, ...] = ()
    examples: tuple[Example, ...] = ()
    votes: tuple[Example, ...] = ()


class Recommendation(Value):
    """A paper beside its score, fields and reason; ``locally`` as in :class:`Scored`.

    ``steering`` are the entries of the profile that apply to it. Where one of them raised its
    score, ``scorer_score`` is what the scorer had given.
    """

    paper: Paper
    score: ScoreValue
    field: str | None
    second_field: str | None = None
    reason: str
    locally: bool = False
    scorer_score: ScoreValue | None = None
    steering: tuple[Steer, ...] = ()

    @property
    def held_back(self) -> bool:
        """Whether it would be recommended but for an entry of the profile."""
        return any(steer.effect is SteeringEffect.HELD_BACK for steer in self.steering)


def ranked(papers: Iterable[Recommendation]) -> list[Recommendation]:
    """Best score first; papers of one score in the order given, which is that of announcement."""
    return sorted(papers, key=lambda paper: -paper.score)


class Unscored(Value):
    """A paper beside the reason why it has no score."""

    paper: Paper
    reason: str


class RankedPaper(Value):
    """A paper that triage left out, beside its rank of the day, from 1."""

    paper: Paper
    rank: int = Field(ge=1)


class Section(Value):
    """The recommended papers of one field, best first; ``field`` is none where no field fits.

    A paper of two fields stands in the section of its first.
    """

    field: str | None
    papers: tuple[Recommendation, ...]


class Verdict(StrEnum):
    """What kind of day it was."""

    RECOMMENDED = "recommended"
    NOTHING_ANNOUNCED = "nothing-announced"
    NOTHING_NEW = "nothing-new"
    FEEDS_UNREADABLE = "feeds-unreadable"
    NOTHING_ABOVE_THRESHOLD = "nothing-above-threshold"
    SCORING_FAILED = "scoring-failed"


class Digest(Value):
    """One day's digest; its JSON form is ``digest.json``.

    ``date`` is the announcement date in US Eastern time and the digest's key; ``started_at`` is the
    time at which its run began and ``made_at`` that of making, both in the reader's time zone.
    ``cost`` is that of its tokens in US dollars, none where the model has no price.
    ``sections`` hold what is recommended, ``below`` what else was scored, ``triaged`` and
    ``failed`` the rest of the ledger; ``announcement_order`` names all of them by id. A ``rebuilt``
    digest was started after its day was over. ``steering`` has every entry of the profile that
    steers, also those that apply to no paper.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    date: dt.date
    started_at: dt.datetime
    made_at: dt.datetime
    reader: Reader
    scorer: Scorer
    tokens: Tokens
    cost: float | None = None
    ledger: Ledger
    triage: Triage | None = None
    verdict: Verdict
    feeds: tuple[FeedReading, ...]
    left_out: int
    seen_before: int
    rebuilt: bool = False
    sections: tuple[Section, ...]
    below: tuple[Recommendation, ...]
    triaged: tuple[RankedPaper, ...]
    failed: tuple[Unscored, ...]
    announcement_order: tuple[str, ...] = ()
    steering: tuple[SteeringEntry, ...] = ()

    @property
    def title_date(self) -> dt.date:
        """The date in the title: that of the reader's morning.

        A digest whose run began long after its announcements, such as a sample, and one that was
        rebuilt are titled by the announcements instead: that morning had a digest of its own. So is
        one that began on the evening before, as west of New York. One that is made again later
        keeps its title.
        """
        morning = self.started_at.date()
        next_day = self.date + dt.timedelta(days=1)
        return self.date if self.rebuilt or not self.date <= morning <= next_day else morning

    @property
    def recommendations(self) -> tuple[Recommendation, ...]:
        """The recommended papers, in the order of the sections."""
        return tuple(entry for section in self.sections for entry in section.papers)

    @property
    def recommended(self) -> int:
        """How many papers are recommended."""
        return len(self.recommendations)

    @property
    def scored(self) -> tuple[Recommendation, ...]:
        """Every paper with a score, the recommended ones first."""
        return (*self.recommendations, *self.below)

    @property
    def papers(self) -> tuple[Paper, ...]:
        """Every paper of the digest, whatever became of it."""
        scored = (entry.paper for entry in self.scored)
        triaged = (entry.paper for entry in self.triaged)
        failed = (entry.paper for entry in self.failed)
        return (*scored, *triaged, *failed)

    @property
    def scored_locally(self) -> int:
        """How many papers the local scorer scored since the model's budget was spent."""
        return sum(entry.locally for entry in self.scored)

    @property
    def audit(self) -> Audit | None:
        """What the day tells of its triage, or none where it was not triaged."""
        if self.triage is None:
            return None
        audited = set(self.triage.audited)
        scored = {entry.paper.id for entry in self.scored if not entry.locally}
        recommended = scored & {entry.paper.id for entry in self.recommendations}
        return Audit(
            kept_recommended=len(recommended - audited),
            below_cut=self.triage.below_cut,
            audited=len(audited & scored),
            audited_recommended=len(recommended & audited),
        )

    @property
    def best(self) -> Recommendation | None:
        """The first paper of the ranking, or none on a day without recommendations."""
        return self.sections[0].papers[0] if self.sections else None


class Day(Value):
    """One line of the archive's index.

    ``best`` is the title of the first paper of the ranking, empty on a day without recommendations;
    ``fields`` counts the recommended papers by field, an empty name standing for none. ``cost`` is
    in US dollars, none where the model has no price; ``audit`` is none where nothing was triaged.
    Lines that were written before there were these have none of them.
    """

    date: dt.date
    announced: int
    recommended: int
    tokens: int
    failed: int
    best: str = ""
    fields: dict[str, int] = Field(default_factory=dict)
    cost: float | None = None
    audit: Audit | None = None

    @classmethod
    def of(cls, digest: Digest) -> Day:
        """The line of a digest."""
        best = digest.best
        return cls(
            date=digest.date,
            announced=digest.ledger.announced,
            recommended=digest.recommended,
            tokens=digest.tokens.total,
            failed=digest.ledger.failed,
            best=best.paper.title if best else "",
            fields={section.field or "": len(section.papers) for section in digest.sections},
            cost=digest.cost,
            audit=digest.audit,
        )


class ReadPaper(Value):
    """One paper that was read, and what became of it, on one line for other programs.

    ``date`` is the announcement date of the digest that it stands in. ``score``, the fields and
    ``reason`` are as in the digest: a paper without score has no field, and a failed one has the
    reason why it could not be scored. ``rank`` is that of a triaged paper among its day's, from 1.
    """

    date: dt.date
    id: str
    title: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    outcome: Literal["recommended", "below", "triaged", "failed"]
    score: ScoreValue | None = None
    field: str | None = None
    second_field: str | None = None
    reason: str = ""
    rank: int | None = None

    @property
    def link(self) -> str:
        """The address of the paper's abstract page."""
        return _arxiv("abs", self.id)

    @property
    def permalink(self) -> str:
        """The paper's place on the page of its day, as seen from the archive's front page."""
        return f"{self.date}/digest.html#{quote(self.id)}"


class PapersOfDay(Value):
    """Every paper of one digest; its JSON form is ``papers.json``.

    The recommended come first, best first, then those below the threshold, the triaged and the
    failed. ``title_date`` and ``made_at`` are those of the digest.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    date: dt.date
    title_date: dt.date
    made_at: dt.datetime
    papers: tuple[ReadPaper, ...]

    @classmethod
    def of(cls, digest: Digest) -> PapersOfDay:
        """The papers of a digest."""

        def read(paper: Paper, **became: Any) -> ReadPaper:
            return ReadPaper(
                date=digest.date,
                id=paper.id,
                title=paper.title,
                authors=paper.authors,
                categories=paper.categories,
                **became,
            )

        def scored(entry: Recommendation, outcome: str) -> ReadPaper:
            return read(
                entry.paper,
                outcome=outcome,
                score=entry.score,
                field=entry.field,
                second_field=entry.second_field,
                reason=entry.reason,
            )

        return cls(
            date=digest.date,
            title_date=digest.title_date,
            made_at=digest.made_at,
            papers=(
                *(scored(entry, "recommended") for entry in ranked(digest.recommendations)),
                *(scored(entry, "below") for entry in digest.below),
                *(read(e.paper, outcome="triaged", rank=e.rank) for e in digest.triaged),
                *(read(e.paper, outcome="failed", reason=e.reason) for e in digest.failed),
            ),
        )

    @property
    def recommended(self) -> tuple[ReadPaper, ...]:
        """The recommended papers, best first."""
        return tuple(paper for paper in self.papers if paper.outcome == "recommended")


class PapersOfMonth(Value):
    """Every paper that was read in one month, in the order of the days; ``month`` is ``2026-01``.

    Its JSON form is ``papers/2026-01.json``.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    month: str
    papers: tuple[ReadPaper, ...]
