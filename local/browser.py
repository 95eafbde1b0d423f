"""The machine's Chromium, which is not among the project's own dependencies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


class NoBrowser(Exception):
    """No Chromium is installed; the message says so and how to mend it."""


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser for the time of the block; raises :class:`NoBrowser` where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise NoBrowser(
            f"no browser is installed here, none of {', '.join(NAMES)};"
            " on Debian, apt install chromium-headless-shell"
        )
    with sync_playwright() as playwright:
        # Without a sandbox it starts as any user, in a container, too; it is shown our pages only.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
