"""The pictures of the documentation, and what they are taken of."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from local import gallery

ROOT = Path(__file__).parents[2]


def test_mail_page_and_archive_are_shown_in_both_languages() -> None:
    shown = {name: html for name, html, _ in gallery.pages()}
    for language in ("zh", "en"):
        for name in ("mail-day", "page-day", "mail-empty", "page-empty", "archive"):
            assert f"{name}-{language}" in shown
    assert {"mail-busy-zh", "page-busy-zh"} <= set(shown)
    assert shown["page-busy-zh"].count("<article") == gallery.BUSY


def test_the_documentation_has_every_picture_and_no_other() -> None:
    taken = {
        f"{name}-{scheme}-{screen}.png"
        for (name, *_), scheme, screen in product(gallery.pages(), gallery.SCHEMES, gallery.SCREENS)
    }
    assert {file.name for file in (ROOT / "docs/gallery").iterdir()} == taken
