"""What the template tells the functions, as validated values from the environment."""

from __future__ import annotations

import os
from typing import Self

from pydantic import Field, field_validator

from arxiv_digest.models import Value
from arxiv_digest.profile import bare_address


def addresses(listed: str) -> tuple[str, ...]:
    """Split distinct e-mail addresses at commas; raises ``ValueError`` for one that is not bare."""
    parts = (part.strip() for part in listed.split(","))
    return tuple(dict.fromkeys(bare_address(part) for part in parts if part))


class Settings(Value):
    """What every function is told."""

    table: str

    @classmethod
    def from_environment(cls) -> Self:
        """The settings in the environment: that of ``table`` is the variable ``DIGEST_TABLE``.

        Raises :class:`pydantic.ValidationError` for one that is missing or wrong.
        """
        variables = {name: f"DIGEST_{name.upper()}" for name in cls.model_fields}
        return cls.model_validate(
            {name: os.environ[key] for name, key in variables.items() if key in os.environ}
        )


class FetchSettings(Settings):
    """Fetch's settings; an empty ``llm_model`` means the local scorer."""

    bucket: str
    queue_url: str
    profile_queue_url: str
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
    deadline_queue_url: str
    sender_address: str
    sender_name: str = ""
    recipients: tuple[str, ...] = ()
    configuration_set: str
    page_base: str = ""

    @field_validator("recipients", mode="before")
    @classmethod
    def _split(cls, listed: str) -> tuple[str, ...]:
        return addresses(listed)
