"""Many profiles on the deployed stack, whose troubles stay their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import pytest

from arxiv_digest.adapters.archive import PROFILES_PREFIX, place_of
from arxiv_digest.models import Digest
from tests.deployed import Deployed, papers_of

DAY = date(2027, 2, 9)
PROFILES = {
    "whole": ("cs.CV", ""),
    "poor": ("cs.LG", "daily_tokens: 0"),
    "refused": ("cs.AI", "model: another-model"),
    "wrong": ("cs.RO", "treshold: 7"),
}
COUNTS = {"cs.CV": 12, "cs.LG": 5, "cs.AI": 4, "cs.RO": 3}


@pytest.fixture
def many(deployed: Deployed) -> Iterator[Deployed]:
    keys = [f"{PROFILES_PREFIX}{name}.yaml" for name in PROFILES]
    for key, (name, (category, more)) in zip(keys, PROFILES.items(), strict=True):
        text = (
            f"name: {name}\ncategories: [{category}]\npapers_per_call: 10\n{more}\n"
            f"recipients: [{name}@example.org, all@example.org]\n"
            "fields:\n  - {name: Pruning, description: pruning experts of models}\n"
        )
        deployed.write(key, text.encode())
    yield deployed
    s3 = deployed.stack.client("s3")
    for key in keys:
        s3.delete_object(Bucket=deployed.stack.outputs["Bucket"], Key=key)


def test_a_wrong_file_a_spent_budget_and_a_refused_model_touch_no_other_profile(
    many: Deployed,
) -> None:
    papers = papers_of(DAY, sum(COUNTS.values()))
    published, start = {}, 0
    for category, count in COUNTS.items():
        published[category] = papers[start : start + count]
        start += count
    many.publish(DAY, published)
    for paper in published["cs.AI"]:
        many.model.misbehave("401", paper.id, times=9)
    asked_before = len(many.arxiv.asked())
    fetched = many.fetch()
    assert list(fetched["refused"]) == ["wrong"]
    assert fetched["profiles"] == ["refused", "whole"], "the first one is started by fetch itself"
    usable = [name for name in sorted(PROFILES) if name != "wrong"]
    for name in usable:
        many.wait(lambda name=name: many.runs.of(name).digest_made(DAY) == 0)  # type: ignore[misc]
    told = {
        name: Digest.model_validate_json(many.read(f"{place_of(name)}{DAY}/digest.json"))
        for name in usable
    }
    assert told["whole"].ledger.scored == 12
    assert not told["whole"].scored_locally
    assert (told["poor"].ledger.scored, told["poor"].scored_locally) == (5, 5)
    assert told["refused"].ledger.failed == 4
    assert told["refused"].scorer.name == "another-model"
    expected = sorted([*(f"{name}@example.org" for name in usable), *["all@example.org"] * 3])
    assert many.mails(DAY) == expected
    asked = [json.dumps(request.ids) for request in many.model.requests]
    assert not [ids for ids in asked if published["cs.RO"][0].id in ids]
    assert sorted(many.arxiv.asked()[asked_before:]) == ["cs.AI", "cs.CV", "cs.LG"]
    # The deadline goes to each by a message: a digest that was not noted as made is made again.
    table = many.stack.resource("dynamodb").Table(many.stack.outputs["Table"])
    table.delete_item(Key={"pk": f"RUN#{DAY}#poor", "sk": "DIGEST"})
    told_deadline = many.stack.invoke("Aggregate", {"deadline": True, "date": str(DAY)})
    assert told_deadline["profiles"] == usable
    many.wait(lambda: many.runs.of("poor").digest_made(DAY) == 0)
    assert many.mails(DAY) == expected
