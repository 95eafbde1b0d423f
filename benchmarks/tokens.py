"""What a day costs in tokens, prompt and answer, beside a plain prompt and its bounds."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from arxiv_digest.batches import make_batches
from arxiv_digest.local import score_day
from arxiv_digest.models import Paper, Recommendation
from arxiv_digest.profile import Profile, load_profile
from arxiv_digest.scoring import make_prompt
from benchmarks.table import head, line, ratio
from local import gallery
from local.emulator import ROOT
from tests.unit.test_golden import seed_digest

TOKENIZER = ROOT / ".local/tokenizer/bin/python"
WHOLE = 75_000 / 216
"""Tokens a paper announced, at most, where every paper is scored with its whole abstract."""
HALF = 190.0
"""Tokens a paper announced, at most, where the better half of a day is scored."""
PREFIX = 1024
"""Tokens that a prefix needs for most providers to cache it."""
PLAIN_PAPERS_PER_CALL = 50
REASON = "提出一种按层自适应剪除专家的算法，在预训练中减少参数规模，与高效训练直接相关且提升明显。"
"""A reason of usual length, for days of which no real reasons are known."""


class Call(NamedTuple):
    """One call: what is the same in every call of the day, the rest of the prompt, the answer."""

    prefix: str
    rest: str
    answer: str


class Tally(NamedTuple):
    """The tokens of some calls; ``prefix`` are those of one prefix."""

    calls: int
    prefix: int
    prompt: int
    completion: int

    @property
    def total(self) -> int:
        """Prompt and completion together."""
        return self.prompt + self.completion


class Day(NamedTuple):
    """A day's papers as announced, and those that are recommended, by id."""

    name: str
    papers: list[Paper]
    recommended: dict[str, Recommendation]


def a_day(profile: Profile) -> Day:
    """The seed's day with its own reasons where there is one, otherwise the sample day."""
    folder = os.environ.get("DIGEST_DATA")
    if folder:
        digest = seed_digest(Path(folder))
        known = {paper.id: paper for paper in digest.papers}
        papers = [known[paper_id] for paper_id in digest.announcement_order]
        return Day("a real day", papers, {e.paper.id: e for e in digest.recommendations})
    papers = gallery.sample_papers(profile)
    recommended = {
        paper.id: Recommendation(paper=paper, score=8, field=given.field, reason=REASON)
        for paper, given in zip(papers, score_day(papers, profile).values(), strict=True)
        if given.score >= profile.minimum_score
    }
    return Day("the sample day (DIGEST_DATA is not set)", papers, recommended)


def better_half(papers: Sequence[Paper], profile: Profile) -> list[Paper]:
    """The half of a day's papers that is likest the fields, as announced."""
    scores = score_day(papers, profile)
    kept = sorted(papers, key=lambda paper: -scores[paper.id].score)[: len(papers) // 2]
    return [paper for paper in papers if paper in kept]


def our_calls(papers: Sequence[Paper], day: Day, profile: Profile) -> Iterator[Call]:
    """The calls that score makes, with answers in the form asked for.

    The schema is counted as a part of the prompt, where JSON mode has it and providers that enforce
    it put it.
    """
    names = [field.name for field in profile.fields]
    for batch in make_batches(dt.date(2026, 1, 22), papers, profile.papers_per_call):
        prompt = make_prompt(batch.papers, profile)
        found = [day.recommended[p.id] for p in batch.papers if p.id in day.recommended]
        high = {entry.paper.id: entry.score for entry in found}
        answer = {
            "scores": [f"{paper.id}:{high.get(paper.id, 3):g}" for paper in batch.papers],
            "reasons": [
                f"{e.paper.id}:{names.index(e.field) + 1 if e.field else 0}:{e.reason}"
                for e in found
            ],
        }
        prefix = f"{prompt.system}\n{json.dumps(prompt.schema)}\n"
        yield Call(prefix, prompt.user, json.dumps(answer, ensure_ascii=False))


def plain_calls(day: Day, profile: Profile) -> Iterator[Call]:
    """The calls of a plain prompt: papers and recommendations as labelled blocks."""
    fields = "\n".join(f"- {field.name}: {field.description}" for field in profile.fields)
    low = "\n".join(f"- {area}" for area in profile.low_priority)
    prefix = f"""\
You are a research assistant. Recommend papers for these fields:
{fields}
Give a low priority to:
{low}
Score each of the following papers from 0 to 10. For each paper with a score of 7 or more, answer
with a block of its title, link, score, field and one sentence of reason in Chinese.

"""
    for batch in make_batches(dt.date(2026, 1, 22), day.papers, PLAIN_PAPERS_PER_CALL):
        listed = "\n".join(
            f"Paper {number}\nTitle: {paper.title}\nAuthors: {', '.join(paper.authors)}\n"
            f"Published: {paper.announced}\nCategories: {', '.join(paper.categories)}\n"
            f"Link: {paper.link}\nAbstract: {paper.abstract}\n"
            for number, paper in enumerate(batch.papers, start=1)
        )
        found = [day.recommended[p.id] for p in batch.papers if p.id in day.recommended]
        answer = "\n".join(
            f"Title: {entry.paper.title}\nLink: {entry.paper.link}\nScore: {entry.score:g}\n"
            f"Field: {entry.field}\nReason: {entry.reason}\n"
            for entry in found
        )
        yield Call(prefix, listed, answer)


def count(texts: Iterable[str]) -> list[int]:
    """The tokens of each text."""
    told = json.dumps(list(texts))
    done = subprocess.run(  # noqa: S603
        [TOKENIZER, "-m", "benchmarks.tokenizer"],
        input=told,
        text=True,
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    return [int(tokens) for tokens in json.loads(done.stdout)]


def tally(days: Sequence[Sequence[Call]]) -> list[Tally]:
    """Count the calls of several ways to score a day, at once."""
    counts = iter(count(text for calls in days for call in calls for text in call))
    tallies = []
    for calls in days:
        parts = [Call(*(next(counts) for _ in call)) for call in calls]
        tallies.append(
            Tally(
                calls=len(calls),
                prefix=int(parts[0].prefix),
                prompt=sum(int(part.prefix) + int(part.rest) for part in parts),
                completion=sum(int(part.answer) for part in parts),
            )
        )
    return tallies


def main() -> None:
    """Print the table."""
    profile = load_profile((ROOT / "profile.yaml").read_text("utf-8"))
    day = a_day(profile)
    half = better_half(day.papers, profile)
    short = profile.model_copy(update={"abstract_words": 100})
    ways = {
        f"plain prompt, {PLAIN_PAPERS_PER_CALL} papers a call": list(plain_calls(day, profile)),
        f"scored whole, {profile.papers_per_call} papers a call": list(
            our_calls(day.papers, day, profile)
        ),
        "the better half kept": list(our_calls(half, day, profile)),
        "abstracts of 100 words": list(our_calls(day.papers, day, short)),
    }
    plain, whole, half_kept, trimmed = tally(list(ways.values()))
    least = sum(count(text for paper in day.papers for text in (paper.title, paper.abstract)))
    print(f"The tokens of {day.name}, {len(day.papers)} papers, {len(day.recommended)} recommended")
    print("(SmolLM2's tokenizer, without what a chat template adds):\n")
    print("| way | calls | prompt | completion | together | a paper | of plain |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    for name, found in zip(ways, [plain, whole, half_kept, trimmed], strict=True):
        print(
            f"| {name} | {found.calls} | {found.prompt:,} | {found.completion:,} "
            f"| {found.total:,} | {found.total / len(day.papers):.0f} "
            f"| {found.total / plain.total:.2f} |"
        )
    print(f"\nTitles and abstracts alone are {least:,} tokens.\n")
    print(head())
    for name, found, bound in (("whole", whole, WHOLE), ("the better half kept", half_kept, HALF)):
        a_paper = found.total / len(day.papers)
        cells = (f"{a_paper:.0f}", f"{bound:.0f}", ratio(a_paper / bound))
        print(line(f"tokens a paper, {name}", *cells))
    same = (f"{whole.prefix:,}", f"at least {PREFIX:,}", ratio(PREFIX / whole.prefix))
    print(line("tokens that are the same in every call", *same))


if __name__ == "__main__":
    main()
