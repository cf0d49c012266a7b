"""Reading request bodies: what is not as it should be raises `Refused`, which each protocol writes in its own form."""

import json
from collections.abc import Mapping

from arena.contestants.simulator.generation import Message


class Refused(Exception):
    """An answer, not a failure."""

    def __init__(self, status: int, message: str, *, kind: str = "invalid_request_error", code: str | None = None,
                 param: str | None = None) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param


def json_object(body: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise Refused(400, "The body of the request must be a JSON object.")
    return value


def text(body: Mapping[str, object], key: str) -> str:
    value = body.get(key)
    if not value:
        raise Refused(400, f"Missing required parameter: '{key}'.", code="missing_required_parameter", param=key)
    if not isinstance(value, str):
        raise Refused(400, f"Invalid type for '{key}': expected a string.", code="invalid_type", param=key)
    return value


def mapping(body: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = body.get(key) or {}
    if not isinstance(value, dict):
        raise Refused(400, f"Invalid type for '{key}': expected an object.", code="invalid_type", param=key)
    return value


def messages(body: Mapping[str, object]) -> list[Message]:
    value = body.get("messages") or []
    if not isinstance(value, list):
        raise Refused(400, "Invalid type for 'messages': expected an array.", code="invalid_type", param="messages")
    return [_message(item, number) for number, item in enumerate(value)]


def _message(item: object, number: int) -> Message:
    if not isinstance(item, dict) or not isinstance(item.get("role"), str):
        where = f"messages[{number}]"
        raise Refused(400, f"Invalid value for '{where}': it needs a role.", code="invalid_value", param=where)
    return Message(role=item["role"], content=_content(item.get("content"), number))


def _content(value: object, number: int) -> str:
    """A string, nothing, or OpenAI's list of parts, of which the text parts count."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return "".join(part["text"] for part in value if isinstance(part.get("text"), str))
    where = f"messages[{number}].content"
    raise Refused(400, f"Invalid type for '{where}': expected a string.", code="invalid_type", param=where)
