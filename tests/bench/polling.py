"""Waiting for what comes by itself."""

import time
from collections.abc import Callable

LIMIT_S = 60.0
POLL_S = 0.05


def wait_until(is_so: Callable[[], object], what: str, *, limit_s: float = LIMIT_S) -> None:
    give_up_at = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > give_up_at:
            raise SystemExit(f"waited {limit_s:g} s for {what}")
        time.sleep(POLL_S)
