"""With what it does only once, moto answers as it did."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Cloud

KEY = {"pk": "old", "sk": "one"}
ITEM: dict[str, Any] = {
    **KEY,
    "n": 1,
    "text": "",
    "no": False,
    "nothing": None,
    "names": {"a", "b"},
    "map": {"list": [1, {"deep": "text"}]},
}


def update(key: dict[str, str]) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": "runs",
            "Key": key,
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": 1},
        }
    }


def test_an_item_is_read_as_it_was_written(cloud: Cloud) -> None:
    cloud.dynamodb.Table("runs").put_item(Item=ITEM)
    assert cloud.items() == [ITEM]


def test_a_transaction_that_fails_leaves_the_table_as_it_was(cloud: Cloud) -> None:
    client = cloud.dynamodb.meta.client
    cloud.dynamodb.Table("runs").put_item(Item=ITEM)
    work = [
        update(KEY),
        update({**KEY, "pk": "new"}),
        {"Put": {"TableName": "runs", "Item": {**KEY, "sk": "two"}}},
    ]
    never = {"TableName": "runs", "Key": {**KEY, "sk": "-"}}
    fails = {"ConditionCheck": {**never, "ConditionExpression": "attribute_exists(pk)"}}
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(TransactItems=[*work, fails])
    assert cloud.items() == [ITEM]
    client.transact_write_items(TransactItems=work)
    assert len(cloud.items()) == 3
    assert {**ITEM, "n": 2} in cloud.items()


@pytest.mark.parametrize("_", range(2))
def test_nothing_is_left_of_the_test_before(cloud: Cloud, _: int) -> None:
    assert (cloud.items(), cloud.objects()) == ([], ["config/profile.yaml"])
    assert (cloud.messages(), cloud.ses.list_email_identities()["EmailIdentities"][1:]) == ([], [])
    cloud.dynamodb.Table("runs").put_item(Item=ITEM)
    cloud.archive.write("latest.json", "{}")
    cloud.sqs.send_message(QueueUrl=cloud.queue_url, MessageBody="{}")
    cloud.ses.create_email_identity(EmailIdentity="other@example.org")
