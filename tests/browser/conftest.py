"""A browser for the tests of pages, and what checks pages in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

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


class Visit:
    """A page in a browser, with every request it made and every error it met."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.page: Page = context.new_page()
        self.page.set_default_timeout(10_000)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("dialog", lambda dialog: self._note("error", f"alert: {dialog.message}"))
        self.page.goto(address)

    def _note(self, kind: str, text: str) -> None:
        if kind == "error":
            self.errors.append(text)


Visiting = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, site: tuple[str, Path]) -> Iterator[Visiting]:
    """Visit HTML as the page of a day; afterwards nothing has gone wrong or out."""
    address, folder = site
    visits: list[Visit] = []

    def start(html: str, fragment: str = "", **options: Any) -> Visit:
        (folder / "page.html").write_text(html, "utf-8")
        context = browser.new_context(**options)
        visits.append(Visit(context, f"{address}/page.html{fragment}"))
        return visits[-1]

    yield start
    for visited in visits:
        visited.context.close()
        assert visited.errors == []
        assert {url.partition("#")[0] for url in visited.requests} == {f"{address}/page.html"}


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
            found = page.evaluate("axe.run()")
            broken = [
                f"{scheme}: {rule['id']}: {node['html'][:200]} {node['failureSummary']}"
                for rule in found["violations"]
                for node in rule["nodes"]
            ]
            assert broken == [], "\n".join(broken)

    return check
