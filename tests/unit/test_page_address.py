"""Where a mail says that its digest stands."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import unescape
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

import pytest

from tests.archived import archived

ROOT = Path(__file__).parents[2]


def addresses_in_the_mail(page_base: str) -> dict[str, set[str]]:
    """Every address of a mail, by the part that it stands in."""
    raw = archived("reader@example.org", page_base=page_base)[
        "2026-01-22/mail/reader@example.org.eml"
    ]
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    found = {}
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        text = unescape(part.get_content())
        found[kind] = set(re.findall(r"\b(?:https?|s3)://[^\s\"'<>]+", text))
    return found


@pytest.mark.parametrize(
    ("page_base", "page"),
    [
        ("https://d123.cloudfront.net", "https://d123.cloudfront.net/2026-01-22/digest.html"),
        ("", "s3://archive/2026-01-22/digest.html"),
    ],
)
def test_a_mail_names_the_page_on_the_web_or_else_in_the_bucket(page_base: str, page: str) -> None:
    for found in addresses_in_the_mail(page_base).values():
        # A paper's own place on the page is a fragment of the same address.
        assert {urldefrag(address).url for address in found if "arxiv.org" not in address} == {page}


@pytest.mark.parametrize("page_base", ["https://d123.cloudfront.net", ""])
def test_no_address_in_a_mail_expires(page_base: str) -> None:
    for found in addresses_in_the_mail(page_base).values():
        assert len(found) > 1
        # What makes an address of S3 or CloudFront expire is signed into its query.
        assert not any(urlsplit(address).query for address in found)


def test_nothing_of_the_project_signs_an_address() -> None:
    code = [*(ROOT / "layers/common").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    assert len(code) > 20
    for file in code:
        assert not re.search("presigned|CloudFrontSigner", file.read_text("utf-8")), file
