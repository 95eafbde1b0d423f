"""What the template tells the functions, as validated values from the environment."""

from __future__ import annotations

import os
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from arxiv_digest.addresses import bare_address


def addresses(listed: str) -> tuple[str, ...]:
    """Split distinct e-mail addresses at commas; raises ``ValueError`` for one that is not bare."""
    parts = (part.strip() for part in listed.split(","))
    return tuple(dict.fromkeys(bare_address(part) for part in parts if part))


class Settings(BaseModel):
    """What every function is told; variables are prefixed with ``DIGEST_``.

    Read without pydantic-settings, which loads asyncio, argparse and every source that settings can
    come from: a sixth of a second of each cold start.
    """

    # Each function has one of these: those of the others need no validator.
    model_config = ConfigDict(frozen=True, defer_build=True)

    table: str

    @classmethod
    def told(cls) -> Self:
        """The settings in the environment; raises ``ValidationError`` where one is missing."""
        variables = {name: f"DIGEST_{name.upper()}" for name in cls.model_fields}
        return cls.model_validate(
            {name: os.environ[key] for name, key in variables.items() if key in os.environ}
        )


class FetchSettings(Settings):
    """Fetch's settings; an empty ``llm_model`` means the local scorer.

    ``votes`` says whether those of readers count.
    """

    bucket: str
    queue_url: str
    profile_queue_url: str
    feed_base_url: str
    feed_interval: float = Field(default=3.0, ge=0)
    export_api_url: str
    llm_model: str = ""
    votes: bool = False


class ScoreSettings(Settings):
    """Score's settings; ``llm_secret`` is the *name* of the secret that holds the API key."""

    queue_url: str
    llm_base_url: str = ""
    llm_model: str = ""
    llm_secret: str = ""


class AggregateSettings(Settings):
    """Aggregate's settings; without recipients no mail is sent.

    ``page_base`` is the archive's address on the web, without a slash at its end; empty where the
    archive has none. ``vote_address`` and ``vote_secret`` are where votes are cast and the secret
    that holds the key of their links; empty where nobody votes.
    """

    bucket: str
    deadline_queue_url: str
    sender_address: str
    sender_name: str = ""
    recipients: tuple[str, ...] = ()
    configuration_set: str
    page_base: str = ""
    vote_address: str = ""
    vote_secret: str = ""

    @field_validator("recipients", mode="before")
    @classmethod
    def _split(cls, listed: str) -> tuple[str, ...]:
        return addresses(listed)


class VoteSettings(Settings):
    """Vote's settings; ``vote_secret`` is the ARN of the secret that holds the key of links."""

    bucket: str
    vote_secret: str
