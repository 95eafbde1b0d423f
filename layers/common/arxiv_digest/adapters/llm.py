"""Any language model behind the OpenAI protocol."""

from __future__ import annotations

import json
import re
import ssl
from functools import cache, lru_cache
from typing import Any

import openai

from arxiv_digest.models import Tokens
from arxiv_digest.scoring import (
    LanguageModelRefused,
    LanguageModelUnavailable,
    NoAnswer,
    Prompt,
    Reply,
)

TIMEOUT = 120.0
"""Seconds for one request. The SDK's own default (600 s, three tries, waits between) outlasts a
Lambda; the queue delivers again instead."""

CLIENTS = 4
"""Addresses, each with its key, whose clients are kept; more than one where a key is rotated."""

SEED = 20070101
"""Any number, the same in every call, so that providers which take one answer alike each time."""


@cache
def _authorities() -> ssl.SSLContext:
    # Reading all of them takes longer than the rest of making a client.
    return ssl.create_default_context()


@lru_cache(maxsize=CLIENTS)
def _client(base_url: str, api_key: str) -> openai.OpenAI:
    # Kept for the next batch, but not its connection, which may be dead when an environment wakes.
    return openai.OpenAI(
        base_url=base_url or None,
        api_key=api_key,
        timeout=TIMEOUT,
        max_retries=0,
        default_headers={"Connection": "close"},
        http_client=openai.DefaultHttpxClient(verify=_authorities()),
    )


class LanguageModel:
    """One model of one provider.

    ``mode`` is the response mode: ``json-schema`` where the provider enforces schemas,
    ``json-object-schema`` where it does in llama.cpp's earlier way; where it refuses schemas,
    ``json-object`` with the schema in the prompt; where it refuses that, too, ``text``, which
    leaves the form to the prompt alone. It may be followed by ``no-temperature`` and ``no-seed``
    where these are refused. ``None`` finds out, and leaves what it found in :attr:`mode`.
    """

    def __init__(self, base_url: str, model: str, api_key: str, mode: str | None = None) -> None:
        self._client = _client(base_url, api_key)
        self._model = model
        self._key = api_key
        self.mode = mode

    def ask(self, prompt: Prompt) -> Reply:
        """Send one prompt.

        Raises :class:`LanguageModelRefused` or :class:`LanguageModelUnavailable`; a refusal in
        the model's own words is a reply like any other.
        """
        try:
            if self.mode:
                return self._complete(prompt, self.mode)
            return self._find_out(prompt)
        except openai.APIStatusError as problem:
            raise self._explained(problem) from problem
        except openai.APITimeoutError as problem:
            raise LanguageModelUnavailable("the language model did not answer in time") from problem
        except openai.APIConnectionError as problem:
            raise LanguageModelUnavailable("the language model could not be reached") from problem

    def _find_out(self, prompt: Prompt) -> Reply:
        mode = "json-schema"
        while True:
            try:
                reply = self._complete(prompt, mode)
            except openai.APIStatusError as problem:
                easier = _easier(mode, problem)
                if easier is None:
                    raise
                mode = easier
            else:
                self.mode = mode
                return reply

    def _complete(self, prompt: Prompt, mode: str) -> Reply:
        system = prompt.system
        response_format: Any = openai.omit
        match mode.split(" ")[0]:
            case "json-schema":
                named = {"name": "scores", "schema": prompt.schema, "strict": True}
                response_format = {"type": "json_schema", "json_schema": named}
            case "json-object-schema":
                response_format = {"type": "json_object", "schema": prompt.schema}
            case form:
                schema = json.dumps(prompt.schema, ensure_ascii=False)
                system = f"{system}\nThe answer is JSON by this schema: {schema}"
                if form == "json-object":
                    response_format = {"type": "json_object"}
        completion = self._client.chat.completions.create(
            model=self._model,
            messages=[
                {"role": "system", "content": system},
                {"role": "user", "content": prompt.user},
            ],
            response_format=response_format,
            temperature=openai.omit if "no-temperature" in mode else 0,
            seed=openai.omit if "no-seed" in mode else SEED,
        )
        try:
            message = completion.choices[0].message if completion.choices else None
            return Reply((message and message.content) or "", _tokens(completion.usage))
        except (AttributeError, TypeError) as problem:
            raise LanguageModelRefused(
                "this address does not speak the OpenAI protocol; does the base URL end in /v1?"
            ) from problem

    def _explained(self, problem: openai.APIStatusError) -> NoAnswer:
        body = problem.body
        said = str(body.get("message") if isinstance(body, dict) else body or problem.message)
        if len(self._key) > 4:
            # Some gateways repeat the key that they do not like.
            said = said.replace(self._key, "…")
        why = f"the language model answered {problem.status_code}: {' '.join(said.split())[:300]}"
        passing = problem.status_code in (408, 409, 425, 429) or problem.status_code >= 500
        if passing and "insufficient_quota" not in f"{problem.code} {problem.body}":
            asked = _seconds(problem.response.headers.get("retry-after"))
            return LanguageModelUnavailable(why, asked)
        return LanguageModelRefused(why)


def _tokens(usage: Any) -> Tokens:
    if usage is None:
        return Tokens(calls=1, unreported=1)
    return Tokens(
        prompt=usage.prompt_tokens or 0,
        cached=_cached(usage),
        completion=usage.completion_tokens or 0,
        total=usage.total_tokens or 0,
        calls=1,
    )


def _cached(usage: Any) -> int:
    """Prompt tokens read from the provider's cache: OpenAI's field for them, or DeepSeek's."""
    details = getattr(usage, "prompt_tokens_details", None)
    told = getattr(details, "cached_tokens", None) or getattr(usage, "prompt_cache_hit_tokens", 0)
    return min(told, usage.prompt_tokens or 0) if isinstance(told, int) else 0


def _easier(mode: str, problem: openai.APIStatusError) -> str | None:
    """A mode that asks less of a provider that may have refused this one, or none."""
    # Providers say so with 400 or 422 in words of their own, servers of llama.cpp with 500.
    said = f"{problem.message} {problem.body}"
    if problem.status_code not in (400, 422) and not (
        problem.status_code == 500 and "response_format" in said
    ):
        return None
    for name in ("temperature", "seed"):
        # As a word: Doubao's models are called doubao-seed.
        if re.search(rf"(?<![\w-]){name}(?![\w-])", said) and f"no-{name}" not in mode:
            return f"{mode} no-{name}"
    form, *rest = mode.split(" ")
    if form == "json-schema":
        easier = "json-object-schema" if problem.status_code == 500 else "json-object"
    elif form == "json-object-schema":
        easier = "json-object"
    elif form == "json-object":
        easier = "text"
    else:
        return None
    return " ".join((easier, *rest))


def _seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header or 0))
    except ValueError:
        return 0.0
