"""A digest for other programs: JSON, and the schema it follows."""

from __future__ import annotations

import json
from functools import cache

from pydantic_core import to_json

from arxiv_digest.models import Digest

SCHEMA_NAME = "digest.schema.json"
"""The archive's key of the JSON Schema that every ``digest.json`` follows."""


def render_json(digest: Digest) -> bytes:
    """The digest as JSON, by the schema of :func:`render_schema`."""
    return to_json(digest, indent=1) + b"\n"


@cache
def render_schema() -> str:
    """The JSON Schema of ``digest.json``, made once: making it takes longer than a day's page."""
    schema = Digest.model_json_schema(mode="serialization")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
