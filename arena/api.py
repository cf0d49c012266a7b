"""The HTTP API under /api/v1/: gathers each app's router, reads JSON strictly, answers refusals as problems."""

import json
import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser
from pydantic import BaseModel

from arena.battles.errors import BattleError, BudgetSpent
from arena.contestants.api import router as contestants
from arena.leaderboard.api import router as leaderboard
from arena.outages import OUTAGES, not_now
from arena.problem_json import CONTENT_TYPE, OUR_FAULT, FieldError, Problem, problem_response
from arena.problems.api import router as problems
from arena.teams.api import Door
from arena.teams.api import router as people
from arena.teams.errors import TeamError, TooMany
from arena.voting.api import router as battles
from arena.voting.errors import VotingError

logger = logging.getLogger(__name__)

DESCRIPTION = """Start blind battles, follow them, vote, and read the leaderboard.

Identify yourself with `Authorization: Bearer TOKEN` (`manage.py api_token USERNAME` prints one) or with the session
cookie of this site; a visitor without either gets a cookie with the first battle or ballot. Unknown fields and
parameters are refused, and every error is `application/problem+json` with a sentence in `detail`.

Questions and ballots are limited per address and person: a 429 says in `Retry-After` when to come back.

## Watching a battle

A battle's `stream` is a WebSocket that only sends. Each message is `{"c": cursor, "e": [event, …]}`. It begins with
what there is; come back with `?cursor=` and the last cursor: nothing is lost or repeated. A long beginning comes in
several messages, of which only the last has a cursor: who is cut off before that begins anew. An event is an array,
`[slot, turn, "r" | "a", text]`: append the text to the reasoning or to the answer. Or it is an object with a `type`:

- `turn` (`index`, `prompt`): a question is asked
- `started` (`slot`, `turn`): its server has been asked
- `waiting` (`slot`, `turn`, `why`): why no text has come yet. `loading` into memory; `queued`, its server answers
  others first; `retrying`, its server was busy and is asked again; or empty, not known or not any more
- `relabel` (`slot`, `turn`): the answer so far was reasoning
- `snapshot` (`slot`, `turn`, `reasoning`, `answer`, `status`): replaces what is known of this response
- `finished`, `stopped` (`slot`, `turn`), `failed` (`slot`, `turn`, `code`, `message`)
- `restarted` (`slot`, `turn`): it is asked again, its text is void
- `named_itself` (`slot`, `turn`): it said who it is, and ballots on this battle are not ranked. The name is masked with
  ▮ until you may see it
- `progress` (`turn`, `thinking`, `writing`, `done`): in a battle that is not shown live, how many contestants have
  written nothing yet, write, and are done. Never who; in one shown at one pace those that are done count as writing
- `ballots` (`count`), and `revealed`: the names may be fetched
- `resync`: fetch the battle, and connect without a cursor
- `alive`: every 15 s

There may be more types and reasons one day: skip those you don't know."""


class ProblemOut(BaseModel):
    """What every error looks like (RFC 9457)."""

    class FieldErrorOut(BaseModel):
        field: str
        message: str

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldErrorOut] = []


class StrictJson(Parser):
    """JSON in UTF-8 whose every text can be stored and sent on. What it raises reaches `refuse_body` as a cause."""

    def parse_body(self, request: HttpRequest) -> Any:
        try:
            value = json.loads(request.body.decode(), parse_constant=_refuse_constant)
            _refuse_broken_texts(value, "")
        except UnicodeDecodeError as error:
            raise Problem(400, "The body is not text in UTF-8.") from error
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise Problem(400, f"The body is not JSON: {error.msg} at {where}.") from error
        except RecursionError as error:
            raise Problem(400, "The body is nested too deeply.") from error
        except ValueError as error:
            raise Problem(400, f"The body is not JSON: {error}.") from error
        return value


class ArenaAPI(NinjaAPI):
    """Ninja's, whose schema says of every call that a token is optional and that errors are problems."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        components = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
        schema["components"]["schemas"].update(components.pop("$defs") | {"Problem": components})
        answer = {"content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for calls in schema["paths"].values():
            for call in calls.values():
                call["security"] = [{"token": []}, {}]  # an account is optional, unless the arena asks for one
                call["responses"]["default"] = {"description": "Refused, with a sentence that says why", **answer}
        return schema


api = ArenaAPI(
    title="Reasoning Arena",
    version="1",
    description=DESCRIPTION,
    parser=StrictJson(),
    auth=Door(),
    urls_namespace="api",
)
for router in (contestants, problems, battles, leaderboard, people):
    api.add_router("", router)


@api.exception_handler(Problem)
def refuse(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problem_response(problem)


@api.exception_handler(BattleError)
@api.exception_handler(VotingError)
@api.exception_handler(TeamError)
def refuse_deed(request: HttpRequest, error: BattleError | VotingError | TeamError) -> HttpResponse:
    return problem_response(Problem.about(error.field, error.status, str(error)))


@api.exception_handler(BudgetSpent)
def refuse_to_spend(request: HttpRequest, error: BudgetSpent) -> HttpResponse:
    kind = ("/about/#budgets", "Today's budget is spent")
    return problem_response(Problem(error.status, str(error), kind=kind, retry_after_s=error.retry_after_s))


@api.exception_handler(TooMany)
def refuse_haste(request: HttpRequest, error: TooMany) -> HttpResponse:
    return problem_response(Problem(error.status, str(error), retry_after_s=error.retry_after_s))


@api.exception_handler(RequestDataTooBig)
def refuse_size(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return problem_response(
        Problem(413, f"The body is too big: at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes are taken.")
    )


@api.exception_handler(HttpError)
def refuse_body(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Ninja wraps whatever the parser raises."""
    cause = error.__cause__
    return problem_response(cause if isinstance(cause, Problem) else Problem(error.status_code, str(error)))


@api.exception_handler(ValidationError)
def refuse_input(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [_field_error(found) for found in error.errors]
    detail = " ".join(f"{found.field or 'The body'} {found.message}." for found in errors[:3])
    return problem_response(Problem(422, detail, errors))


@api.exception_handler(Exception)
def admit_fault(request: HttpRequest, error: Exception) -> HttpResponse:
    """The outermost line of every call: what goes wrong here is logged, and not shown."""
    if isinstance(error, OUTAGES):
        return not_now(request, error)
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem_response(Problem(500, OUR_FAULT))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _refuse_broken_texts(value: object, field: str) -> None:
    """Texts with NUL cannot be stored, and half a surrogate pair cannot be sent."""
    if isinstance(value, str):
        if "\0" in value:
            raise Problem.about(field, 422, f"{field or 'The body'} contains a NUL character.")
        if not _can_be_sent(value):
            raise Problem.about(field, 422, f"{field or 'The body'} contains half of a surrogate pair.")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_broken_texts(item, f"{field}.{number}".lstrip("."))
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_broken_texts(name, field)
            _refuse_broken_texts(item, f"{field}.{_printable(name)}".lstrip("."))


def _can_be_sent(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _field_error(found: dict[str, Any]) -> FieldError:
    # Ninja's locations begin with where the input was (body, query) and the name of the call's argument.
    path = found["loc"][2:] if found["loc"][0] == "body" else found["loc"][1:]
    return FieldError(".".join(map(_printable, path)), _in_words(found["type"], found.get("ctx", {})))


def _printable(step: object) -> str:
    """A step of a path as it is, or, where someone made it up, short and escaped."""
    name = str(step)[:40]
    return name if name.isascii() and name.isprintable() else ascii(name)


def _in_words(kind: str, context: dict[str, Any]) -> str:
    words = _WORDS.get(kind) or next((said for start, said in _WORDS.items() if kind.startswith(start)), "")
    return (words or "cannot be understood").format_map(context)


_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this call",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "string_too_long": "must have at most {max_length} characters",
    "int": "must be a whole number",
    "string": "must be text",
    "bool": "must be true or false",
    "list": "must be a list",
    "dict": "must be an object",
    "model": "must be an object",
}
