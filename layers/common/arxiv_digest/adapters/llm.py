"""Any language model behind the OpenAI protocol."""

from __future__ import annotations

import json
from typing import Any, Literal

import openai

from arxiv_digest.models import Tokens
from arxiv_digest.scoring import Prompt, Reply

TIMEOUT = 120.0
"""Seconds for one request; the SDK's own default (600 s, three tries) outlasts a Lambda."""

Mode = Literal["json-schema", "json-object"]


class LanguageModelRefused(Exception):
    """The provider will answer the same again: a wrong key, model or request, no quota left."""


class LanguageModelUnavailable(Exception):
    """The provider may answer later; ``retry_after`` are the seconds it asked for, or 0."""

    def __init__(self, why: str, retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class LanguageModel:
    """One model of one provider.

    ``mode`` is the response mode: ``json-schema`` where the provider enforces schemas; where it
    refuses that, ``json-object`` with the schema in the prompt. ``None`` finds out, and leaves
    what it found in :attr:`mode`.
    """

    def __init__(self, base_url: str, model: str, api_key: str, mode: str | None = None) -> None:
        self._client = openai.OpenAI(
            base_url=base_url or None, api_key=api_key, timeout=TIMEOUT, max_retries=1
        )
        self._model = model
        self.mode: Mode | None = "json-object" if mode == "json-object" else None
        if mode == "json-schema":
            self.mode = "json-schema"

    def ask(self, prompt: Prompt) -> Reply:
        """Send one prompt.

        Raises :class:`LanguageModelRefused` or :class:`LanguageModelUnavailable`; a refusal in
        the model's own words is a reply like any other.
        """
        try:
            if self.mode == "json-object":
                return self._complete(prompt, "json-object")
            try:
                reply = self._complete(prompt, "json-schema")
                self.mode = "json-schema"
            except openai.APIStatusError as problem:
                if self.mode or not _refuses_schema(problem):
                    raise
                reply = self._complete(prompt, "json-object")
                self.mode = "json-object"
            return reply
        except openai.APIStatusError as problem:
            raise _explained(problem) from problem
        except openai.APIConnectionError as problem:
            what = (
                "did not answer in time"
                if isinstance(problem, openai.APITimeoutError)
                else ("could not be reached")
            )
            raise LanguageModelUnavailable(f"the language model {what}") from problem
        except (openai.APIResponseValidationError, ValueError) as problem:
            raise LanguageModelUnavailable(
                "the language model's server did not answer in the OpenAI protocol"
            ) from problem

    def _complete(self, prompt: Prompt, mode: Mode) -> Reply:
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
        text = completion.choices[0].message.content if completion.choices else None
        return Reply(text or "", _tokens(completion.usage))


def _tokens(usage: Any) -> Tokens:
    if usage is None:
        return Tokens(calls=1, unreported=1)
    return Tokens(
        prompt=usage.prompt_tokens or 0,
        completion=usage.completion_tokens or 0,
        total=usage.total_tokens or 0,
        calls=1,
    )


def _refuses_schema(problem: openai.APIStatusError) -> bool:
    # OpenAI-compatible servers say so with 400 or 422, and llama-cpp-python's with 500.
    text = f"{problem.message} {problem.body}".casefold()
    return problem.status_code in (400, 422, 500) and any(
        word in text for word in ("response_format", "json_schema", "response format")
    )


def _explained(problem: openai.APIStatusError) -> LanguageModelRefused | LanguageModelUnavailable:
    said = " ".join(str(problem.message).split())[:300]
    why = f"the language model answered {problem.status_code}: {said}"
    passing = problem.status_code in (408, 409, 425, 429) or problem.status_code >= 500
    if passing and "insufficient_quota" not in f"{problem.code} {problem.body}":
        return LanguageModelUnavailable(why, _seconds(problem.response.headers.get("retry-after")))
    return LanguageModelRefused(why)


def _seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header or 0))
    except ValueError:
        return 0.0
