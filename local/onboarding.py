"""Make, check and try a profile."""

from __future__ import annotations

import datetime as dt
import json
import os
import shlex
import sys
import webbrowser
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

import typer

from arxiv_digest.adapters.arxiv import ExportApi, FeedReader, FeedUnreachable
from arxiv_digest.firings import eastern_date
from arxiv_digest.profile import ProfileError, load_profile
from arxiv_digest.steps.examples import AT_ONCE, PATIENCE, keep_examples, profile_examples
from arxiv_digest.steps.fetch import READING, read_feed
from arxiv_digest.steps.profiles import kept_profile, refuse_name
from local import day, feeds
from local.categories import ARCHIVES
from local.draft import MOST_FIELDS, ProposedField, profile_yaml
from local.options import (
    Categories,
    Out,
    Source,
    categories_of,
    feeds_served,
    listed,
    name_of,
    profile_errors,
    profile_files,
    profile_text,
    say,
    writing,
)
from local.references import (
    ENDINGS,
    Reference,
    References,
    distinct,
    named_paper,
    read_references,
)

MOST_ASKED = 1000
"""Papers that arXiv is asked for at most, which takes half a minute."""

LISTED = 20
"""Entries that cannot be read that are named; the others are counted."""

app = typer.Typer(no_args_is_help=True)

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
NewCategories = Annotated[
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


@app.callback(help=__doc__)
def refuse_several() -> None:
    """Refuse variables of several commands, of which make would run one and forget the others."""
    named = [name for name in ("NEW", "CHECK", "PREVIEW") if os.environ.get(name)]
    if len(named) > 1:
        raise typer.BadParameter(f"{' and '.join(named)} are commands of their own; name one")


@app.command()
def new(
    file: NewFile,
    from_: From = "",
    name: Name = "",
    language: Language = "",
    time_zone: TimeZone = "",
    categories: NewCategories = "",
    field: Field = [],  # noqa: B006
    count: Count = 0,
    force: Force = False,
    ask: Ask = None,
    export_api_url: ExportApiUrl = feeds.EXPORT_API,
) -> None:
    """Write a profile: of what you say, and of papers that you have read."""
    called = name_of(file)
    given = [_field(one) for one in field]
    told = {"name": name, "time_zone": time_zone, "categories": listed(categories)}
    with profile_errors():
        refuse_name(called, str(file))
        _refuse({key: value for key, value in told.items() if value}, "what is given")
    _refuse_target(file, force)
    # Imported here, as below: scikit-learn takes seconds, and no other command needs it.
    from local.proposal import propose_categories, propose_fields

    papers = _papers(from_, export_api_url) if from_ else ()
    proposal = propose_fields(papers, count or None) if papers else None
    if proposal and proposal.apart:
        say(f"papers that share no word with any other, so in no field: {len(proposal.apart)}")
        for paper in proposal.apart[:LISTED]:
            say(f"  {paper.title}")
    asks = sys.stdin.isatty() if ask is None else ask
    known = " ".join(propose_categories(papers))

    def answer(key: str, question: str, default: str) -> str:
        return _asked(question, default, lambda text: {key: text}) if asks else default

    name = name or called or answer("name", "Name", _as_name(file))
    written_in = language or answer("language", "Language of the digest, en or zh", "en")
    time_zone = time_zone or answer("time_zone", "Time zone", _time_zone())
    if not categories:
        question = "arXiv categories, such as cs.CV cs.LG"
        categories = _asked(question, known, _categories) if asks else known
    fields = given
    for proposed in proposal.fields if proposal else ():
        fields = [*fields, _named(proposed, fields) if asks else proposed]
    if not fields and asks:
        fields = _asked_fields()
    if not fields:
        raise typer.BadParameter(
            "there is no field; FROM names papers to propose fields from, --field gives one"
        )
    if not listed(categories):
        raise typer.BadParameter("no category is known; CATEGORIES names some, such as 'cs.CV'")
    origin = f"{len(papers)} papers ({from_})" if papers else ""
    text = profile_yaml(name, written_in, time_zone, listed(categories), fields, origin)
    with profile_errors():
        kept_profile(called, text, str(file))
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
        try:
            text = profile_text(name or name_of(one), one, [], "CHECK")
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
    categories: Categories = "",
    open_: Open = False,
    export_api_url: ExportApiUrl = feeds.EXPORT_API,
) -> None:
    """Make the newest day's digest with a profile and the local scorer: in seconds, at no cost."""
    from local.preview import Folder, preview_lines, previewed, write_preview

    narrowed = listed(categories)
    with profile_errors():
        named = {name or name_of(one): one for name, one in profile_files(file, "PREVIEW").items()}
        texts = {name: profile_text(name, one, narrowed, "PREVIEW") for name, one in named.items()}
    now = dt.datetime.now(dt.UTC)
    with feeds_served(source, texts) as base_url:
        with writing("OUT"):
            out.mkdir(parents=True, exist_ok=True)
        reader = FeedReader(base_url, interval=0)
        wanted = categories_of(texts)
        read = [read_feed(reader, category, READING / len(wanted))[0] for category in wanted]
    seen: dict[str, dict[str, dt.date]] = {name: {} for name in texts}
    for name, digest in day.kept_digests(out, say):
        if name in seen:
            seen[name] |= {paper.id: digest.date for paper in digest.papers}
    kept = Folder(out)
    profiles = {name: load_profile(text) for name, text in texts.items()}
    asked_for = any((*one.examples.more, *one.examples.less) for one in profiles.values())
    troubles: dict[str, str] = {}
    if asked_for and feeds.answers(export_api_url):
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
    with_title = [one for one in papers if one.title]
    titled = distinct(with_title)
    if len(titled) < len(with_title):
        say(f"repeated by what arXiv tells of them, so joined: {len(with_title) - len(titled)}")
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
    names = [named] if _file(named) else listed(named)
    found: list[Reference] = []
    repeated, unreadable = 0, []
    for name in names:
        file = _file(name)
        if file is None:
            if not (identity := named_paper(name)):
                raise typer.BadParameter(f"FROM: {name} is neither a file nor an arXiv identifier")
            found.append(Reference("", arxiv_id=identity))
            continue
        if file.suffix.lower() not in ENDINGS:
            kinds = " ".join(filter(None, ENDINGS))
            raise typer.BadParameter(
                f"FROM: {file} is of no kind that is read; export it as {kinds}"
            )
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


def _refuse(keys: Mapping[str, object], source: str) -> None:
    """Raise :class:`~arxiv_digest.profile.ProfileError` for keys that no profile can have."""
    needed = {"categories": ["cs.LG"], "fields": [{"name": "A", "description": "a"}]}
    load_profile(json.dumps({**needed, **keys}, ensure_ascii=False), source)


def _asked(question: str, default: str, keys: Callable[[str], Mapping[str, object]]) -> str:
    """What the reader answers, asked again where a profile cannot have the keys that it gives."""

    def right(answer: str) -> str:
        answer = answer.strip()
        try:
            _refuse(keys(answer), "this answer")
        except ProfileError as problem:
            raise typer.BadParameter(str(problem)) from None
        return answer

    return str(typer.prompt(question, default, value_proc=right, show_default=bool(default)))


def _categories(answer: str) -> dict[str, object]:
    return {"categories": listed(answer)}


def _fields(fields: Iterable[ProposedField]) -> dict[str, object]:
    return {"fields": [{"name": one.name, "description": one.description} for one in fields]}


def _named(field: ProposedField, others: Sequence[ProposedField]) -> ProposedField:
    """A proposed field with the name that the reader gives it."""
    say(f"\nA field of {len(field.papers)} papers: {field.description}")
    name = _asked(
        "Its name in the digest",
        field.name,
        lambda answer: _fields([*others, field._replace(name=answer)]),
    )
    return field._replace(name=name)


def _asked_fields() -> list[ProposedField]:
    """Fields that the reader describes, until an empty name."""
    fields: list[ProposedField] = []
    while True:
        question = f"Field {len(fields) + 1}, its name; empty to end"

        def with_name(name: str) -> dict[str, object]:
            return _fields([*fields, ProposedField(name, "a", ())]) if name else {}

        name = _asked(question, "", with_name)
        if not name:
            return fields
        about = _asked(
            "What its papers are about, in English, in words of their abstracts",
            "",
            lambda text: _fields([ProposedField("A", text, ())]),
        )
        fields.append(ProposedField(name, about, ()))


def _as_name(file: Path) -> str:
    """A profile's name of the signs of its file's name that it may have."""
    signs = (sign if sign.isascii() and sign.isalnum() else "-" for sign in file.stem.lower())
    name = "".join(signs)[:40].strip("-")
    return name if name not in ("", "profile") else "default"


def _time_zone(local_time: Path = Path("/etc/localtime")) -> str:
    """This machine's time zone by its IANA name, or UTC where it has none."""
    set_to = os.environ.get("TZ", "").removeprefix(":")
    name = set_to or str(local_time.resolve()).partition("/zoneinfo/")[2]
    return name if name in available_timezones() else "UTC"
