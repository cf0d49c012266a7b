"""Asking the API in tests: JSON in, and what every refusal must look like."""

import json
from typing import Any

from django.test import Client

from arena.teams.models import Voter
from arena.teams.queries import VOTER_KEY
from tests.factories import make_voter

# What a traceback or a Django error page would carry.
SIGNS_OF_A_FAULT = ("Traceback", "site-packages", "<html", "DoesNotExist", "Exception")


class Api:
    """A visitor's browser, or a script with a token, at /api/v1."""

    def __init__(self, token: str = "", voter: Voter | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else None
        self.client = Client(raise_request_exception=False, headers=headers)
        if voter is not None:
            session = self.client.session
            session[VOTER_KEY] = voter.pk
            session.save()
            self.client.cookies["sessionid"] = session.session_key

    def get(self, path: str, **parameters: Any) -> Any:
        return self.client.get(f"/api/v1{path}", parameters)

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: object = None, **headers: str) -> Any:
        return self.send("PUT", path, body, **headers)

    def send(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """`body` as JSON, or bytes as they are; header names with _ for -."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = named.pop("Content-Type", "application/json")
        return self.client.generic(method, f"/api/v1{path}", data, content_type=content_type, headers=named)


def visitor() -> tuple[Api, Voter]:
    voter = make_voter()
    return Api(voter=voter), voter


def assert_problem(answer: Any, status: int, words: str = "", *, field: str = "") -> dict[str, Any]:
    """The answer is a problem+json of this status whose sentence has these words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(answer.content.decode("ascii"))
    assert body["type"] == "about:blank"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"][0].isprintable()
    assert body["detail"].endswith((".", "!", "?"))
    assert words in body["detail"]
    assert not any(sign in answer.text for sign in SIGNS_OF_A_FAULT)
    if field:
        assert field in [error["field"] for error in body["errors"]]
    return body
