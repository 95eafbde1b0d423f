"""The client before servers that refuse, answer and count as providers do.

The refusals and the fields of ``usage`` are those of the providers' documentation and of reports by
their users; docs/models.md says which of them were run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arxiv_digest.adapters.llm import SEED, LanguageModel
from arxiv_digest.models import Scored
from arxiv_digest.scoring import LanguageModelRefused, score_papers
from tests.builders import a_profile, papers
from tests.language_model import (
    LanguageModelServer,
    Provider,
    language_model,
    true_reason,
    true_score,
)

OPENAI = Provider(usage={"prompt_tokens_details": {"cached_tokens": 7, "audio_tokens": 0}})
OPENAI_REASONING = Provider(
    refuses={
        "temperature": (
            400,
            {
                "error": {
                    "message": "Unsupported value: 'temperature' does not support 0 with this"
                    " model. Only the default (1) value is supported.",
                    "type": "invalid_request_error",
                    "param": "temperature",
                    "code": "unsupported_value",
                }
            },
        )
    },
    usage={
        "prompt_tokens_details": {"cached_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
)
BEDROCK = Provider(
    usage={"prompt_tokens_details": None},
    before='<reasoning>Perhaps {"scores": ["2601.00001:1"], "reasons": []}?</reasoning>',
)
DEEPSEEK = Provider(
    refuses={
        "json_schema": (
            400,
            {
                "error": {
                    "message": "This response_format type is unavailable now",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "invalid_request_error",
                }
            },
        )
    },
    usage={"prompt_cache_hit_tokens": 7, "prompt_cache_miss_tokens": 13},
)
DEEPSEEK_BEFORE = Provider(
    refuses={
        "json_schema": (
            422,
            {
                "error": {
                    "message": "Failed to deserialize the JSON body into the target type:"
                    " response_format: response_format.type `json_schema` is unavailable now"
                }
            },
        )
    }
)


def _refused_by_ark(response_format: str) -> tuple[int, Any]:
    said = (
        "The parameter `response_format.type` specified in the request are not valid:"
        f" `{response_format}` is not supported by this model. Request id: 0217"
    )
    error = {"code": "InvalidParameter", "message": said, "type": "BadRequest"}
    return 400, {"error": {**error, "param": "response_format.type"}}


ARK = Provider(usage={"prompt_tokens_details": {"cached_tokens": 7}})
ARK_WITHOUT_FORMATS = Provider(
    refuses={name: _refused_by_ark(name) for name in ("json_schema", "json_object")}
)
NAMES_ITS_MODEL = Provider(
    refuses={"json_schema": (400, {"error": "doubao-seed-2-0-code takes no such format"})}
)
OLLAMA = Provider()
LLAMA_CPP = Provider(usage={"prompt_tokens_details": {"cached_tokens": 7}})
LLAMA_CPP_PYTHON = Provider(
    refuses={
        "json_schema": (
            500,
            {
                "error": {
                    "message": "[{'type': 'literal_error', 'loc': ('body', 'response_format',"
                    " 'type'), 'msg': \"Input should be 'text' or 'json_object'\"}]",
                    "type": "internal_server_error",
                    "param": None,
                    "code": None,
                }
            },
        )
    }
)
LM_STUDIO = Provider(
    refuses={"json_object": (400, {"error": "'response_format.type' must be 'json_schema'"})}
)
GEMINI = Provider(
    refuses={
        "seed": (
            400,
            [{"error": {"code": 400, "message": 'Unknown name "seed": Cannot find field.'}}],
        )
    }
)
STRICT = Provider(
    refuses={
        "json_schema": (400, {"error": {"message": "response_format is not supported"}}),
        "temperature": (422, {"detail": [{"type": "extra_forbidden", "loc": ["temperature"]}]}),
        "seed": (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"]}]}),
    }
)


@pytest.fixture
def server() -> Iterator[LanguageModelServer]:
    with language_model() as running:
        running.fields = ("Pruning", "Agents")
        yield running


@pytest.mark.parametrize(
    ("provider", "mode", "calls", "cached"),
    [
        pytest.param(OPENAI, "json-schema", 1, 7, id="OpenAI"),
        pytest.param(OPENAI_REASONING, "json-schema no-temperature", 2, 7, id="OpenAI, reasoning"),
        pytest.param(BEDROCK, "json-schema", 1, 0, id="Bedrock"),
        pytest.param(DEEPSEEK, "json-object", 2, 7, id="DeepSeek"),
        pytest.param(DEEPSEEK_BEFORE, "json-object", 2, 0, id="DeepSeek, earlier"),
        pytest.param(ARK, "json-schema", 1, 7, id="Ark"),
        pytest.param(ARK_WITHOUT_FORMATS, "text", 3, 0, id="Ark, without formats"),
        pytest.param(NAMES_ITS_MODEL, "json-object", 2, 0, id="a name with a parameter in it"),
        pytest.param(OLLAMA, "json-schema", 1, 0, id="Ollama"),
        pytest.param(LLAMA_CPP, "json-schema", 1, 7, id="llama.cpp"),
        pytest.param(LLAMA_CPP_PYTHON, "json-object-schema", 2, 0, id="llama-cpp-python"),
        pytest.param(LM_STUDIO, "json-schema", 1, 0, id="LM Studio"),
        pytest.param(GEMINI, "json-schema no-seed", 2, 0, id="Gemini"),
        pytest.param(STRICT, "json-object no-temperature no-seed", 4, 0, id="a strict one"),
    ],
)
def test_a_provider_is_asked_as_it_wants_to_be(
    server: LanguageModelServer, provider: Provider, mode: str, calls: int, cached: int
) -> None:
    server.provider = provider
    model = LanguageModel(server.base_url, "test-model", "key")
    listed = papers(2)

    outcomes, tokens = score_papers(listed, a_profile(language="zh"), model.ask)

    assert [(outcome.paper_id, _score(outcome)) for outcome in outcomes] == [
        (paper.id, true_score(paper.id)) for paper in listed
    ]
    assert model.mode == mode
    assert len(server.requests) == calls
    assert (tokens.prompt, tokens.cached, tokens.total) == (20, cached, 22)

    score_papers(listed, a_profile(language="zh"), model.ask)
    last = server.requests[-1]
    assert len(server.requests) == calls + 1, "what was found out is kept"
    assert last.parameters.get("temperature") == (None if "no-temperature" in mode else 0)
    assert last.parameters.get("seed") == (None if "no-seed" in mode else SEED)
    asked = last.parameters.get("response_format", {})
    formats: dict[str, set[str]] = {
        "json-schema": {"type", "json_schema"},
        "json-object-schema": {"type", "schema"},
        "json-object": {"type"},
        "text": set(),
    }
    assert asked.keys() == formats[mode.split()[0]]
    # DeepSeek and OpenAI refuse their JSON mode to a prompt that does not name it.
    assert "JSON" in last.prompt
    in_the_prompt = '"additionalProperties": false' in last.prompt
    assert in_the_prompt == (len(asked) < 2), "where no one else has the schema"


def test_what_another_worker_found_out_is_not_found_out_again(server: LanguageModelServer) -> None:
    server.provider = ARK_WITHOUT_FORMATS
    model = LanguageModel(server.base_url, "test-model", "key", "text")
    score_papers(papers(2), a_profile(language="zh"), model.ask)
    assert len(server.requests) == 1


def test_of_what_is_kept_for_the_next_batch_no_connection_or_key_is_stale(
    server: LanguageModelServer,
) -> None:
    models = [
        LanguageModel(server.base_url, "test-model", key, "text")
        for key in ("one", "another", "one")
    ]
    assert len({id(model._client) for model in models}) == 2
    for model in models:
        score_papers(papers(2), a_profile(language="zh"), model.ask)
    assert [(request.authorization, request.connection) for request in server.requests] == [
        ("Bearer one", "close"),
        ("Bearer another", "close"),
        ("Bearer one", "close"),
    ]


def test_a_request_that_is_refused_in_every_form_is_given_up(server: LanguageModelServer) -> None:
    too_long = {"error": {"message": "the request exceeds the available context size", "code": 400}}
    server.provider = Provider(refuses={"model": (400, too_long)})
    model = LanguageModel(server.base_url, "test-model", "key")
    with pytest.raises(LanguageModelRefused, match="available context size"):
        score_papers(papers(2), a_profile(), model.ask)
    assert model.mode is None
    assert len(server.requests) == 3


def _score(outcome: object) -> float | None:
    if not isinstance(outcome, Scored):
        return None
    assert outcome.reason in ("", true_reason(outcome.paper_id))
    return outcome.score
