"""What of a request a server has just refused, by its own words, and the request without that. No network here.

Only a refusal is followed by another request, so nothing is billed twice. The wordings are those of OpenAI and Azure,
of chat templates on vLLM, SGLang and llama-server, of FastAPI's and serde's validation, of Groq, Mistral, Gemini,
Ollama, and of gateways that hand on what these say.
"""

import re

from arena.contestants.errors import BadRequest, KeyRefused, ServerFailed
from arena.contestants.providers.failures import ServerError, kind_of
from arena.contestants.providers.http import Body
from arena.contestants.providers.values import as_dict, as_list, as_text

# A chat template that raises is a 500 on some servers; an organisation that must be verified first was a 403.
_STATUSES = (400, 403, 404, 405, 422, 500, 501)
_ROLE_STATUSES = (400, 422, 500)

_NO = re.compile(
    r"support|unknown|unrecogni[sz]ed|extra_forbidden|extra (?:fields|inputs)|only the default|may only be|deprecated"
    r"|not (?:allowed|permitted|available|enabled|implemented)|disabled|must be verified|cannot|can't"
    r"|(?:invalid|unexpected) (?:value|parameter|argument|field|keyword|property)"
)
_STREAM = re.compile(r"(?<![\w.])['\"`]?stream(?:ing|ed)?['\"`]?(?!\w|\.\w)")
_STREAM_ONLY = re.compile(r"only supports? stream|enable the stream|stream(?:ing)? is required")
_ROLE = re.compile(
    r"\broles?\b|(?:system|developer) (?:message|prompt|instruction)"
    r"|unknown variant `(?:developer|system)`|\bdeveloper is not\b"
)


def may_help(error: ServerError) -> bool:
    """Another form of the request may be taken, as far as the kind of the failure tells."""
    return error.status in _STATUSES and kind_of(error) in (BadRequest, KeyRefused, ServerFailed)


def says_no(error: ServerError) -> bool:
    return bool(_NO.search(error.words))


def refuses_stream(error: ServerError) -> bool:
    if _STREAM_ONLY.search(error.words):
        return False
    return error.param == "stream" or says_no(error) and bool(_STREAM.search(error.words))


def refuses_role(error: ServerError) -> bool:
    """Of the system message; also where a template counts it as a turn: "roles must alternate"."""
    return error.status in _ROLE_STATUSES and bool(_ROLE.search(f"{error.param} {error.words}".lower()))


def refused_option(body: Body, error: ServerError, *, reserved: tuple[str, ...]) -> str:
    """The name of an option that the server names in its refusal; the last named, where two exclude each other."""
    if not says_no(error):
        return ""
    options = [name for name in body if name not in reserved]
    param = re.split(r"[.\[]", error.param)[0]
    if param in options:
        return param
    found = {name: match.start() for name in options if (match := re.search(rf"(?<![\w-]){name}(?!\w)", error.words))}
    return max(found, key=lambda name: found[name], default="")


def without(body: Body, *names: str) -> Body:
    return {key: value for key, value in body.items() if key not in names}


def without_stream(body: Body) -> Body:
    return {**without(body, "stream_options"), "stream": False}


def with_system_as(role: str, body: Body, *, of: str) -> Body | None:
    """The messages of the role `of` under another role."""
    messages = [as_dict(message) for message in as_list(body["messages"])]
    if not any(message["role"] == of for message in messages):
        return None
    renamed = [{**message, "role": role} if message["role"] == of else message for message in messages]
    return {**body, "messages": renamed}


def with_system_folded(body: Body, *, messages: str = "messages") -> Body | None:
    """The system text at the head of the first question."""
    said = [as_dict(message) for message in as_list(body[messages])]
    system = [as_text(message["content"]) for message in said if message["role"] == "system"]
    system += [text for name in ("system", "instructions") if (text := as_text(body.get(name)))]
    others = [message for message in said if message["role"] != "system"]
    if not system or not others:
        return None
    first = {**others[0], "content": "\n\n".join([*system, as_text(others[0]["content"])])}
    return {**without(body, "system", "instructions"), messages: [first, *others[1:]]}
