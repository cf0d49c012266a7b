"""Reading request bodies: what is not as it should be raises `Refused`, which each protocol writes in its own form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from arena.contestants.simulator.generation import Message


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error in place of a response; each protocol writes it in its own form."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """An answer, not a failure."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def wrong(message: str, *, status: int = 400, code: str | None = None, param: str | None = None) -> Refused:
    return Refused(Refusal(status, message, code=code, param=param))


def json_object(body: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise wrong("We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise wrong("The body of the request must be a JSON object.")
    return value


def text(body: Mapping[str, object], key: str) -> str:
    value = body.get(key)
    if not value:
        raise wrong(f"Missing required parameter: '{key}'.", code="missing_required_parameter", param=key)
    if not isinstance(value, str):
        raise wrong(f"Invalid type for '{key}': expected a string.", code="invalid_type", param=key)
    return value


def mapping(body: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = body.get(key) or {}
    if not isinstance(value, dict):
        raise wrong(f"Invalid type for '{key}': expected an object.", code="invalid_type", param=key)
    return value


def messages(body: Mapping[str, object], key: str = "messages") -> list[Message]:
    value = body.get(key) or []
    if not isinstance(value, list):
        raise wrong(f"Invalid type for '{key}': expected an array.", code="invalid_type", param=key)
    return [_message(item, f"{key}[{number}]") for number, item in enumerate(value)]


def count(body: Mapping[str, object], *keys: str) -> int | None:
    """The first of these that is there, as a positive whole number."""
    for key in keys:
        number = body.get(key)
        if number is not None:
            if not isinstance(number, int) or number < 1:
                raise wrong(f"Invalid '{key}': expected a positive integer.", code="invalid_type", param=key)
            return number
    return None


def bearer(headers: Mapping[str, str]) -> str:
    """The key in an `Authorization` header."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _message(item: object, where: str) -> Message:
    if not isinstance(item, dict) or not isinstance(item.get("role"), str):
        raise wrong(f"Invalid value for '{where}': it needs a role.", code="invalid_value", param=where)
    return Message(role=item["role"], content=content(item.get("content"), f"{where}.content"))


def content(value: object, where: str) -> str:
    """A string, nothing, or a list of parts, of which the text parts count."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return "".join(part["text"] for part in value if isinstance(part.get("text"), str))
    raise wrong(f"Invalid type for '{where}': expected a string.", code="invalid_type", param=where)
