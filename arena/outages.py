"""What is answered while the database or Redis does not: plain words, when to try again, and what was typed is kept.

Nothing here asks either of them, nor anything of the request that would (the session, the user).
"""

import logging
import sys

import redis
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.views.defaults import server_error
from kombu.exceptions import OperationalError as QueueError

from arena.problem_json import API_ROOT, Problem, problem_response
from arena.sent_again import fields_of

# What is raised where a part is away, restarting, busy for too long, or gone in the middle of a request.
OUTAGES = (OperationalError, InterfaceError, redis.RedisError, QueueError)
RETRY_AFTER_S = 5
NOT_NOW = (
    "The arena’s database does not answer just now. Nothing was changed, and nothing that was saved before is lost. "
    "Please try again in a moment."
)

logger = logging.getLogger(__name__)


class OutageMiddleware(MiddlewareMixin):
    """Answers 503 instead of 500 where a view could not do its work for want of the database or Redis."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return not_now(request, error) if isinstance(error, OUTAGES) else None


def not_now(request: HttpRequest, error: Exception) -> HttpResponse:
    """Nothing has been saved: what the view did it did in a transaction."""
    logger.warning("%s %s: a part of the arena does not answer: %s", request.method, request.path, error)
    if request.path.startswith(API_ROOT):
        return problem_response(Problem(503, NOT_NOW, retry_after_s=RETRY_AFTER_S))
    context = {
        "path": request.get_full_path(),
        "fields": fields_of(request.POST) if request.method == "POST" else (),
        "is_form": request.method == "POST",
        "retry_after_s": RETRY_AFTER_S,
    }
    page = render(None, "503.html", context, status=503)
    page["Retry-After"] = str(RETRY_AFTER_S)
    page["Cache-Control"] = "no-store"
    page._has_been_logged = True  # type: ignore[attr-defined]  # or Django would log it as an error
    return page


def what_broke(request: HttpRequest) -> HttpResponse:
    """Django's handler of status 500: what broke outside the views, such as while the session was saved."""
    error = sys.exc_info()[1]
    return not_now(request, error) if isinstance(error, OUTAGES) else server_error(request)
