"""The page of a day: its size, and the seconds until it can be used, each beside its bound."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from arxiv_digest.models import Digest
from arxiv_digest.rendering import render_page
from benchmarks.table import head, ratio
from local import gallery
from local.browser import NoBrowser, browsing
from tests.unit.test_golden import seed_digest

BYTES = 600_000
SECONDS = 1.0
VISITS = 9


def a_day() -> tuple[str, Digest]:
    """A real day where there is one, otherwise the sample day."""
    folder = os.environ.get("DIGEST_DATA")
    if folder:
        return "a real day", seed_digest(Path(folder))
    return "the sample day (DIGEST_DATA is not set)", gallery.sample_day("zh")


def interactive_after(html: str) -> float:
    """Seconds from asking for a page until its script has run, as the median of some visits."""
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        file = Path(folder) / "digest.html"
        file.write_text(html, "utf-8")
        times = []
        for _ in range(VISITS):
            page = browser.new_page()
            page.goto(file.as_uri())
            times.append(
                page.evaluate(
                    "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
                )
            )
            page.close()
    return statistics.median(times) / 1000


def main() -> None:
    """Print the table."""
    name, digest = a_day()
    began = time.process_time()
    html = render_page(digest)
    rendering = time.process_time() - began
    size = len(html.encode())
    seconds = interactive_after(html)
    print(f"The page of {name}, {digest.ledger.announced} papers:\n")
    print(head())
    print(f"| size of the page | {size:,} bytes | {BYTES:,} bytes | {ratio(size / BYTES)} |")
    print(
        f"| the page interactive | {seconds:.2f} s | {SECONDS:.2f} s | {ratio(seconds / SECONDS)} |"
    )
    print(f"\nRendered in {rendering:.2f} s of a processor; {os.cpu_count()} cores.")


if __name__ == "__main__":
    try:
        main()
    except NoBrowser as problem:
        sys.exit(str(problem))
