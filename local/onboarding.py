"""Make, check and try a profile."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import sys
import webbrowser
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

import typer

from arxiv_digest.adapters.arxiv import ExportApi, FeedReader, FeedUnreachable
from arxiv_digest.announcements import eastern_date
from arxiv_digest.profile import ProfileError, load_profile
from arxiv_digest.steps.examples import AT_ONCE, PATIENCE, keep_examples, profile_examples
from arxiv_digest.steps.fetch import READING, read_feed
from local import day, feeds
from local.categories import ARCHIVES
from local.draft import MOST_FIELDS, ProposedField, profile_yaml
from local.options import (
    Out,
    Source,
    categories_of,
    feeds_served,
    profile_errors,
    profile_files,
    profile_text,
    say,
    writing,
)
from local.references import Reference, References, distinct, named_paper, read_references

MOST_ASKED = 1000
"""Papers that arXiv is asked for at most, which takes half a minute."""

LISTED = 20
"""Entries that cannot be read that are named; the others are counted."""

app = typer.Typer(no_args_is_help=True, help=__doc__)

NewFile = Annotated[Path, typer.Argument(envvar="NEW", help="the profile to write")]
From = Annotated[
    str,
    typer.Option(
        "--from",
        envvar="FROM",
        help="papers of yours: .bib, CSL-JSON, Zotero's .csv, .ris, a list of arXiv ids, or ids",
    ),
]
Name = Annotated[str, typer.Option(help="the profile's name", show_default="as the file is called")]
Language = Annotated[Literal["", "en", "zh"], typer.Option(help="of the digest", show_default="en")]
TimeZone = Annotated[str, typer.Option(help="an IANA name", show_default="this machine's")]
Categories = Annotated[
    str,
    typer.Option(
        envvar="CATEGORIES", help="such as 'cs.CV cs.LG'", show_default="those of your papers"
    ),
]
Field = Annotated[
    list[str], typer.Option(help="a field, as 'Name: English description'; as often as needed")
]
Count = Annotated[
    int, typer.Option(min=0, max=MOST_FIELDS, help="fields to propose; 0 finds how many")
]
Force = Annotated[bool, typer.Option("--force", help="write over a file that exists")]
Ask = Annotated[
    bool | None,
    typer.Option("--ask/--no-ask", help="ask for what is not given", show_default="on a terminal"),
]
ExportApiUrl = Annotated[
    str, typer.Option(envvar="EXPORT_API_URL", help="asked for papers by their arXiv ids")
]
CheckedFile = Annotated[
    Path, typer.Argument(envvar="CHECK", help="a profile, or a folder of <name>.yaml")
]
PreviewedFile = Annotated[
    Path, typer.Argument(envvar="PREVIEW", help="a profile, or a folder of <name>.yaml")
]
Open = Annotated[bool, typer.Option("--open", help="show the page in the browser")]


@app.command()
def new(
    file: NewFile,
    from_: From = "",
    name: Name = "",
    language: Language = "",
    time_zone: TimeZone = "",
    categories: Categories = "",
    field: Field = [],  # noqa: B006
    count: Count = 0,
    force: Force = False,
    ask: Ask = None,
    export_api_url: ExportApiUrl = feeds.EXPORT_API,
) -> None:
    """Write a profile: of what you say, and of papers that you have read."""
    _refuse_target(file, force)
    # Imported here, as below: scikit-learn takes seconds, and no other command needs it.
    from local.proposal import propose_categories, propose_fields

    given = [_field(one) for one in field]
    papers = _papers(from_, export_api_url) if from_ else ()
    proposal = propose_fields(papers, count or None) if papers else None
    if proposal and proposal.apart:
        say(f"papers that share no word with any other, so in no field: {len(proposal.apart)}")
        for one in proposal.apart[:LISTED]:
            say(f"  {one.title}")
    asks = sys.stdin.isatty() if ask is None else ask
    called = _name_of(file)
    known = " ".join(propose_categories(papers))
    answers = {
        "name": name or _asked(asks, "Name", called),
        "language": language
        or _asked(asks, "Language of the digest, en or zh", "en", {"en", "zh"}),
        "time_zone": time_zone or _asked(asks, "Time zone", _time_zone(), available_timezones()),
        "categories": categories or _asked(asks, "arXiv categories, such as cs.CV cs.LG", known),
    }
    fields = [*given, *(_named(proposal.fields, asks) if proposal else ())]
    if not fields and asks:
        fields = _asked_fields()
    if not fields:
        raise typer.BadParameter(
            "there is no field; FROM names papers to propose fields from, --field gives one"
        )
    if not answers["categories"].strip():
        raise typer.BadParameter("no category is known; CATEGORIES names some, such as 'cs.CV'")
    origin = f"{len(papers)} papers ({from_})" if papers else ""
    text = profile_yaml(
        answers["name"],
        answers["language"],
        answers["time_zone"],
        answers["categories"].replace(",", " ").split(),
        fields,
        origin,
    )
    with profile_errors():
        load_profile(text, str(file))
    with writing("NEW"):
        file.write_text(text, "utf-8")
    say(f"\n{file} has {len(fields)} field{'s' * (len(fields) > 1)}:")
    for one in fields:
        of_yours = f" ({len(one.papers)} of your papers)" if one.papers else ""
        say(f"  {one.name}{of_yours}")
    _advise(file, text)
    say(f"Edit it, then see what it catches: make profile PREVIEW={shlex.quote(str(file))}")


@app.command()
def check(file: CheckedFile) -> None:
    """Say what is wrong with a profile, and what could be better."""
    failed = False
    for name, one in profile_files(file, "CHECK").items():
        # A file of a folder of profiles is one of many, whose names are those of their files.
        name = name or (one.stem if one.absolute().parent.name == "profiles" else "")
        try:
            text = profile_text(name, one, [], "CHECK")
        except ProfileError as problem:
            typer.echo(str(problem), err=True)
            failed = True
            continue
        _advise(one, text)
        profile = load_profile(text)
        say(
            f"{one} can be used: {len(profile.fields)} fields,"
            f" categories {' '.join(profile.categories)}"
        )
    if failed:
        raise typer.Exit(1)


@app.command()
def preview(
    file: PreviewedFile,
    source: Source = "live",
    out: Out = Path("digests"),
    open_: Open = False,
    export_api_url: ExportApiUrl = feeds.EXPORT_API,
) -> None:
    """Make the newest day's digest with a profile and the local scorer: in seconds, at no cost."""
    from local.preview import Folder, preview_lines, previewed, write_preview

    with writing("OUT"):
        out.mkdir(parents=True, exist_ok=True)
    with profile_errors():
        texts = {
            name: profile_text(name, one, [], "PREVIEW")
            for name, one in profile_files(file, "PREVIEW").items()
        }
    now = dt.datetime.now(dt.UTC)
    with feeds_served(source, texts) as base_url:
        reader = FeedReader(base_url, interval=0)
        wanted = categories_of(texts)
        read = [read_feed(reader, category, READING / len(wanted))[0] for category in wanted]
    seen: dict[str, dict[str, dt.date]] = {name: {} for name in texts}
    for name, digest in day.kept_digests(out, say):
        if name in seen:
            seen[name] |= {paper.id: digest.date for paper in digest.papers}
    kept = Folder(out)
    profiles = {name: load_profile(text) for name, text in texts.items()}
    named = any((*one.examples.more, *one.examples.less) for one in profiles.values())
    troubles: dict[str, str] = {}
    if named and feeds.answers(export_api_url):
        api = ExportApi(export_api_url)
        with writing("OUT"):
            troubles = keep_examples(kept, api, profiles.values(), eastern_date(now))
    for name, profile in profiles.items():
        examples = profile_examples(kept, profile, troubles)
        digest = previewed(profile, texts[name], read, seen[name], examples, now)
        say("")
        if name:
            say(f"profile {name}:")
        for line in preview_lines(digest):
            say(line)
        with writing("OUT"):
            page = write_preview(digest, out / "preview" / profile.name)
        say(f"\nThe page: {page}")
        if open_:
            webbrowser.open(page.resolve().as_uri())
    say(
        "The local scorer recommends about a fifth of any day, by the words of the descriptions; a"
        " language model reads closer, and recommends what is worth it."
    )


def _advise(file: Path, text: str) -> None:
    from local.advice import advice

    for line in advice(load_profile(text)):
        say(f"{file}: note: {line}")


def _papers(named: str, export_api_url: str) -> Sequence[Reference]:
    """The papers that files or identifiers name, with what arXiv tells of them."""
    read = _read(named)
    with_id = sum(bool(one.arxiv_id) for one in read.found)
    say(
        f"papers: {len(read.found)}, with an arXiv id: {with_id}; entries left out as repeated:"
        f" {read.repeated}, as unreadable: {len(read.unreadable)}"
    )
    for line in read.unreadable[:LISTED]:
        say(f"  {line}")
    if len(read.unreadable) > LISTED:
        say(f"  and {len(read.unreadable) - LISTED} more")
    papers = _looked_up(read.found, export_api_url)
    titled = distinct(one for one in papers if one.title)
    if untitled := [one.arxiv_id for one in papers if not one.title]:
        more = "" if len(untitled) <= LISTED else f" and {len(untitled) - LISTED} more"
        say(f"without a title, so left out: {' '.join(untitled[:LISTED])}{more}")
    if not titled:
        typer.echo(
            f"error: {named} has no paper with a title, which fields are proposed from; exports of"
            " reference managers have them, and arXiv where it can be reached",
            err=True,
        )
        raise typer.Exit(1)
    return titled


def _read(named: str) -> References:
    """What the files hold that are named, or the identifiers."""
    names = [named] if _file(named) else named.replace(",", " ").split()
    found: list[Reference] = []
    repeated, unreadable = 0, []
    for name in names:
        file = _file(name)
        if file is None:
            if not (identity := named_paper(name)):
                raise typer.BadParameter(f"FROM: {name} is neither a file nor an arXiv identifier")
            found.append(Reference("", arxiv_id=identity))
            continue
        try:
            of_file = read_references(file.name, file.read_text("utf-8"))
        except OSError as problem:
            raise typer.BadParameter(f"FROM: {file} cannot be read ({problem.strerror})") from None
        except UnicodeDecodeError:
            raise typer.BadParameter(
                f"FROM: {file} is not UTF-8 text; export it with this encoding"
            ) from None
        found += of_file.found
        repeated += of_file.repeated
        where = f"{file}, " if len(names) > 1 else ""
        unreadable += [f"{where}{line}" for line in of_file.unreadable]
    kept = distinct(found)
    return References(kept, repeated + len(found) - len(kept), tuple(unreadable))


def _file(name: str) -> Path | None:
    """The file of a name, or none where there is none."""
    try:
        file = Path(name).expanduser()
        return file if file.is_file() else None
    except (OSError, RuntimeError):  # many ids are too long a name, and ~x may be nobody's home
        return None


def _looked_up(papers: Sequence[Reference], export_api_url: str) -> list[Reference]:
    """The papers with title, abstract and categories of arXiv, as far as it can be asked."""
    lacking = [
        one.arxiv_id
        for one in papers
        # Zotero writes the archive, such as cs, in the place of the category.
        if one.arxiv_id and not (one.title and one.abstract and set(one.categories) - ARCHIVES)
    ]
    asked = lacking[:MOST_ASKED]
    if not asked:
        return list(papers)
    if not feeds.answers(export_api_url):
        say(f"arXiv cannot be asked for {len(lacking)} of them: what stands in FROM is used")
        return list(papers)
    say(f"asking arXiv for {len(asked)} of them, {AT_ONCE} at once")
    if len(lacking) > len(asked):
        say(f"  of the other {len(lacking) - len(asked)} what stands in FROM is used")
    api = ExportApi(export_api_url)
    known: dict[str, Reference] = {}
    try:
        for start in range(0, len(asked), AT_ONCE):
            today = eastern_date(dt.datetime.now(dt.UTC))
            for paper in api.papers(asked[start : start + AT_ONCE], today, PATIENCE):
                known[paper.id] = Reference(paper.title, paper.abstract, paper.id, paper.categories)
    except FeedUnreachable as problem:
        say(f"  arXiv gave {len(known)} of them ({problem}): what stands in FROM is used")
    else:
        say(f"  arXiv has {len(known)} of them")
    return [known.get(one.arxiv_id, one) for one in papers]


def _refuse_target(file: Path, force: bool) -> None:
    """Refuse a file that exists or cannot be written, before the reader is asked anything."""
    with writing("NEW"):
        exists = file.exists()
        if exists and not force:
            raise typer.BadParameter(
                f"{file} exists; choose another name, or --force writes over it"
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("a").close()
        if not exists:
            file.unlink()


def _field(given: str) -> ProposedField:
    name, colon, description = given.partition(":")
    if not (colon and name.strip() and description.strip()):
        raise typer.BadParameter(f"--field {given!r} is not like 'Name: English description'")
    return ProposedField(name.strip(), description.strip(), ())


def _asked(asks: bool, question: str, default: str, choices: Collection[str] | None = None) -> str:
    """What the reader answers, asked again where it is none of the choices; or the default."""

    def right(answer: str) -> str:
        if choices is not None and answer not in choices:
            raise typer.BadParameter(f"{answer!r} is none; {default} would be one")
        return answer

    return str(typer.prompt(question, default or None, value_proc=right)) if asks else default


def _named(fields: Iterable[ProposedField], asks: bool) -> list[ProposedField]:
    """Proposed fields with the names that the reader gives them."""
    if not asks:
        return list(fields)
    named: list[ProposedField] = []
    for field in fields:
        say(f"\nA field of {len(field.papers)} papers: {field.description}")
        named.append(field._replace(name=_asked(asks, "Its name in the digest", field.name)))
    return named


def _asked_fields() -> list[ProposedField]:
    """Fields that the reader describes, until an empty name."""
    fields: list[ProposedField] = []
    while True:
        name = typer.prompt(f"Field {len(fields) + 1}, its name; empty to end", default="").strip()
        if not name:
            return fields
        about = typer.prompt("What its papers are about, in English, in words of their abstracts")
        fields.append(ProposedField(name, about, ()))


def _name_of(file: Path) -> str:
    """The name of a profile by its file, as far as a name may have its signs."""
    signs = (sign if sign.isascii() and sign.isalnum() else "-" for sign in file.stem.lower())
    name = "".join(signs)[:40].strip("-")
    return name if name not in ("", "profile") else "default"


def _time_zone(local_time: Path = Path("/etc/localtime")) -> str:
    """This machine's time zone by its IANA name, or UTC where it has none."""
    set_to = os.environ.get("TZ", "").removeprefix(":")
    name = set_to or str(local_time.resolve()).partition("/zoneinfo/")[2]
    return name if name in available_timezones() else "UTC"
