"""``make profile``: a profile from a reader's own papers, checked, and tried on a day."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from arxiv_digest.models import LOCAL_SCORER, Digest, Tokens
from arxiv_digest.profile import Profile, load_profile
from local import onboarding
from local.__main__ import app
from tests.builders import DAY, a_digest, a_paper, scored
from tests.export_api import export_api
from tests.feeds import feed

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9/api/query"
"""Where nothing listens."""

PROFILE = """
name: pruning
categories: [cs.LG, cs.CV]
fields:
  - {name: Pruning, description: Pruning and quantization of large language models and experts.}
  - {name: Whales, description: Songs of humpback whales and their zygomatic arches.}
"""
BIBTEX = "\n".join(
    f"@misc{{k{number}, title={{{title} {number}}}, primaryclass={{cs.LG}}, abstract={{{title}.}}}}"
    for title in ("Pruning experts", "Violins and varnish")
    for number in range(4)
)


def run(*arguments: object, answers: str = "", **environment: str) -> tuple[int, str]:
    """A command's exit code and what it said."""
    told = {"EXPORT_API_URL": NOWHERE, "TZ": "Europe/Berlin", **environment}
    ran = CliRunner().invoke(app, ["profile", *map(str, arguments)], input=answers, env=told)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, " ".join(ran.output.replace("│", " ").split())


def written(file: Path) -> Profile:
    return load_profile(file.read_text("utf-8"), str(file))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    file = tmp_path / "library.bib"
    file.write_text(BIBTEX + "\n@misc{broken, title={", "utf-8")
    return file


def test_a_profile_is_proposed_from_a_library_without_a_question(library: Path) -> None:
    file = library.parent / "profiles/mine.yaml"
    code, said = run("new", file, FROM=str(library))
    assert code == 0, said
    profile = written(file)
    assert (profile.name, profile.language, profile.time_zone) == ("mine", "en", "Europe/Berlin")
    assert profile.categories == ("cs.LG",)
    assert sorted(len(field.description) > 20 for field in profile.fields) == [True, True]
    assert (
        "papers: 8, with an arXiv id: 0; entries left out as repeated: 0, as unreadable: 1" in said
    )
    assert "line 9: its braces, quotes or commas do not match" in said
    assert run("check", file)[0] == 0


def test_arxiv_is_asked_for_papers_by_their_ids(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    known = [a_paper(number, categories=("stat.ML",)) for number in range(1, 4)]
    with export_api() as api:
        api.submit(datetime(2026, 1, 21, 12, tzinfo=UTC), *known)
        ids = " ".join([*(paper.link for paper in known), "2601.09999"])
        code, said = run("new", file, FROM=ids, EXPORT_API_URL=api.url)
    assert code == 0, said
    assert "arXiv has 3 of them" in said
    assert "without a title, so left out: 2601.09999" in said
    assert len(api.requests) == 1
    profile = written(file)
    assert profile.categories == ("stat.ML",)
    assert set(profile.examples.more) == {paper.id for paper in known}


def test_entries_that_arxiv_tells_to_be_one_paper_are_joined_and_counted(tmp_path: Path) -> None:
    known = a_paper()
    library = tmp_path / "library.bib"
    library.write_text(f"@misc{{a, title={{{known.title}}}}}\n@misc{{b, eprint={{{known.id}}}}}")
    with export_api() as api:
        api.submit(datetime(2026, 1, 21, 12, tzinfo=UTC), known)
        file = tmp_path / "mine.yaml"
        code, said = run("new", file, FROM=str(library), EXPORT_API_URL=api.url)
    assert code == 0, said
    assert "papers: 2, with an arXiv id: 1; entries left out as repeated: 0" in said
    assert "repeated by what arXiv tells of them, so joined: 1" in said
    assert "(1 of your papers)" in said


def test_an_archive_is_no_category_so_arxiv_is_asked_and_offline_it_is_noted(
    tmp_path: Path,
) -> None:
    library = tmp_path / "library.bib"
    known = [a_paper(number, categories=("cs.LG",)) for number in range(1, 4)]
    library.write_text(
        "\n".join(
            f"@misc{{{paper.id}, title={{{paper.title}}}, abstract={{{paper.abstract}}},"
            f" note={{arXiv:{paper.id} [cs]}}}}"
            for paper in known
        )
    )
    with export_api() as api:
        api.submit(datetime(2026, 1, 21, 12, tzinfo=UTC), *known)
        code, said = run("new", tmp_path / "a.yaml", FROM=str(library), EXPORT_API_URL=api.url)
    assert code == 0, said
    assert written(tmp_path / "a.yaml").categories == ("cs.LG",)
    assert "whole archive" not in said
    code, said = run("new", tmp_path / "b.yaml", FROM=str(library))
    assert code == 0, said
    assert written(tmp_path / "b.yaml").categories == ("cs",)
    assert "note: categories[0] 'cs' is a whole archive" in said
    assert "name those that you read, such as cs.AI" in said


def test_where_arxiv_fails_the_file_is_enough_and_it_is_said(tmp_path: Path) -> None:
    library = tmp_path / "library.json"
    items = [{"title": f"Pruning {n}", "note": f"arXiv:2601.0000{n} [cs.LG]"} for n in range(3)]
    library.write_text(json.dumps(items))
    with export_api() as api:
        api.faults = [404]
        code, said = run("new", tmp_path / "a.yaml", FROM=str(library), EXPORT_API_URL=api.url)
    assert code == 0, said
    assert "arXiv gave 0 of them (HTTP 404 Not Found): what stands in FROM is used" in said
    code, said = run("new", tmp_path / "b.yaml", FROM=str(library))
    assert code == 0, said
    assert "arXiv cannot be asked for 3 of them" in said


def test_on_a_terminal_it_asks_for_what_is_not_given(tmp_path: Path) -> None:
    file = tmp_path / "profile.yaml"
    whales = "Whales\n \nSongs of humpback whales in the ocean\n"
    fields = f"{whales}Whales\nDolphins\nClicks of dolphins in the ocean\n\n"
    answers = f"My Name\n\nfr\nzh\nNowhere\nAsia/Shanghai\n\ncs;CV\nq-bio.NC\n{fields}"
    code, said = run("new", file, "--ask", answers=answers)
    assert code == 0, said
    profile = written(file)
    assert (profile.name, profile.language, profile.time_zone) == ("default", "zh", "Asia/Shanghai")
    assert profile.categories == ("q-bio.NC",)
    assert [field.name for field in profile.fields] == ["Whales", "Dolphins"]
    for mend in (
        "name is 'My Name'; write up to 40 lower-case letters, digits and hyphens",
        "language is 'fr'; input should be 'zh' or 'en'",
        "time_zone is no IANA time zone",
        "categories is empty; name at least one",
        "categories[0] is 'cs;CV', no arXiv category; write it like cs.CV",
        "fields[0].description is empty; write a few English words",
        "'Whales' stands more than once; give each field a name of its own",
    ):
        assert f"Error: this answer: {mend}" in said.replace("fields 'Whales'", "'Whales'")


def test_proposed_fields_are_named_by_the_reader(library: Path) -> None:
    file = library.parent / "mine.yaml"
    code, said = run("new", file, "--ask", FROM=str(library), answers="\n\n\n\nOne\nOne\nTwo\n")
    assert code == 0, said
    assert [field.name for field in written(file).fields] == ["One", "Two"]


@pytest.mark.parametrize("command", ["new", "check", "preview"])
def test_a_file_of_many_profiles_that_no_profile_is_called_as_is_refused(
    tmp_path: Path, command: str
) -> None:
    file = tmp_path / "profiles/My Papers.yaml"
    if command != "new":
        file.parent.mkdir()
        file.write_text(PROFILE)
    arguments = ["--ask"] if command == "new" else []
    code, said = run(command, file, *arguments, SOURCE="sample", OUT=str(tmp_path / "out"))
    assert code == 1
    assert said == (
        f"{file}: a profile is called as its file; call this one by up to 40 lower-case letters,"
        " digits and hyphens"
    )


def test_a_file_of_many_profiles_gives_the_name_without_a_question(library: Path) -> None:
    file = library.parent / "profiles/theory.yaml"
    code, said = run("new", file, "--ask", FROM=str(library), answers="\n\n\n\n\n")
    assert code == 0, said
    assert written(file).name == "theory"
    assert "Name [" not in said
    code, said = run("new", file, "--force", "--name", "other", FROM=str(library))
    assert code == 1
    assert "name is 'other'; write `name: theory`, as the file is called" in said


def test_no_file_is_written_over_unless_forced(library: Path) -> None:
    file = library.parent / "mine.yaml"
    file.write_text("kept")
    code, said = run("new", file, FROM=str(library))
    assert code
    assert "exists; choose another name, or --force writes over it" in said
    assert file.read_text() == "kept"
    assert run("new", file, "--force", FROM=str(library))[0] == 0


@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        ("", ["--force"]),
        ("a-file/mine.yaml", []),
        ("/proc/nowhere/mine.yaml", []),
        (f"{'long' * 100}.yaml", []),
    ],
)
def test_a_target_that_cannot_be_written_is_refused_before_the_first_question(
    tmp_path: Path, target: str, arguments: list[str]
) -> None:
    (tmp_path / "a-file").touch()
    code, said = run("new", tmp_path / target, "--ask", *arguments)
    assert code == 2
    assert "NEW: " in said
    assert "cannot be written" in said
    assert "Name [" not in said


@pytest.mark.parametrize("name", ["library.rdf", "library.enw", "paper.PDF"])
def test_a_file_of_a_kind_that_is_not_read_is_refused_by_the_kinds_that_are(
    tmp_path: Path, name: str
) -> None:
    library = tmp_path / name
    library.write_bytes(b"\xff 2601.14327")
    code, said = run("new", tmp_path / "mine.yaml", FROM=str(library))
    assert code == 2
    assert "is of no kind that is read; export it as .bib .json .csv .ris .txt" in said


def test_many_identifiers_are_no_name_of_a_file(tmp_path: Path) -> None:
    ids = " ".join(f"2601.{number:05d}" for number in range(30))
    code, said = run("new", tmp_path / "mine.yaml", FROM=ids)
    assert code == 1
    assert "papers: 30, with an arXiv id: 30" in said


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "there is no field; FROM names papers"),
        (["--categories", "cs.CV]"], "what is given: categories[0] is 'cs.CV]', no arXiv category"),
        (["--field", "Whales"], "is not like 'Name: English description'"),
        (["--field", "Whales: Songs of whales"], "no category is known; CATEGORIES names some"),
        (["--from", "nowhere.bib"], "nowhere.bib is neither a file nor an arXiv identifier"),
        (
            ["--from", "~nosuch/library.bib"],
            "library.bib is neither a file nor an arXiv identifier",
        ),
        (
            ["--from", "papers-2401.00001.bib"],
            "00001.bib is neither a file nor an arXiv identifier",
        ),
        (["--from", "2601.14327"], "2601.14327 has no paper with a title"),
        (
            ["--field", "A: b c d e f", "--categories", "cs,CV", "--name", "A"],
            "name is 'A'; write up to 40 lower-case letters",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_explained(
    tmp_path: Path, arguments: list[str], hint: str
) -> None:
    file = tmp_path / "mine.yaml"
    code, said = run("new", file, *arguments)
    assert code
    assert hint in said
    assert not file.exists()


def test_checking_says_every_error_and_fails(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(PROFILE.replace("pruning", "good"))
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: wrong\ncategories: ['cs,CV']\nfields: []\ntreshold: 7\n")
    code, said = run("check", CHECK=str(wrong))
    assert code == 1
    for error in ("categories[0] is 'cs,CV'", "fields is empty", "treshold is no key of a profile"):
        assert f"{wrong}: {error}" in said
    code, said = run("check", tmp_path)
    assert code == 1
    assert f"{tmp_path / 'good.yaml'} can be used: 2 fields, categories cs.LG cs.CV" in said


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_checked(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "good.yaml").write_text(PROFILE.replace("pruning", "good"))
    code, said = run("check", CHECK=str(tmp_path))
    assert code == 1
    assert f"{tmp_path / 'binary.yaml'} is not UTF-8 text; save it as such" in said
    assert f"{tmp_path / 'folder.yaml'} cannot be read (Is a directory)" in said
    assert f"{tmp_path / 'good.yaml'} can be used" in said


def test_a_file_of_many_profiles_has_to_be_called_as_its_profile(tmp_path: Path) -> None:
    file = tmp_path / "profiles/theory.yaml"
    file.parent.mkdir()
    file.write_text(PROFILE)
    code, said = run("check", file)
    assert code == 1
    assert "write `name: theory`, as the file is called" in said


def test_checking_notes_what_could_be_better_and_succeeds(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("categories: [cs.CX]\nfields: [{name: A, description: large models}]")
    code, said = run("check", file)
    assert code == 0
    assert f"{file}: note: categories[0] 'cs.CX' is not in arXiv's list of categories" in said
    assert f"{file}: note: fields[0].description 'large models' is short" in said


def previewed(tmp_path: Path, text: str, **environment: str) -> tuple[str, Digest]:
    """What a preview of the sample day says, and its digest."""
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    code, said = run("preview", file, SOURCE="sample", OUT=str(tmp_path / "out"), **environment)
    assert code == 0, said
    [made] = (tmp_path / "out/preview").glob("*/2026-01-22/digest.json")
    return said, Digest.model_validate_json(made.read_bytes())


def test_a_preview_is_the_digest_of_the_day_and_says_what_each_field_catches(
    tmp_path: Path,
) -> None:
    said, digest = previewed(tmp_path, PROFILE)
    announced = digest.ledger.announced
    assert announced == digest.ledger.scored == 38
    assert 0.1 < digest.recommended / announced < 0.3
    assert f"would have had {digest.recommended} of {announced} announced papers" in said
    assert f"Pruning: {digest.recommended} recommended" in said
    best = digest.recommendations[0]
    assert f"{best.score} {best.paper.title}" in said
    assert "Whales: catches nothing" in said
    page = tmp_path / "out/preview/pruning/2026-01-22/digest.html"
    assert best.paper.title in page.read_text("utf-8")
    assert (tmp_path / "out/preview/pruning/index.html").is_file()


def test_a_preview_asks_no_language_model_whatever_names_one(tmp_path: Path) -> None:
    model = {"LLM_MODEL": "m", "LLM_BASE_URL": "http://127.0.0.1:9", "LLM_API_KEY": "k"}
    _, digest = previewed(tmp_path, f"{PROFILE}\nmodel: gpt", **model)
    assert digest.scorer == LOCAL_SCORER
    assert digest.tokens == Tokens()
    assert digest.ledger.scored == 38


def test_a_preview_may_be_narrowed_to_some_categories(tmp_path: Path) -> None:
    _, digest = previewed(tmp_path, PROFILE, CATEGORIES="cs.CV")
    assert [feed.category for feed in digest.feeds] == ["cs.CV"]
    assert digest.ledger.announced == 19


def test_a_preview_has_the_effect_of_examples_where_arxiv_gives_them(tmp_path: Path) -> None:
    _, plain = previewed(tmp_path, PROFILE)
    like = plain.below[-1].paper
    text = f"{PROFILE}\nexamples: {{more: ['{like.id}', '2601.99999']}}\nmute: [whales]"
    with export_api() as api:
        api.submit(datetime(2026, 1, 21, 12, tzinfo=UTC), like)
        said, digest = previewed(tmp_path, text, EXPORT_API_URL=api.url)
    [score] = [entry.score for entry in digest.scored if entry.paper.id == like.id]
    assert score > plain.below[-1].score
    assert f"more-like {like.title}" in said
    assert "papers by entry that steers: 0 muted-phrase whales" in said
    assert "without effect: 2601.99999" in said
    # The first is kept, so that arXiv need not be asked again.
    said, again = previewed(tmp_path, text)
    assert again.scored == digest.scored


@pytest.mark.parametrize(
    ("place", "day", "left_out"),
    [("", 21, 1), ("", 22, 0), ("profiles/pruning", 21, 0), ("preview/pruning", 21, 0)],
)
def test_a_preview_leaves_out_what_other_days_have_read(
    tmp_path: Path, place: str, day: int, left_out: int
) -> None:
    _, whole = previewed(tmp_path, PROFILE)
    first = whole.recommendations[0].paper
    made = a_digest([(first, scored(first))], date=date(2026, 1, day))
    file = tmp_path / "out" / place / str(made.date) / "digest.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(made.model_dump_json())
    said, digest = previewed(tmp_path, PROFILE)
    assert (digest.ledger.announced, digest.seen_before) == (38 - left_out, left_out)
    assert (first in digest.papers) is not bool(left_out)
    assert ("not read again: 1 that other days in OUT have read" in said) is bool(left_out)


def test_a_day_without_feeds_is_said_to_be_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(PROFILE)
    (tmp_path / "feeds").mkdir()
    code, said = run("preview", file, SOURCE=str(tmp_path / "feeds"), OUT=str(tmp_path / "out"))
    assert code == 0, said
    assert "0 of 0 announced papers" in said
    assert "Pruning: nothing to catch, since nothing was announced." in said
    assert "Name in its description" not in said
    assert "cs.LG (—): could not be read — HTTP 404" in said


def test_what_is_muted_or_beyond_a_cap_is_no_matter_of_the_description(tmp_path: Path) -> None:
    _, plain = previewed(tmp_path, PROFILE)
    best = plain.recommendations[0].paper.title
    text = f"{PROFILE}\nmute: ['{best}']"
    said, _ = previewed(tmp_path, text)
    assert best not in said.partition("papers by entry that steers")[0]
    assert "held back by mute or at_most: 1" in said
    capped = PROFILE.replace("name: Pruning,", "name: Pruning, at_most: 0,")
    said, digest = previewed(tmp_path, capped)
    assert plain.recommendations[0].paper not in [entry.paper for entry in digest.recommendations]
    assert best not in said
    assert f"held back by mute or at_most: {plain.recommended}" in said


def test_announcements_that_cannot_be_read_are_named_in_a_fresh_feed(tmp_path: Path) -> None:
    source = tmp_path / "feeds"
    source.mkdir()
    listed = [a_paper(1), a_paper(2, abstract="")]
    (source / "cs.LG.xml").write_bytes(feed("cs.LG", DAY, listed))
    file = tmp_path / "mine.yaml"
    file.write_text(PROFILE)
    code, said = run("preview", file, SOURCE=str(source), OUT=str(tmp_path / "out"))
    assert code == 0, said
    assert "cs.LG: an announcement could not be read — 2601.00002: no abstract" in said


def test_every_profile_of_a_folder_is_previewed(tmp_path: Path) -> None:
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    for name in ("a", "b"):
        (profiles / f"{name}.yaml").write_text(PROFILE.replace("name: pruning", f"name: {name}"))
    code, said = run("preview", profiles, SOURCE="sample", OUT=str(tmp_path / "out"))
    assert code == 0, said
    assert "profile a: With this profile" in said
    assert (tmp_path / "out/preview/b/index.html").is_file()


@pytest.mark.parametrize(
    ("variables", "command"),
    [
        (["NEW=a.yaml", "FROM=a.bib"], "new"),
        (["CHECK=a.yaml"], "check"),
        (["PREVIEW=a.yaml", "ARGS=--open"], "preview --open"),
        ([], "--help"),
    ],
)
def test_make_runs_the_command_that_a_variable_names(variables: list[str], command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    told = subprocess.run(
        ["make", "-n", "profile", *variables],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert told.splitlines()[-1].split() == f".venv/bin/python -m local profile {command}".split()


def test_help_names_every_command_and_what_it_takes() -> None:
    code, said = run("--help")
    assert code == 0
    assert "Make, check and try a profile." in said
    for command, variables in (
        ("new", ("NEW", "FROM", "CATEGORIES")),
        ("check", ("CHECK",)),
        ("preview", ("PREVIEW", "SOURCE", "OUT", "CATEGORIES")),
    ):
        assert f" {command} " in said
        code, told = run(command, "--help")
        assert code == 0
        for variable in variables:
            assert f"[env var: {variable}]" in told.replace("; required", "")


def test_variables_of_two_commands_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    code, said = run("new", NEW=str(file), CHECK="profile.yaml", CATEGORIES="cs.CV")
    assert code == 2
    assert "NEW and CHECK are commands of their own; name one" in said
    assert not file.exists()


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"PREVIEW": "nowhere.yaml"}, "PREVIEW names a file, or a folder of profiles"),
        ({"PREVIEW": "profile.yaml", "OUT": "README.md"}, "OUT: README.md cannot be written"),
        ({"PREVIEW": "profile.yaml", "OUT": "README.md/a"}, "OUT: README.md/a cannot be written"),
        ({"PREVIEW": "profile.yaml", "OUT": "/proc/a"}, "OUT: /proc/a cannot be written"),
        ({"PREVIEW": "profile.yaml", "SOURCE": "/nowhere"}, "there is no folder /nowhere"),
    ],
)
def test_a_preview_of_what_is_not_there_is_explained(settings: dict[str, Any], hint: str) -> None:
    code, said = run("preview", **settings)
    assert code
    assert hint in said


def test_the_time_zone_is_that_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TZ", raising=False)
    zone = tmp_path / "zoneinfo/Asia/Shanghai"
    zone.parent.mkdir(parents=True)
    zone.touch()
    (tmp_path / "localtime").symlink_to(zone)
    assert onboarding._time_zone(tmp_path / "localtime") == "Asia/Shanghai"
    assert onboarding._time_zone(tmp_path / "missing") == "UTC"
    monkeypatch.setenv("TZ", ":Europe/Berlin")
    assert onboarding._time_zone(tmp_path / "localtime") == "Europe/Berlin"
