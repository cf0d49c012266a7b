"""Who is behind a socket: the same question as for a request, asked of an ASGI scope."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, parse_cookie

from arena.teams.models import Voter
from arena.teams.queries import bearer_secret, current_voter, user_of_token, voter_of_user


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a handshake says of who is behind it: all that need be kept of its headers."""

    session_key: str | None
    bearer: str | None


def credentials_of(scope: Mapping[str, Any]) -> Credentials:
    headers = scope.get("headers", ())
    cookies = parse_cookie(_header(headers, b"cookie"))
    return Credentials(cookies.get(settings.SESSION_COOKIE_NAME), bearer_secret(_header(headers, b"authorization")))


def voter_behind(credentials: Credentials) -> Voter | None:
    """The voter of a bearer token, of a signed-in session or of an anonymous one. It makes none.

    Reads the database, the session too, anew each time: call it through `in_web_thread`. A wrong token is
    nobody, whatever the cookie says.
    """
    if credentials.bearer is not None:
        user = user_of_token(credentials.bearer)
        return voter_of_user(user) if user else None
    if credentials.session_key is None:
        return None
    request = HttpRequest()
    request.session = _session(credentials.session_key)
    return current_voter(get_user(request), request.session)


def _session(key: str) -> SessionBase:
    store: SessionBase = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return store


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")
