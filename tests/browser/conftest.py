"""A browser for the tests of pages, and what checks pages in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, ViewportSize

from local.browser import NoBrowser, browsing
from local.serving import archive_served

TOOLS = Path(__file__).parents[2] / ".local/browser/node_modules"
SCHEMES = ("light", "dark")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium, which is not among the project's own dependencies."""
    try:
        with browsing() as started:
            yield started
    except NoBrowser as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server of this machine: its address, and the folder that it serves."""
    folder = tmp_path_factory.mktemp("site")
    with archive_served(folder) as address:
        yield address, folder


class Tab:
    """A page of the browser with what happens in it, used again by one test after the other.

    A new page takes a process of its own, which costs more than what most tests look at.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.said: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(10_000)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: Dialog) -> None:
        # Left open it would hold up whatever is asked of the page next.
        self.errors.append(f"alert: {dialog.message}")
        dialog.dismiss()

    def _note(self, kind: str, text: str) -> None:
        self.said.append(text)
        if kind == "error":
            self.errors.append(text)


class Tabs:
    """The browser's pages by how they are set up; those that nobody uses wait to be used again."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: dict[str, BrowserContext] = {}
        self._waiting: dict[str, list[Tab]] = {}

    @contextmanager
    def used(self) -> Iterator[Callable[..., Tab]]:
        """Tabs for one test, each empty, at the size and in the scheme that it is asked for."""
        taken: list[tuple[str, Tab]] = []

        def take(
            viewport: ViewportSize | None = None,
            color_scheme: Literal["light", "dark"] = "light",
            **options: Any,
        ) -> Tab:
            kind = repr(sorted(options.items()))
            if kind not in self._contexts:
                self._contexts[kind] = self._browser.new_context(**options)
            waiting = self._waiting.setdefault(kind, [])
            tab = waiting.pop() if waiting else Tab(self._contexts[kind].new_page())
            taken.append((kind, tab))
            tab.page.set_viewport_size(viewport or {"width": 1280, "height": 720})
            tab.page.emulate_media(media="screen", color_scheme=color_scheme)
            return tab

        yield take
        # Where a test's fixture finds a page at fault, it raises, and the page is not used again.
        for kind, tab in taken:
            if tab.page.url != "about:blank":
                kept = tab.page.evaluate("[document.cookie, ...Object.keys({...localStorage})]")
                assert kept == [""], "the next test would find it"
            tab.page.goto("about:blank")
            for noted in (tab.requests, tab.said, tab.errors):
                noted.clear()
            self._waiting[kind].append(tab)

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()


@pytest.fixture(scope="session")
def tabs(browser: Browser) -> Iterator[Tabs]:
    made = Tabs(browser)
    yield made
    made.close()


@pytest.fixture
def tab(tabs: Tabs) -> Iterator[Callable[..., Page]]:
    """An empty page, or more of them."""
    with tabs.used() as take:
        yield lambda **options: take(**options).page


Visiting = Callable[..., Tab]


@pytest.fixture
def visit(tabs: Tabs, site: tuple[str, Path]) -> Iterator[Visiting]:
    """Visit HTML as the page of a day; afterwards nothing has gone wrong or out."""
    address, folder = site
    visited: list[Tab] = []

    def start(html: str, fragment: str = "", **options: Any) -> Tab:
        (folder / "page.html").write_text(html, "utf-8")
        tab = take(**options)
        visited.append(tab)
        tab.page.goto(f"{address}/page.html{fragment}")
        return tab

    with tabs.used() as take:
        yield start
        for tab in visited:
            assert tab.errors == []
            assert {url.partition("#")[0] for url in tab.requests} == {f"{address}/page.html"}


@pytest.fixture
def axe(visit: Visiting) -> Callable[..., None]:
    """Check HTML for accessibility in light and dark, on a wide screen and a narrow one."""
    script = TOOLS / "axe-core/axe.min.js"
    if not script.exists():
        pytest.skip("axe-core is not installed; `make .local/browser/.done` installs it")

    def check(html: str, prepare: Callable[[Page], None] | None = None) -> None:
        page = visit(html, bypass_csp=True).page
        if prepare:
            prepare(page)
        page.evaluate(script.read_text("utf-8"))
        for scheme, width in (("light", 1280), ("dark", 320)):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            # What passes would be described at length as well, for nobody.
            found = page.evaluate("axe.run({resultTypes: ['violations']})")
            broken = [
                f"{scheme}: {rule['id']}: {node['html'][:200]} {node['failureSummary']}"
                for rule in found["violations"]
                for node in rule["nodes"]
            ]
            assert broken == [], "\n".join(broken)

    return check
