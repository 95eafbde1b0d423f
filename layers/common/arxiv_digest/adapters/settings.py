"""What the template tells the functions, as validated values from the environment."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# What SES takes: no display name, and ASCII before the at sign.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+")


def addresses(listed: str) -> tuple[str, ...]:
    """Split distinct e-mail addresses at commas; raises ``ValueError`` for one that is not bare."""
    found = tuple(dict.fromkeys(part.strip() for part in listed.split(",") if part.strip()))
    for address in found:
        if not _ADDRESS.fullmatch(address):
            raise ValueError(
                f"{address!r} is no bare e-mail address; write addresses such as"
                " reader@example.org, separated by commas"
            )
    return found


class Settings(BaseSettings):
    """What every function is told; variables are prefixed with ``DIGEST_``."""

    model_config = SettingsConfigDict(env_prefix="DIGEST_", frozen=True)

    table: str


class FetchSettings(Settings):
    """Fetch's settings; an empty ``llm_model`` means the local scorer."""

    bucket: str
    queue_url: str
    feed_base_url: str
    feed_interval: float = Field(default=3.0, ge=0)
    export_api_url: str
    llm_model: str = ""


class ScoreSettings(Settings):
    """Score's settings; ``llm_secret`` is the *name* of the secret that holds the API key."""

    queue_url: str
    llm_base_url: str = ""
    llm_model: str = ""
    llm_secret: str = ""


class AggregateSettings(Settings):
    """Aggregate's settings; without recipients no mail is sent.

    ``page_base`` is the archive's address on the web, without a slash at its end; empty where the
    archive has none.
    """

    bucket: str
    sender_address: str
    sender_name: str = ""
    recipients: Annotated[tuple[str, ...], NoDecode] = ()
    configuration_set: str
    page_base: str = ""

    @field_validator("recipients", mode="before")
    @classmethod
    def _split(cls, listed: str) -> tuple[str, ...]:
        return addresses(listed)
