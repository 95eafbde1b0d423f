"""Any language model behind the OpenAI protocol."""

from __future__ import annotations

import json
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


class LanguageModel:
    """One model of one provider.

    ``mode`` is the response mode: ``json-schema`` where the provider enforces schemas; where it
    refuses that, ``json-object`` with the schema in the prompt. ``None`` finds out, and leaves
    what it found in :attr:`mode`.
    """

    def __init__(self, base_url: str, model: str, api_key: str, mode: str | None = None) -> None:
        self._client = openai.OpenAI(
            base_url=base_url or None, api_key=api_key, timeout=TIMEOUT, max_retries=0
        )
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
            try:
                reply = self._complete(prompt, "json-schema")
                self.mode = "json-schema"
            except openai.APIStatusError as problem:
                if not _may_refuse_schema(problem):
                    raise
                reply = self._complete(prompt, "json-object")
                self.mode = "json-object"
            return reply
        except openai.APIStatusError as problem:
            raise self._explained(problem) from problem
        except openai.APITimeoutError as problem:
            raise LanguageModelUnavailable("the language model did not answer in time") from problem
        except openai.APIConnectionError as problem:
            raise LanguageModelUnavailable("the language model could not be reached") from problem

    def _complete(self, prompt: Prompt, mode: str) -> Reply:
        system = prompt.system
        response_format: Any = {
            "type": "json_schema",
            "json_schema": {"name": "scores", "schema": prompt.schema, "strict": True},
        }
        if mode == "json-object":
            schema = json.dumps(prompt.schema, ensure_ascii=False)
            system = f"{system}\nThe answer is JSON by this schema: {schema}"
            response_format = {"type": "json_object"}
        completion = self._client.chat.completions.create(
            model=self._model,
            messages=[
                {"role": "system", "content": system},
                {"role": "user", "content": prompt.user},
            ],
            response_format=response_format,
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
        completion=usage.completion_tokens or 0,
        total=usage.total_tokens or 0,
        calls=1,
    )


def _may_refuse_schema(problem: openai.APIStatusError) -> bool:
    # Providers say so with 400 or 422 in words of their own, llama-cpp-python's server with 500.
    if problem.status_code in (400, 422):
        return True
    return problem.status_code == 500 and "response_format" in f"{problem.message} {problem.body}"


def _seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header or 0))
    except ValueError:
        return 0.0
