"""Errors of the API as `application/problem+json` (RFC 9457): one shape for whatever goes wrong under /api/.

What the API itself refuses is a `Problem`; what Django answers before or instead of it (no such address, a body
that is too big, a fault of ours) is rewritten by `ProblemMiddleware`, so that no HTML and no traceback gets out.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from http.client import responses as reasons

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

CONTENT_TYPE = "application/problem+json"
API_ROOT = "/api/"
# More would only repeat what a program got wrong everywhere.
MAX_ERRORS = 20
OUR_FAULT = "Something went wrong on our side. It has been logged; please try again later."

GetResponse = Callable[[HttpRequest], HttpResponseBase]


@dataclass(frozen=True)
class FieldError:
    """`field` is the path of an input, such as `verdicts.A`."""

    field: str
    message: str


class Problem(Exception):
    """What the API refuses: `detail` is a sentence for the person behind the program."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        *,
        kind: tuple[str, str] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """`kind`: type and title where the status alone does not say what is wrong."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors[:MAX_ERRORS])
        self.type, self.title = kind or ("about:blank", reasons.get(status, "Error"))
        self.retry_after_s = retry_after_s

    @classmethod
    def about(cls, field: str, status: int, detail: str) -> "Problem":
        return cls(status, detail, [FieldError(field, detail)] if field else [])


def problem_response(problem: Problem) -> HttpResponse:
    response = HttpResponse(_content(problem), status=problem.status, content_type=CONTENT_TYPE)
    if problem.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if problem.retry_after_s is not None:
        response["Retry-After"] = str(problem.retry_after_s)
    return response


@csrf_exempt  # or a POST astray would be asked for a token instead of being told that it is astray
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Whatever else is asked for under /api/, without the cost of an HTML page that is thrown away."""
    return problem_response(Problem(404, _SENTENCES[404]))


def only_parameters(request: HttpRequest, known: Iterable[str]) -> None:
    """Refuse a parameter that would be ignored: the answer would look filtered, and not be."""
    unknown = sorted(set(request.GET) - set(known))
    if unknown:
        names = ", ".join(repr(name[:40]) for name in unknown[:MAX_ERRORS])
        raise Problem(422, f"There is no parameter {names} here; there is {', '.join(known)}.")


def ProblemMiddleware(get_response: GetResponse) -> GetResponse:  # named as Django names middleware
    """Answers HEAD as GET (the body is dropped on its way out), forbids caches, rewrites foreign errors."""

    def ask(request: HttpRequest) -> HttpResponseBase:
        method = _read_head_as_get(request)
        response = get_response(request)
        request.method = method
        return _after(request, response)

    return ask


def _read_head_as_get(request: HttpRequest) -> str | None:
    method = request.method
    if method == "HEAD" and request.path.startswith(API_ROOT):
        request.method = "GET"
    return method


def _after(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if not request.path.startswith(API_ROOT):
        return response
    # What is shown depends on who asks, and changes with every ballot.
    response.headers.setdefault("Cache-Control", "no-store")
    if response.status_code < 400 or response.headers.get("Content-Type") == CONTENT_TYPE:
        return response
    return _rewritten(response, Problem(response.status_code, _sentence(request, response)))


def _rewritten(response: HttpResponseBase, problem: Problem) -> HttpResponseBase:
    """In place: its cookies and headers stay, and Django remembers that it has logged this one."""
    if not isinstance(response, HttpResponse):
        return problem_response(problem)
    response.content = _content(problem)
    response.headers["Content-Type"] = CONTENT_TYPE
    response.headers["Content-Length"] = str(len(response.content))
    response.headers.pop("Content-Encoding", None)
    return response


def _content(problem: Problem) -> str:
    # ASCII, so that not even half a surrogate pair in an echoed slug can break the answer.
    body: dict[str, object] = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = [asdict(error) for error in problem.errors]
    return json.dumps(body)


def _sentence(request: HttpRequest, response: HttpResponseBase) -> str:
    if response.status_code == 405:
        return (
            f"This address does not take {request.method}; it takes {response.headers.get('Allow', 'other methods')}."
        )
    if response.status_code >= 500:
        return OUR_FAULT
    return _SENTENCES.get(response.status_code, "The request was refused.")


_SENTENCES = {
    400: "The request could not be understood.",
    403: "You may not do this.",
    404: "There is nothing at this address.",
}
