"""A visit: whose browser it is, known before the visitor has done anything.

A session begins with the first deed, and its cookie comes with the answer. Where that answer is lost, the browser or
the visitor sends the deed again, without the cookie: it would be somebody else's, and a ballot would count twice. So
every page with a form brings a cookie of its own, and the voter that is made for a deed remembers it.
"""

from collections.abc import Callable
from hashlib import sha256
from secrets import token_urlsafe

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

COOKIE = "visit"
# Longer ones are none of ours.
COOKIE_MAX_CHARS = 64

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def visit_of(session: SessionBase) -> str:
    """A digest of the visit's cookie; empty where there is none."""
    cookie: str = getattr(session, "visit", "")
    return sha256(cookie.encode()).hexdigest() if cookie else ""


def VisitMiddleware(get_response: GetResponse) -> GetResponse:  # named as Django names middleware
    """Stands inside of Django's own for sessions and for CSRF, whose cookie tells which pages have a form."""

    def ask(request: HttpRequest) -> HttpResponseBase:
        _begin(request)
        return _after(request, get_response(request))

    return ask


def _begin(request: HttpRequest) -> None:
    cookie = request.COOKIES.get(COOKIE, "")
    request.session.visit = cookie if len(cookie) <= COOKIE_MAX_CHARS else ""  # type: ignore[attr-defined]


def _after(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    has_form = request.META.get("CSRF_COOKIE_NEEDS_UPDATE")
    if has_form and isinstance(response, HttpResponse) and not visit_of(request.session):
        response.set_cookie(
            COOKIE,
            token_urlsafe(24),
            max_age=settings.SESSION_COOKIE_AGE,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response
