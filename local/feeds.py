"""A folder of feeds, one ``<category>.xml`` each, served as arXiv serves them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from arxiv_digest.adapters.archive import raw_feed_key
from local import serving
from local.emulator import ROOT

SAMPLE = ROOT / "events/sample/2026-01-22"
LIVE = "https://rss.arxiv.org/rss"
EXPORT_API = "https://export.arxiv.org/api/query"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder for the time of the block; yields the feeds' base URL."""

    def feed(path: str) -> Path:
        return feed_file(folder, path.rpartition("/")[2])

    with serving.served(feed) as address:
        yield f"{address}/rss"


def feed_file(folder: Path, category: str) -> Path:
    """The file of a category's feed, be it one that breaks off where no whole one is kept."""
    keys = (raw_feed_key("", category, whole=whole) for whole in (True, False))
    files = [folder / key.rpartition("/")[2] for key in keys]
    return next(filter(Path.is_file, files), files[0])


def arxiv_reachable() -> bool:
    """Whether arXiv answers for a feed within ten seconds."""
    try:
        # Always https.
        with urlopen(f"{LIVE}/cs.CV", timeout=10):  # nosec B310
            return True
    except OSError:
        return False


def answers(url: str) -> bool:
    """Whether something listens at an address, without asking it for anything."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=10):
            return True
    except (OSError, ValueError):
        return False
