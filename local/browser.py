"""The machine's Chromium, which is not among the project's own dependencies."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")

LAUNCH = ["--no-sandbox"]
"""What lets it start as any user, in a container, too; it is shown the project's own pages only."""


class NoBrowser(Exception):
    """No Chromium is installed; the message says so."""


def chromium() -> str:
    """The path of the machine's Chromium; raises :class:`NoBrowser` where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise NoBrowser(f"no browser is installed here: none of {', '.join(NAMES)}")
    return found
