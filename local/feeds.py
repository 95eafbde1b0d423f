"""A folder of feeds, one ``<category>.xml`` each, served as arXiv serves them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

LIVE = "https://rss.arxiv.org/rss"
EXPORT_API = "https://export.arxiv.org/api/query"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder for the time of the block; yields the feeds' base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            category = self.path.rpartition("/")[2]
            file = folder / f"{category}.xml"
            found = file.is_file() and file.parent == folder
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/xml; charset=utf-8")
            body = file.read_bytes() if found else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing: what was read stands in the functions' log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/rss"
    finally:
        server.shutdown()
        server.server_close()


def arxiv_reachable() -> bool:
    """Whether arXiv answers for a feed within ten seconds."""
    try:
        # Always https.
        with urlopen(f"{LIVE}/cs.CV", timeout=10):  # nosec B310
            return True
    except OSError:
        return False
