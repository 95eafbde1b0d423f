"""What every form of a digest has in common: the templates, and the lines above the papers."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from arxiv_digest.language import (
    Words,
    example_notes,
    feed_notes,
    rebuilt,
    scorer_name,
    updated,
    words,
)
from arxiv_digest.models import (
    Digest,
    Recall,
    Recommendation,
    SteeringEffect,
    SteeringEntry,
    SteeringKind,
    Triage,
    Unscored,
    Verdict,
)
from arxiv_digest.troubles import in_language

_ONLY_CHANGED = (SteeringKind.FIELD_THRESHOLD, SteeringKind.FIELD_CAP)
"""Settings of a field apply to all of its papers; those are told of for which they matter."""

AUTHORS_SHOWN = 12
"""Names shown on the page; Markdown and JSON hold all of them."""


@cache
def environment() -> Environment:
    """The templates; those of HTML escape by themselves."""
    return Environment(
        loader=PackageLoader("arxiv_digest"),
        autoescape=select_autoescape(("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def context(digest: Digest) -> dict[str, Any]:
    """What every template of a digest is given."""
    said = words(digest.reader.language)
    account = [
        updated(digest.made_at, digest.reader.time_zone, said),
        said.count(said.read, digest.ledger.announced),
        _scoring(digest, said),
        said.ledger.format(
            date=digest.date,
            **{name: said.number(count) for name, count in digest.ledger.model_dump().items()},
        ),
    ]
    if digest.scored_locally:
        account.append(said.count(said.scored_locally, digest.scored_locally))
    if digest.triage:
        account.append(_triage(digest.triage, said))
    if digest.steering:
        account.append(_steering(digest.steering, said))
    if digest.rebuilt:
        account.insert(1, rebuilt(digest.feeds, said))
    if digest.seen_before:
        account.append(said.seen_before.format(count=said.number(digest.seen_before)))
    if digest.left_out:
        account.append(said.left_out.format(count=said.number(digest.left_out)))
    verdict = said.verdicts[digest.verdict].format(threshold=f"{digest.reader.minimum_score:g}")
    steered = any(e.held_back or e.kind is SteeringKind.FIELD_THRESHOLD for e in digest.steering)
    if digest.verdict is Verdict.NOTHING_ABOVE_THRESHOLD and steered:
        verdict = said.nothing_recommended
    settings = {(entry.kind, entry.entry): entry.setting for entry in digest.steering}
    return {
        "digest": digest,
        "said": said,
        "title": f"{said.title} - {digest.title_date}",
        "account": account,
        "summary": summary(digest.ledger.announced, digest.recommended, said),
        "notes": [
            *feed_notes(digest.feeds, digest.reader.language),
            *example_notes(digest.steering, digest.reader.language),
        ],
        "verdict": verdict,
        "reason": lambda paper: _reason(paper, digest.reader.language),
        "authors": lambda paper: _authors(paper, said),
        "steering": lambda paper: " · ".join(_steered(paper, settings, said)),
        "marks": lambda paper: " · ".join(
            [*_second_field(paper, said), *_steered(paper, settings, said)]
        ),
    }


def _scoring(digest: Digest, said: Words) -> str:
    """The line that names the scorer, and what it took."""
    tokens = said.number(digest.tokens.total)
    if digest.tokens.cached:
        cached = said.number(digest.tokens.cached)
        tokens = said.tokens_cached.format(tokens=tokens, cached=cached)
    if digest.tokens.unreported:
        tokens = said.tokens_unreported.format(tokens=tokens, calls=digest.tokens.unreported)
    line = said.model.format(model=scorer_name(digest.scorer, said), tokens=tokens)
    if digest.cost is None:
        return line
    return said.cost.format(line=line, cost=said.dollars(digest.cost))


def _triage(triage: Triage, said: Words) -> str:
    form = said.triage_opened if triage.opened else said.triage
    return form.format(
        keep=said.share(triage.keep),
        below=said.number(triage.below_cut),
        audited=said.number(len(triage.audited)),
        recall=kept(triage.recall, said),
    )


def _steering(entries: Iterable[SteeringEntry], said: Words) -> str:
    """The line that has every entry of the profile with its papers, those without any as well."""
    listed: dict[SteeringKind, list[str]] = {}
    for entry in entries:
        count = entry.papers
        if entry.kind in _ONLY_CHANGED:
            count = entry.recommended + entry.held_back
        listed.setdefault(entry.kind, []).append(f"{entry.entry} ({said.number(count)})")
    kinds = (said.steering_kinds[kind].format(entries=", ".join(n)) for kind, n in listed.items())
    return said.steering.format(kinds="; ".join(kinds))


def _second_field(paper: Recommendation, said: Words) -> list[str]:
    return [said.also_in.format(field=paper.second_field)] if paper.second_field else []


def _steered(
    paper: Recommendation,
    settings: Mapping[tuple[SteeringKind, str], float | None],
    said: Words,
) -> list[str]:
    """What a paper's place in the digest owes to the profile."""
    marks = []
    for steer in paper.steering:
        if steer.kind in _ONLY_CHANGED and steer.effect is SteeringEffect.NONE:
            continue
        setting = settings.get((steer.kind, steer.entry)) or 0
        marks.append(said.steered[steer.kind].format(entry=steer.entry, setting=f"{setting:g}"))
    if paper.scorer_score is not None:
        marks.append(said.raised.format(score=f"{paper.scorer_score:.1f}"))
    return marks


def kept(recall: Recall, said: Words) -> str:
    """The sentence that says how much of what would be recommended triage keeps."""
    if recall.estimate is None:
        return said.recall_unknown
    return said.recall.format(
        estimate=said.share(recall.estimate),
        low=said.share(recall.low),
        high=said.share(recall.high),
        days=said.number(recall.days),
    )


def _reason(paper: Recommendation | Unscored, language: str) -> str:
    if isinstance(paper, Unscored):
        return in_language(paper.reason, language) or words(language).not_scored_in_time
    return paper.reason or words(language).no_reason


def _authors(paper: Recommendation, said: Words) -> str:
    names = paper.paper.authors
    if len(names) <= AUTHORS_SHOWN:
        return ", ".join(names)
    rest = said.more_authors.format(count=len(names))
    return f"{', '.join(names[:3])}, … ({rest})"


@cache
def inlined(script: str, *sources: str) -> dict[str, str]:
    """A page's ``style``, ``script`` and ``policy``, of a script that lies with the templates.

    The Content Security Policy (CSP Level 3, as a ``meta`` element can give it) allows the page its
    own style and script, by their hashes, and no request but for scripts from further ``sources``,
    such as ``'self'``.
    """
    style = environment().get_template("style.css.j2").render()
    code = files("arxiv_digest").joinpath("templates", script).read_text("utf-8")
    allowed, *also = (
        f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (style, code)
    )
    policy = (
        f"default-src 'none'; style-src {allowed}; script-src {' '.join((*also, *sources))};"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
    return {"style": style, "script": code, "policy": policy}


def script_json(value: object, *, ascii_only: bool = True) -> str:
    """JSON for a ``script`` element, which nothing in it can end."""
    written = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    return written.replace("<", r"\u003c")


def summary(announced: int, recommended: int, said: Words) -> str:
    """The day in few words: how many papers were read, and how many recommended."""
    return said.summary.format(
        announced=said.number(announced), recommended=said.number(recommended)
    )
