"""Files, served to this machine alone."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from arxiv_digest.adapters.archive import content_type


@contextmanager
def served(find: Callable[[str], Path | None], port: int = 0) -> Iterator[str]:
    """Serve files on 127.0.0.1 for the time of the block; yields the address.

    ``find`` says which file a path asks for, if any. The port is a free one unless one is given.
    Raises :class:`OSError` where nothing can listen on it.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = self._file()
            body = file.read_bytes() if file else b""
            self.send_response(200 if file else 404)
            self.send_header("Content-Type", content_type(file.name) if file else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            # A digest that is made again is shown at the next look.
            self.send_header("Cache-Control", "no-cache")
            self.end_headers()
            self.wfile.write(body)

        def _file(self) -> Path | None:
            try:
                file = find(unquote(urlsplit(self.path).path))
                return file if file and file.is_file() else None
            except (OSError, ValueError):
                # No file can have such a name.
                return None

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing: what was read stands in the functions' log, or on the screen."""

    with listening(Handler, port) as address:
        yield address


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    """Answer on 127.0.0.1 for the time of the block; yields the address, without a path.

    The port is a free one unless one is given. Raises :class:`OSError` where nothing can listen on
    it.
    """
    server = _Server(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def archive_served(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve an archive by its keys, the front page first, and nothing outside its folder."""
    root = folder.resolve()

    def by_key(path: str) -> Path | None:
        file = (root / (path.removeprefix("/") or "index.html")).resolve()
        return file if file.is_relative_to(root) else None

    with served(by_key, port) as address:
        yield address


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away before it has its answer is no matter to anybody.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
