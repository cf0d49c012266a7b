"""Who is behind a socket: the same question as for a request, asked of an ASGI scope."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_user
from django.http import HttpRequest

from arena.teams.models import Voter
from arena.teams.queries import bearer_secret, current_voter, user_of_token, voter_of_user


def voter_of_scope(scope: Mapping[str, Any]) -> Voter | None:
    """The voter of a bearer token, of a signed-in session or of an anonymous one. It makes none.

    Reads the database: call it through `database_sync_to_async`. The scope needs a `session`
    (`channels.sessions.SessionMiddlewareStack`). A wrong token is nobody, whatever the cookie says.
    """
    secret = bearer_secret(_authorization(scope.get("headers", ())))
    if secret is not None:
        user = user_of_token(secret)
        return voter_of_user(user) if user else None
    request = HttpRequest()
    request.session = scope["session"]
    return current_voter(get_user(request), request.session)


def _authorization(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return next((value.decode("latin-1") for name, value in headers if name.lower() == b"authorization"), "")
