"""Visitors of the live arena. Whatever they do, nothing may go wrong in their browser or ask another site."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

from tests import chromium
from tests.live import LiveArena

Visit = Callable[..., BrowserContext]

# What Chromium itself writes when the server refuses something (a 404, a form that is not valid), or is out of reach.
OF_THE_NETWORK = (
    "the server responded with a status of 4",
    "the server responded with a status of 503",
    "net::ERR_INTERNET_DISCONNECTED",
)


class Watch:
    """Notes what must not happen: errors and policy violations, dialogs, requests to other origins."""

    def __init__(self, origin: str) -> None:
        self.origin = urlsplit(origin).netloc
        self.troubles: list[str] = []

    def over(self, context: BrowserContext) -> BrowserContext:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))
        context.on("request", self._request)
        context.on("dialog", self._dialog)
        context.on("page", lambda page: page.on("websocket", lambda socket: self._address(socket.url)))
        return context

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(known in message.text for known in OF_THE_NETWORK):
            self.troubles.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        self._address(request.url)

    def _address(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in {"data", "blob"} and address.netloc != self.origin:
            self.troubles.append(f"request: {url}")

    def _dialog(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture
def visit(browser: Browser, live_arena: LiveArena) -> Iterator[Visit]:
    """Call it for each further visitor: `visit(color_scheme="dark")`. Each has their own cookies."""
    watch = Watch(live_arena.url)
    contexts: list[BrowserContext] = []

    def new_visitor(**options: object) -> BrowserContext:
        given = {"base_url": live_arena.url, "reduced_motion": "reduce"} | options
        context = browser.new_context(**given)  # type: ignore[arg-type]  # Playwright's own options
        context.set_default_timeout(chromium.TIMEOUT_MS)
        contexts.append(context)
        return watch.over(context)

    yield new_visitor
    for context in contexts:
        context.close()
    assert watch.troubles == []


@pytest.fixture
def context(visit: Visit) -> BrowserContext:
    return visit()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
