"""Where Chromium is, and how it is started for tests: headless, quiet, and talking to nobody but the test server."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_IT = "apt-get install chromium"
TIMEOUT_MS = 60_000
EXPECT_MS = 30_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--proxy-server=direct://",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def find() -> str | None:
    """Its path, if it is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def is_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}
