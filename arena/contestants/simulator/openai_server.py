"""The calls of OpenAI's API and of the servers that speak it: chat completions, Responses, the list of models."""

from collections.abc import Mapping
from uuid import uuid4

from arena.contestants.simulator import requests
from arena.contestants.simulator.connection import Answer, Headers, Request, whole
from arena.contestants.simulator.directions import Directions, Fault, refuse_unknown
from arena.contestants.simulator.generation import Message, Wire
from arena.contestants.simulator.refusals import Feature, Vendor
from arena.contestants.simulator.requests import Refusal, wrong
from arena.contestants.simulator.scheduling import Place
from arena.contestants.simulator.serving import Ask, Serving
from arena.contestants.simulator.wire import openai as wire
from arena.contestants.simulator.wire.responses import ResponseWire

_FIXED = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
_UNSUPPORTED_PARAMETER = "Unsupported parameter: '{param}' is not supported with this model."
_UNSUPPORTED_VALUE = "Unsupported value: '{param}' does not support {value} with this model."


class _OpenAISpeech:
    vendor = Vendor.OPENAI

    def refused(self, refusal: Refusal) -> Answer:
        body = wire.error(refusal.message, refusal.kind, refusal.code, refusal.param)
        return whole(refusal.status, body, "application/json", *self.headers(), *refusal.headers)

    def headers(self) -> Headers:
        return (("x-request-id", f"req_{uuid4().hex}"), ("openai-processing-ms", "1"))

    def unsupported(self, feature: Feature, ask: Ask) -> Refusal:
        param = ask.uses[feature]
        values = {
            Feature.STREAM: "true",
            Feature.SYSTEM: "'system'",
            Feature.DEVELOPER: "'developer'",
            Feature.SAMPLING: "this value",
        }
        if feature in values:
            message = _UNSUPPORTED_VALUE.format(param=param, value=values[feature])
            return Refusal(400, message, code="unsupported_value", param=param)
        hint = " Use 'max_completion_tokens' instead." if param == "max_tokens" else ""
        message = _UNSUPPORTED_PARAMETER.format(param=param) + hint
        return Refusal(400, message, code="unsupported_parameter", param=param)


class ChatServer(_OpenAISpeech):
    """Chat completions."""

    path = "/v1/chat/completions"

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def chat(self, request: Request) -> Answer:
        body = requests.json_object(request.body)
        ask = Ask(
            requests.text(body, "model"),
            _some(requests.messages(body), "messages"),
            is_streamed=body.get("stream") is True,
            wishes=(_own_wishes(body),),
            uses=_chat_uses(body),
            key=requests.bearer(request.headers),
            token_limit=requests.count(body, "max_completion_tokens", "max_tokens"),
        )
        wants_usage = requests.mapping(body, "stream_options").get("include_usage") is True
        return self._serving.answer(ask, _ChatSpeech(includes_usage=wants_usage))


class _ChatSpeech(_OpenAISpeech):
    def __init__(self, *, includes_usage: bool) -> None:
        self._includes_usage = includes_usage

    def writer(self, ask: Ask, directions: Directions, place: Place) -> Wire:
        is_refusal = directions.fault == Fault.REFUSAL
        return wire.ChatWire(
            ask.model, directions.reasoning, includes_usage=self._includes_usage, is_refusal=is_refusal
        )


class ResponsesServer(_OpenAISpeech):
    """Responses. Nothing is stored: each request brings the whole conversation."""

    path = "/v1/responses"

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def create(self, request: Request) -> Answer:
        body = requests.json_object(request.body)
        if body.get("previous_response_id"):
            message = "The simulator stores no responses: send the whole conversation as 'input'."
            raise wrong(message, code="previous_response_not_found", param="previous_response_id")
        reasoning = requests.mapping(body, "reasoning")
        ask = Ask(
            requests.text(body, "model"),
            _some(_input(body), "input"),
            is_streamed=body.get("stream") is True,
            wishes=(_own_wishes(body),),
            uses=_responses_uses(body),
            key=requests.bearer(request.headers),
            token_limit=requests.count(body, "max_output_tokens"),
            thinks=reasoning.get("effort") != "none",
        )
        return self._serving.answer(ask, _ResponsesSpeech(_echoed(body, reasoning)))


class _ResponsesSpeech(_OpenAISpeech):
    def __init__(self, echoed: Mapping[str, object]) -> None:
        self._echoed = echoed

    def writer(self, ask: Ask, directions: Directions, place: Place) -> Wire:
        return ResponseWire(ask.model, directions, self._echoed)


class ModelsServer(_OpenAISpeech):
    """The list of models."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def models(self, request: Request) -> Answer:
        return whole(200, wire.models(self._serving.lineup.names()))

    def model(self, name: str) -> Answer:
        self._serving.found(name, Vendor.OPENAI)
        return whole(200, wire.model(name))


def _some(messages: list[Message], param: str) -> list[Message]:
    if not messages:
        raise wrong(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)
    return messages


def _own_wishes(body: Mapping[str, object]) -> Mapping[str, object]:
    own = requests.mapping(body, "simulator")
    refuse_unknown(own)
    return own


def _chat_uses(body: Mapping[str, object]) -> dict[Feature, str]:
    uses = _common_uses(body, "messages")
    if "max_tokens" in body:
        uses[Feature.MAX_TOKENS] = "max_tokens"
    if "reasoning_effort" in body:
        uses[Feature.THINK] = "reasoning_effort"
    return uses


def _responses_uses(body: Mapping[str, object]) -> dict[Feature, str]:
    uses = _common_uses(body, "input")
    if body.get("instructions"):
        uses[Feature.SYSTEM] = "instructions"
    if "max_output_tokens" in body:
        uses[Feature.MAX_TOKENS] = "max_output_tokens"
    if reasoning := requests.mapping(body, "reasoning"):
        uses[Feature.THINK] = f"reasoning.{next(iter(reasoning))}"
    return uses


def _common_uses(body: Mapping[str, object], messages: str) -> dict[Feature, str]:
    uses = {}
    if body.get("stream") is True:
        uses[Feature.STREAM] = "stream"
    if body.get("stream_options"):
        uses[Feature.STREAM_OPTIONS] = "stream_options"
    for key, only in _FIXED.items():
        if body.get(key, only) != only:
            uses[Feature.SAMPLING] = key
    items = body.get(messages)
    for number, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and item.get("role") in ("system", "developer"):
            uses.setdefault(Feature(str(item["role"])), f"{messages}[{number}].role")
    return uses


def _input(body: Mapping[str, object]) -> list[Message]:
    """A text, or items, of which the messages count. The instructions come first."""
    given = body.get("input")
    instructions = body.get("instructions")
    first = [Message(role="system", content=instructions)] if instructions and isinstance(instructions, str) else []
    if isinstance(given, str):
        return [*first, Message(role="user", content=given)] if given else []
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise wrong("Invalid type for 'input': expected a string or an array of items.", code="invalid_type",
                    param="input")  # fmt: skip
    said = [item for item in given if item.get("type", "message") == "message"]
    return [*first, *requests.messages({"input": said}, "input")]


def _echoed(body: Mapping[str, object], reasoning: Mapping[str, object]) -> dict[str, object]:
    """What the response object repeats of its request."""
    return {
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        **{name: body[name] for name in ("temperature", "top_p", "metadata", "user") if body.get(name) is not None},
    }
