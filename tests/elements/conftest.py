"""Chromium and a site of a few fixed pages, for the custom elements alone: no database, no worker, no socket server."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Page, sync_playwright

from tests import chromium

DIST = Path(__file__).parent.parent.parent / "static" / "dist"


@dataclass
class Site:
    """`pages[path]` is (status, html); a POST is answered like a GET and noted in `posted`."""

    address: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    pages: dict[str, tuple[int, str]] = field(default_factory=dict)
    posted: list[tuple[str, str]] = field(default_factory=list)


class Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: object, site: Site, **options: object) -> None:
        self.site = site
        super().__init__(*args, directory=str(DIST), **options)  # type: ignore[arg-type]  # as the server calls it

    def do_GET(self) -> None:
        if self.path not in self.site.pages:
            super().do_GET()
            return
        status, html = self.site.pages[self.path]
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", **self.site.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(html.encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.site.posted.append((self.path, body))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    assert (DIST / "pages" / "battle.js").is_file(), "the front end is not built: npm ci && npm run build"
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, site=site))
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.FLAGS)
        yield browser.new_page(viewport={"width": 1280, "height": 800})
        browser.close()
