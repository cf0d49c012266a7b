"""One request to the live arena's API, and its answer."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

LIMIT_S = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    retry_after: str | None
    body: Any


def ask(method: str, address: str, body: object) -> Answer:
    request = urllib.request.Request(
        address, method=method, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return Answer(answer.status, None, json.load(answer))
    except urllib.error.HTTPError as refusal:
        return Answer(refusal.code, refusal.headers["Retry-After"], json.load(refusal))
