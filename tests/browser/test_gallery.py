"""Pictures as ``make gallery`` takes them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from local import gallery


def test_a_picture_is_taken_of_each_page_in_both_schemes_on_both_screens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, browser: Browser
) -> None:
    monkeypatch.setattr(gallery, "pages", lambda: iter([("one", "<h1>One</h1>", "h1")]))
    taken = list(gallery.take_pictures(browser, tmp_path / "new"))
    assert sorted(file.name for file in taken) == [
        f"one-{scheme}-{screen}.png" for scheme in ("dark", "light") for screen in ("phone", "wide")
    ]
    for file in taken:
        content = file.read_bytes()
        assert content.startswith(b"\x89PNG")
        screen = file.stem.rpartition("-")[2]
        assert struct.unpack(">II", content[16:24]) == gallery.SCREENS[screen]
