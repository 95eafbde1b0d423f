"""An HTTP server that speaks the OpenAI protocol, scores by arXiv id, and misbehaves when told to.

What it answers for a paper follows from the paper's id alone, so that a test can tell for every
score and reason whether it stands at the right paper.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.serving import listening
from tests.servers import QuietHandler

MISBEHAVIOURS = (
    "wrong ids",
    "missing ids",
    "shuffled",
    "swapped twice",
    "cut JSON",
    "garbage",
    "refusal",
    "no usage",
    "no schema",
    "wrong field",
    "out of range",
    "leaked labels",
    "fenced",
    "429",
    "500",
    "401",
    "quota",
    "slow",
    "asleep",
    "html",
    "a string",
    "no message",
)

ASLEEP = 25.0
"""Seconds without an answer: longer than the tests let score run."""


PROMPT_TOKENS = 10
"""What a paper takes unless a test says otherwise."""

REASONS_FROM = 7
"""The threshold of the tests' profiles."""


def true_score(paper_id: str) -> float:
    """The score that the server gives a paper."""
    return float(int(paper_id.replace(".", "")) % 11)


def written(entries: list[dict[str, Any]]) -> str:
    """The answer as the prompt asks for it: a score for each paper, a reason for those above 7."""
    scores = [f"{entry['id']}:{entry['score']}" for entry in entries]
    reasons = [
        f"{entry['id']}:{entry['field']}:{entry['reason']}"
        for entry in entries
        if entry["score"] >= REASONS_FROM
    ]
    return json.dumps({"scores": scores, "reasons": reasons}, ensure_ascii=False)


def true_reason(paper_id: str) -> str:
    """The reason that the server gives a paper."""
    return f"论文 {paper_id} 与领域相关。"


@dataclass(frozen=True)
class Provider:
    """What a provider refuses of a request, in its own words, and how it answers.

    ``refuses`` has status and body by a response format or by a parameter's name, ``usage`` what
    it reports beside the three counts that all do; ``before`` stands before the answer.
    """

    refuses: Mapping[str, tuple[int, Any]] = field(default_factory=dict)
    usage: Mapping[str, Any] = field(default_factory=dict)
    before: str = ""


@dataclass
class Request:
    """One request as the server saw it; ``parameters`` is all of it but the messages."""

    ids: tuple[str, ...]
    response_format: str
    authorization: str
    connection: str
    prompt: str
    parameters: dict[str, Any]


@dataclass
class LanguageModelServer:
    """The server's address, what it was asked, and how to make it misbehave."""

    base_url: str
    fields: tuple[str, ...] = ()
    requests: list[Request] = field(default_factory=list)
    misbehaviour: str = ""
    prompt_tokens: int = PROMPT_TOKENS
    """What a paper takes by the usage that the server reports; its answer takes one."""
    seconds: float = 0.0
    """How long it takes to answer."""
    provider: Provider = Provider()
    _by_paper: dict[str, list[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def misbehave(self, kind: str, paper_id: str, times: int = 1) -> None:
        """Misbehave in the next ``times`` requests that ask for a paper."""
        assert kind in MISBEHAVIOURS, kind
        self._by_paper.setdefault(paper_id, []).extend([kind] * times)

    def forget(self) -> None:
        """Behave well from now on, and forget what was asked."""
        self.requests.clear()
        self.misbehaviour = ""
        self.provider = Provider()
        self.prompt_tokens = PROMPT_TOKENS
        self.seconds = 0.0
        self._by_paper.clear()

    def asked(self, paper_id: str) -> int:
        """How many requests asked for a paper."""
        return sum(paper_id in request.ids for request in self.requests)

    def kind(self, ids: tuple[str, ...]) -> str:
        """How to misbehave for a request that asks for these papers."""
        with self._lock:
            for paper_id in ids:
                if self._by_paper.get(paper_id):
                    return self._by_paper[paper_id].pop(0)
        return self.misbehaviour


@contextmanager
def language_model() -> Iterator[LanguageModelServer]:
    """Serve on a free port of this machine for the time of the block."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            messages = body.pop("messages")
            prompt = messages[-1]["content"]
            listed = re.search(r"<papers>\n(.*)\n</papers>", prompt, re.DOTALL)
            lines = listed[1].split("\n") if listed else []
            ids = tuple(line.partition(" | ")[0] for line in lines)
            request = Request(
                ids,
                body.get("response_format", {}).get("type", ""),
                self.headers.get("Authorization", ""),
                self.headers.get("Connection", ""),
                "\n".join(message["content"] for message in messages),
                body,
            )
            server.requests.append(request)
            _answer(self, server, request)

    with listening(Handler) as address:
        server = LanguageModelServer(f"{address}/v1")
        yield server


def _answer(handler: Any, server: LanguageModelServer, request: Request) -> None:
    time.sleep(server.seconds)
    kind = server.kind(request.ids)
    for refused, (status, body) in server.provider.refuses.items():
        if refused == request.response_format or refused in request.parameters:
            return _send(handler, status, body, {})
    match kind:
        case "429":
            return _error(handler, 429, "slow down", "rate_limit_exceeded", {"Retry-After": "1"})
        case "500":
            return _error(handler, 500, "the server had an error", "server_error")
        case "401":
            # As some gateways do, it repeats the key that it does not like.
            said = f"Incorrect API key provided: {request.authorization}"
            return _error(handler, 401, said, "invalid_api_key")
        case "html":
            return _send(handler, 200, "<html>Welcome</html>", {"Content-Type": "text/html"})
        case "a string":
            return _send(handler, 200, "hello", {})
        case "no message":
            return _send(handler, 200, {"choices": [{"message": None}]}, {})
        case "quota":
            return _error(handler, 429, "You exceeded your current quota", "insufficient_quota")
        case "no schema" if request.response_format == "json_schema":
            message = "output format is not supported by this model"
            return _error(handler, 400, message, "invalid_request_error")
        case "slow":
            time.sleep(3)
        case "asleep":
            time.sleep(ASLEEP)
    entries = [_entry(paper_id, server.fields) for paper_id in request.ids]
    match kind:
        case "wrong ids":
            for number, entry in enumerate(entries):
                entry["id"] = f"9901.{number:05d}"
        case "missing ids":
            entries = entries[::2][: len(entries) // 2]
        case "shuffled":
            entries = entries[::-1]
        case "swapped twice":
            # Two answers for the first paper: one of them is really about the second.
            entries[1]["id"] = entries[0]["id"]
        case "wrong field":
            for entry in entries:
                entry["field"] = "99"
        case "out of range":
            for entry in entries:
                entry["score"] = 42
        case "leaked labels":
            for entry in entries:
                entry["reason"] += f"\nScore: {entry['score']}\nField: {entry['field']}"
    content: str | None = written(entries)
    match kind:
        case "cut JSON":
            content = content[: len(content) * 2 // 3]
        case "garbage":
            content = "I would be happy to help! Here are my thoughts: 9, 8, 7"
        case "refusal":
            content = None
        case "fenced":
            content = f"<think>{{maybe}}</think>Here you are:\n```json\n{content}\n```"
    if content is not None:
        content = server.provider.before + content
    message = {"role": "assistant", "content": content}
    if content is None:
        message["refusal"] = "I cannot help with that."
    prompted, completed = server.prompt_tokens * len(request.ids), len(request.ids)
    usage = {
        "prompt_tokens": prompted,
        "completion_tokens": completed,
        "total_tokens": prompted + completed,
        **server.provider.usage,
    }
    answer: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "test-model",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }
    if kind != "no usage":
        answer["usage"] = usage
    _send(handler, 200, answer, {})
    return None


def _entry(paper_id: str, fields: tuple[str, ...]) -> dict[str, Any]:
    score = true_score(paper_id)
    number = int(score) % len(fields) + 1 if fields else 0
    return {"id": paper_id, "score": score, "field": number, "reason": true_reason(paper_id)}


def _error(
    handler: Any, status: int, message: str, code: str, headers: dict[str, str] | None = None
) -> None:
    _send(handler, status, {"error": {"message": message, "code": code}}, headers or {})


def _send(handler: Any, status: int, body: Any, headers: dict[str, str]) -> None:
    headers = {"Content-Type": "application/json", **headers}
    handler.answer(status, headers, json.dumps(body).encode())
