"""The archive bucket: digests for the reader, raw feeds for rebuilding, the reader's profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PROFILE_KEY = "config/profile.yaml"
PROFILES_PREFIX = "config/profiles/"
"""Before the files of many profiles, each called by its profile's name."""

FRESHNESS = "max-age=60"
"""For how long a browser, or a cache before the bucket, may show an object without asking.

The front page and the newest digest are written anew every day, and any day may be made again. One
that says nothing of it is kept for a tenth of its age by browsers and for a day by CloudFront.
"""

_TYPES = {
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
    "xml": "application/xml",
    "js": "text/javascript; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "bib": "text/x-bibtex; charset=utf-8",
    "ris": "application/x-research-info-systems",
    "eml": "message/rfc822",
}


def raw_feed_key(date: object, category: str, *, whole: bool = True) -> str:
    """The key of a feed as it was read; ``date`` is the feed's own announcement date.

    A feed that breaks off has a key of its own, so that it never replaces a whole one.
    """
    return f"raw/{date}/{category}{'' if whole else '.cut-off'}.xml"


def raw_page_key(date: object, category: str, number: int) -> str:
    """The key of a page of the export API, counted from 1, that stands for a feed not kept.

    It is on record only: what a past day's feed announced is read from feeds alone.
    """
    return f"raw/{date}/{category}.api-{number}.xml"


def example_key(paper_id: str) -> str:
    """The key of a paper that a profile named as an example, as arXiv's export API told of it."""
    return f"raw/examples/{paper_id}.json"


def announced_key(date: object) -> str:
    """The key of what was announced on a date, as it was read for many profiles."""
    return f"announced/{date}.json"


def place_of(profile: str) -> str:
    """What stands before the keys of a profile's digests: nothing for the single profile."""
    return f"profiles/{profile}/" if profile else ""


def content_type(key: str) -> str:
    """What an object of the archive is, by its key's ending, as HTTP says it."""
    if key.rpartition("/")[2] in ("feed.xml", "papers.xml"):
        return "application/atom+xml; charset=utf-8"
    return _TYPES.get(key.rpartition(".")[2], "application/octet-stream")


class Archive:
    """Objects of one bucket, by key; keys are those below ``place``, which ends with a slash.

    ``lists`` says whether its keys may be listed: to whoever may not, S3 denies access to an object
    that is not there.
    """

    def __init__(
        self, client: S3Client, bucket: str, place: str = "", *, lists: bool = True
    ) -> None:
        self._client = client
        self._missing = ("NoSuchKey",) if lists else ("NoSuchKey", "AccessDenied")
        self.bucket = bucket
        self.place = place

    def write(self, key: str, body: str | bytes) -> None:
        """Write one object; its content type follows from the key's ending."""
        content = body.encode() if isinstance(body, str) else body
        self._client.put_object(
            Bucket=self.bucket,
            Key=f"{self.place}{key}",
            Body=content,
            CacheControl=FRESHNESS,
            ContentType=content_type(key),
        )

    def read(self, key: str) -> bytes | None:
        """One object's bytes, or none where there is no such object."""
        try:
            key = f"{self.place}{key}"
            return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as problem:
            if problem.response["Error"]["Code"] in self._missing:
                return None
            raise

    def tags(self, prefix: str) -> dict[str, str]:
        """The entity tag of every object whose key begins with a prefix, by key.

        S3 lists what was written before, always ("strong read-after-write consistency").
        """
        pages = self._client.get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self.bucket, Prefix=f"{self.place}{prefix}")
        return {
            found["Key"].removeprefix(self.place): found["ETag"]
            for page in listed
            for found in page.get("Contents", ())
        }
