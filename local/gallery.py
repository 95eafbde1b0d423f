"""Pictures of what a reader sees, made from the sample day: mail, page and archive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from email.headerregistry import Address
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

import typer
from playwright.sync_api import Browser

from arxiv_digest.announcements import ParsedFeed, merge, parse_feed
from arxiv_digest.models import Choice, Day, Digest, FeedReading, FeedState, Paper
from arxiv_digest.profile import Follow, Profile, ResearchField, load_profile
from arxiv_digest.rendering import render_index, render_mail, render_page, render_vote
from arxiv_digest.voting import Voting
from local.browser import NoBrowser, browsing
from local.emulator import ROOT
from local.feeds import SAMPLE
from local.preview import previewed

DATE = dt.date(2026, 1, 22)
MADE = dt.datetime(2026, 1, 23, 4, 40, 37, tzinfo=dt.UTC)

BUSY = 300
"""Papers on a day of which all are recommended."""

ENGLISH = (
    "Natively multimodal models",
    "New techniques for large models",
    "Theory of deep learning",
    "Interpretability",
    "Safety and alignment",
    "Efficient training and inference",
    "Multimodal agents",
)
"""The names of the packaged profile's fields, for a reader of English."""

SCREENS: dict[str, tuple[int, int]] = {"phone": (390, 844), "wide": (1280, 900)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES: tuple[Literal["zh", "en"], ...] = ("zh", "en")


def take_pictures(browser: Browser, folder: Path) -> Iterator[Path]:
    """Write the pictures into a folder, as PNG, and yield the path of each."""
    folder.mkdir(parents=True, exist_ok=True)
    page = browser.new_page()
    for name, html, top in pages():
        page.set_content(html)
        for scheme, screen in product(SCHEMES, SCREENS):
            width, height = SCREENS[screen]
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            page.locator(top).first.evaluate("shown => shown.scrollIntoView()")
            picture = folder / f"{name}-{scheme}-{screen}.png"
            page.screenshot(path=picture)
            yield picture
    page.close()


def pages() -> Iterator[tuple[str, str, str]]:
    """Everything that is shown: its name, its HTML, and what of it stands at a picture's top."""
    for language in LANGUAGES:
        digests = {"day": sample_day(language), "empty": empty_day(language)}
        if language == "zh":
            digests["busy"] = busy_day(language)
        for kind, digest in digests.items():
            yield f"mail-{kind}-{language}", mail(digest), "body"
            yield f"page-{kind}-{language}", render_page(digest), "body"
        yield f"archive-{language}", render_index(some_days(digests["day"]), language), "body"
    steered = steered_day()
    page = render_page(steered, voting=Voting("https://vote.example.org/", "key"))
    yield "page-steered-en", page, "body"
    yield "papers-steered-en", page, "section.part"
    voted = steered.sections[0].papers[0].paper
    yield (
        "vote-en",
        render_vote(voted, "en", proposed=Choice.MORE, choice=None, version=0, shared=False),
        "body",
    )


def mail(digest: Digest) -> str:
    """The HTML part of a digest's mail."""
    sender = Address("arXiv digest", addr_spec="digest@example.org")
    address = f"https://digest.example.org/{digest.date}/digest.html"
    _, html = render_mail(digest, sender, "reader@example.org", address).iter_parts()
    return str(html.get_content())


def sample_day(language: Literal["zh", "en"]) -> Digest:
    """The digest of the sample day by the local scorer."""
    profile = a_profile(language)
    return _digest(profile, sample_papers(profile))


def busy_day(language: Literal["zh", "en"]) -> Digest:
    """A day of 300 papers, all of them recommended: the sample's, several times."""
    profile = a_profile(language).model_copy(update={"minimum_score": 0.0})
    sample = sample_papers(profile)
    papers = [
        sample[number % len(sample)].model_copy(update={"id": f"2601.{number:05d}"})
        for number in range(BUSY)
    ]
    return _digest(profile, papers)


def empty_day(language: Literal["zh", "en"]) -> Digest:
    """A day on which arXiv announced nothing."""
    return _digest(a_profile(language), [])


def steered_day() -> Digest:
    """The sample day of a reader who follows, mutes and caps, and is asked for votes."""
    profile = a_profile("en")
    fields = [
        field.model_copy(update={"at_most": 1}) if field.name == ENGLISH[-1] else field
        for field in profile.fields
    ]
    steered = {
        "fields": tuple(fields),
        "follow": Follow(authors=("Gautom Das",), phrases=("embodied world", "KV cache")),
        "mute": ("benchmark",),
    }
    profile = profile.model_copy(update=steered)
    return _digest(profile, sample_papers(profile))


def some_days(digest: Digest) -> list[Day]:
    """Ten weeks of days that end with a digest, each a part of it."""
    last = Day.of(digest)
    days = (last.date - dt.timedelta(back) for back in range(70))
    found = []
    for number, date in enumerate(day for day in days if day.weekday() < 5):
        # Between half and all of the digest's papers, in no order that an eye would find.
        part = 1 if number == 0 else 0.5 + (37 * number % 50) / 100
        fields = {name: round(part * count) for name, count in last.fields.items()}
        found.append(
            last.model_copy(
                update={
                    "date": date,
                    "announced": round(part * last.announced),
                    "recommended": sum(fields.values()),
                    "fields": fields,
                }
            )
        )
    return found


def a_profile(language: Literal["zh", "en"]) -> Profile:
    """The packaged profile in a language, the names of its fields with it."""
    profile = load_profile((ROOT / "profile.yaml").read_text("utf-8"))
    if language == "zh":
        return profile
    fields = tuple(
        ResearchField(name=name, description=field.description)
        for name, field in zip(ENGLISH, profile.fields, strict=True)
    )
    return profile.model_copy(update={"language": language, "fields": fields})


def sample_papers(profile: Profile) -> list[Paper]:
    """The papers of the sample day, in the order of announcement."""
    feeds = [
        parse_feed((SAMPLE / f"{category}.xml").read_bytes(), category).papers
        for category in profile.categories
    ]
    return list(merge(feeds, profile.announce_types).papers)


def _digest(profile: Profile, papers: Sequence[Paper]) -> Digest:
    """A day's digest, for which all papers were announced in the first category."""
    state = FeedState.FRESH if papers else FeedState.EMPTY
    first, *others = (
        FeedReading(category=category, state=state, date=DATE) for category in profile.categories
    )
    feeds = [ParsedFeed(first, tuple(papers)), *(ParsedFeed(other, ()) for other in others)]
    return previewed(profile, "", feeds, {}, (), MADE)


def main(
    gallery: Annotated[Path, typer.Option(envvar="GALLERY", help="folder for the pictures")] = (
        ROOT / "docs/gallery"
    ),
) -> None:
    """Take pictures of mail, page and archive, of the sample day and of extreme ones."""
    try:
        with browsing() as browser:
            for picture in take_pictures(browser, gallery):
                typer.echo(f"  {picture}")
    except NoBrowser as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
