"""What the template tells the functions, as validated values from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from arxiv_digest.addresses import bare_address


def addresses(listed: str) -> tuple[str, ...]:
    """Split distinct e-mail addresses at commas; raises ``ValueError`` for one that is not bare."""
    parts = (part.strip() for part in listed.split(","))
    return tuple(dict.fromkeys(bare_address(part) for part in parts if part))


class Settings(BaseSettings):
    """What every function is told; variables are prefixed with ``DIGEST_``."""

    # Each function has one of these: those of the others need no validator.
    model_config = SettingsConfigDict(env_prefix="DIGEST_", frozen=True, defer_build=True)

    table: str


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
    recipients: Annotated[tuple[str, ...], NoDecode] = ()
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
