"""The template as SAM's own translator hands it on to CloudFormation."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Run by the Python of the SAM CLI, whose translator requirements/sam.txt pins: the development
# environment has none. On AWS the service translates, by a version of its own.
TRANSLATE = """
import json, sys
from types import SimpleNamespace
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

template = yaml_parse(open("template.yaml").read())
for resource in template["Resources"].values():
    for name in {"CodeUri", "ContentUri"} & set(resource.get("Properties", ())):
        resource["Properties"][name] = "s3://bucket/key"
policies = SimpleNamespace(load=dict)
json.dump(transform(template, json.loads(sys.argv[1]), policies)["Resources"], sys.stdout)
"""


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    """Every resource, with those that SAM adds."""
    parameters = {"SenderAddress": "digest@example.org", "Votes": "true"}
    done = subprocess.run(
        [ROOT / ".local/sam/bin/python", "-c", TRANSLATE, json.dumps(parameters)],
        cwd=ROOT,
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def test_whoever_has_a_link_may_call_vote_by_its_address_and_in_no_other_way(
    resources: dict[str, Any],
) -> None:
    # Since October 2025 AWS asks for both.
    everybody = {
        resource["Properties"]["Action"]: resource
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::Permission"
        and resource["Properties"]["Principal"] == "*"
    }
    vote = {"FunctionName": {"Ref": "VoteFunction"}, "Principal": "*"}
    by_address = everybody.pop("lambda:InvokeFunctionUrl")
    at_all = everybody.pop("lambda:InvokeFunction")
    assert everybody == {}
    assert by_address["Condition"] == at_all["Condition"] == "ReadersVote"
    assert by_address["Properties"] == {
        **vote,
        "Action": "lambda:InvokeFunctionUrl",
        "FunctionUrlAuthType": "NONE",
    }
    assert at_all["Properties"] == {
        **vote,
        "Action": "lambda:InvokeFunction",
        "InvokedViaFunctionUrl": True,
    }
