"""Stored values of other versions, and what today's version stores."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, TypeAdapter

from arxiv_digest import announcements, firings, migrations
from arxiv_digest.batches import make_batches
from arxiv_digest.migrations import BATCH, OUTCOME, Stored, Unreadable, brought_up
from arxiv_digest.models import SCHEMA_VERSION, AnnounceType, PapersOfMonth, Value
from arxiv_digest.profile import Profile
from tests.builders import DAY, papers

ROOT = Path(__file__).parents[2]
RECORD = ROOT / f"tests/stored/fields-{SCHEMA_VERSION}.txt"


class Parcel(Value):
    """A made-up kind, as its third version has it."""

    schema_version: Literal[3] = 3
    sender: str
    contents: tuple[str, ...]


class Stamp(Value):
    """A made-up kind without a version of its own."""

    cents: int


PARCEL, STAMP = Stored("Parcel", TypeAdapter(Parcel)), Stored("Stamp", TypeAdapter(Stamp))


def _a_list(parcel: dict[str, Any]) -> dict[str, Any]:
    content = parcel.pop("content")
    return {**parcel, "contents": [content]}


def _with_a_sender(parcel: dict[str, Any]) -> dict[str, Any]:
    assert isinstance(parcel["contents"], list), "it is as the second version has it"
    return {**parcel, "sender": "nobody"}


def _in_cents(stamp: dict[str, Any]) -> dict[str, Any]:
    return {"cents": 100 * stamp["euros"]}


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third version: parcels changed twice, stamps once, everything else never."""
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 3)
    steps = {("Parcel", 1): _a_list, ("Parcel", 2): _with_a_sender, ("Stamp", 2): _in_cents}
    monkeypatch.setattr(migrations, "STEPS", steps)


@pytest.mark.usefixtures("third")
@pytest.mark.parametrize(
    ("stored", "sender"),
    [
        ({"schema_version": 1, "content": "tea"}, "nobody"),
        ({"schema_version": 2, "contents": ["tea"]}, "nobody"),
        ({"schema_version": 3, "contents": ["tea"], "sender": "Ada"}, "Ada"),
    ],
)
def test_a_value_of_any_earlier_version_is_brought_up_step_by_step(
    stored: dict[str, Any], sender: str
) -> None:
    found = PARCEL.read(json.dumps(stored), "a parcel")
    assert found == Parcel(sender=sender, contents=("tea",))


@pytest.mark.usefixtures("third")
def test_a_value_without_a_version_has_that_of_what_it_lies_in() -> None:
    assert STAMP.read('{"euros": 2}', "a stamp", 1) == Stamp(cents=200), "no step leads from 1 to 2"
    assert STAMP.read('{"euros": 2}', "a stamp", 2) == Stamp(cents=200)
    assert STAMP.read('{"cents": 2}', "a stamp", 3) == Stamp(cents=2)


@pytest.mark.usefixtures("third")
def test_an_item_is_brought_up_by_its_own_version_and_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(migrations, "STEPS", {("MAIL", 1): lambda item: {**item, "tries": 1}})
    item = {"pk": "RUN#2026-01-22", "schema_version": 1, "state": "SENT"}
    assert brought_up("MAIL", item, "a claim") == {**item, "tries": 1}
    assert brought_up("MODE", item, "a mode") == item
    assert "tries" not in item, "what was given stays as it is"


def test_a_newer_value_is_refused_by_name_with_both_versions_and_the_mend() -> None:
    newer = json.dumps({"schema_version": SCHEMA_VERSION + 1, "anything": "at all"})
    with pytest.raises(Unreadable) as refused:
        BATCH.read(newer, "message 7")
    assert str(refused.value) == (
        f"message 7 is of schema version {SCHEMA_VERSION + 1}, and this code reads none above"
        f" {SCHEMA_VERSION}: deploy the version that wrote it again, or a newer one"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "message 7 is no JSON"),
        ("[1]", "message 7 is no JSON object"),
        ('{"number": 1}', "message 7 has no schema_version"),
        ('{"schema_version": null}', "message 7 has no schema_version"),
        ('{"schema_version": "two"}', "message 7 has no schema_version"),
        (f'{{"schema_version": {SCHEMA_VERSION}}}', "message 7 cannot be read: date: Field req"),
    ],
)
def test_what_is_no_value_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        BATCH.read(text, "message 7")


def test_an_unknown_field_is_named_with_the_mend_and_without_what_it_holds() -> None:
    [batch] = make_batches(DAY, papers(1), 1)
    told = batch.model_dump(mode="json")
    told["papers"][0]["reader"] = "one@example.org"
    with pytest.raises(Unreadable) as refused:
        BATCH.read(json.dumps(told), "message 7")
    assert "message 7 cannot be read: papers.0.reader: Extra inputs" in str(refused.value)
    assert "a newer version may have written it, then deploy" in str(refused.value)
    assert "one@example.org" not in str(refused.value)


def test_whatever_is_stored_as_json_is_read_by_way_of_its_version() -> None:
    folders = ("layers/common/arxiv_digest", "functions", "local")
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        called = {
            node.func.attr
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & {"model_validate_json", "validate_json"}, file


def stored() -> list[Stored[Any]]:
    """Every kind that is stored, be it for others to read or as the YAML in a run."""
    modules = (migrations, announcements, firings)
    found = [value for module in modules for value in vars(module).values()]
    read = [kind for kind in found if isinstance(kind, Stored)]
    kept = [
        Stored("PapersOfMonth", TypeAdapter(PapersOfMonth)),
        Stored("Profile", TypeAdapter(Profile)),
    ]
    return [*read, *kept]


def fields(kinds: list[Stored[Any]]) -> set[str]:
    """What may stand in stored values, a line for each field and each word of a fixed list."""
    lines: set[str] = set()
    for kind in kinds:
        schema = kind.adapter.json_schema(ref_template="{model}")
        models = {**schema.pop("$defs", {}), kind.kind: schema}
        for name, model in models.items():
            required = model.get("required", ())
            lines |= {f"{name} may be {word}" for word in model.get("enum", ())}
            for field, rule in model.get("properties", {}).items():
                presence = "required" if field in required else "optional"
                lines.add(f"{name}.{field} {presence} {_told(rule)}")
            if "properties" not in model and "enum" not in model:
                lines.add(f"{name} {_told(model)}")
    return lines


def _told(rule: Any) -> str:
    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            words = ("title", "description")
            return {k: plain(v) for k, v in part.items() if k not in words or isinstance(v, dict)}
        return [plain(each) for each in part] if isinstance(part, list) else part

    return json.dumps(plain(rule), ensure_ascii=False, sort_keys=True)


def breaking(recorded: set[str], now: set[str]) -> set[str]:
    """The lines by which stored values are read otherwise than they were written.

    Those are lines that are gone or changed, and new fields that what is stored has to have. New
    optional fields, words of a list and whole models change nothing of how stored values are read.
    """
    models = {_model(line) for line in recorded}
    needed = {line for line in now - recorded if line.split()[1] == "required"}
    return (recorded - now) | {line for line in needed if _model(line) in models}


def _model(line: str) -> str:
    return re.split(r"[. ]", line)[0]


def test_the_fields_of_what_is_stored_change_only_with_the_version() -> None:
    now = fields(stored())
    if not RECORD.exists():
        RECORD.write_text("".join(f"{line}\n" for line in sorted(now)), "utf-8")
        pytest.fail(f"{RECORD.relative_to(ROOT)} was not there and is written: commit it")
    recorded = set(RECORD.read_text("utf-8").splitlines())
    place = RECORD.relative_to(ROOT)
    changed = "\n".join(sorted(breaking(recorded, now)))
    assert not changed, (
        "raise SCHEMA_VERSION as migrations.py says; or, where what is stored is read as before,"
        f" change these lines of {place}:\n{changed}"
    )
    added = "\n".join(sorted(now - recorded))
    assert not added, f"what is stored is read as before; add these to {place}:\n{added}"


class _Before(Value):
    name: str
    kind: AnnounceType
    size: int = 0


class _OneMore(_Before):
    colour: str = ""


class _OneMoreNeeded(_Before):
    colour: str


class _Renamed(Value):
    title: str = Field(default="")
    kind: AnnounceType
    size: int = 0


class _Retyped(_Before):
    size: str = "0"


class _AnotherDefault(_Before):
    size: int = 1


@pytest.mark.parametrize(
    ("after", "breaks"),
    [
        (_OneMore, False),
        (_OneMoreNeeded, True),
        (_Renamed, True),
        (_Retyped, True),
        (_AnotherDefault, True),
    ],
)
def test_a_change_of_fields_breaks_unless_it_adds_an_optional_one(
    after: type[Value], breaks: bool
) -> None:
    before, now = (fields([Stored("Thing", TypeAdapter(kind))]) for kind in (_Before, after))
    assert before != now
    assert bool(breaking(before, now)) is breaks


def test_a_new_model_breaks_nothing() -> None:
    before = fields([BATCH])
    assert not breaking(before, before | fields([OUTCOME]))


def test_a_word_that_is_gone_from_a_list_breaks_and_a_new_one_does_not() -> None:
    recorded = fields([BATCH, OUTCOME])
    fewer = recorded - {"AnnounceType may be cross"}
    assert breaking(recorded, fewer)
    assert not breaking(fewer, recorded)
