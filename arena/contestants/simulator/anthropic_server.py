"""The calls of Anthropic's API: messages, counting their tokens, the list of models."""

from collections.abc import Mapping
from uuid import uuid4

from arena.contestants.simulator import requests
from arena.contestants.simulator.connection import Answer, Headers, Request, whole
from arena.contestants.simulator.directions import Directions, refuse_unknown
from arena.contestants.simulator.generation import Message, Wire, count_tokens
from arena.contestants.simulator.refusals import Feature, Vendor
from arena.contestants.simulator.requests import Refusal, content, wrong
from arena.contestants.simulator.scheduling import Place
from arena.contestants.simulator.serving import Ask, Serving
from arena.contestants.simulator.wire import anthropic as wire
from arena.contestants.simulator.wire.sse import encoded

VERSION_HEADER = "anthropic-version"
PATH = "/v1/messages"
SMALL_MAX_TOKENS = 4096
THINKING_MIN_TOKENS = 1024
_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large"}


class AnthropicServer:
    """Answers at `/v1/messages`, and at `/v1/models` to those who send `anthropic-version`."""

    vendor = Vendor.ANTHROPIC

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def refused(self, refusal: Refusal) -> Answer:
        """The request's id is in the header and in the body."""
        [(name, request_id)] = headers = self.headers()
        kind = _TYPES.get(refusal.status, refusal.kind) if refusal.kind == "invalid_request_error" else refusal.kind
        body = wire.error(refusal.message, kind, request_id)
        return whole(refusal.status, body, "application/json", *headers, *refusal.headers)

    def headers(self) -> Headers:
        return (("request-id", f"req_sim_{uuid4().hex}"),)

    def unsupported(self, feature: Feature, ask: Ask) -> Refusal:
        match feature:
            case Feature.MAX_TOKENS:
                return Refusal(
                    400,
                    f"max_tokens: {ask.token_limit} > {SMALL_MAX_TOKENS}, which is the maximum allowed number of "
                    f"output tokens for {ask.model}",
                )
            case Feature.THINK:
                return Refusal(400, f"'{ask.model}' does not support thinking.")
            case Feature.SYSTEM:
                return Refusal(400, "system: system prompts are not supported by this model.")
        return Refusal(400, f"{ask.uses[feature]}: '{ask.uses[feature]}' does not support true with this model.")

    def messages(self, request: Request) -> Answer:
        _check_version(request)
        body = requests.json_object(request.body)
        own = requests.mapping(body, "simulator")
        refuse_unknown(own)
        ask = Ask(
            _required(body, "model"),
            _said(body),
            is_streamed=body.get("stream") is True,
            wishes=(own,),
            uses=_uses(body),
            key=request.headers.get("x-api-key", "") or requests.bearer(request.headers),
            token_limit=_token_limit(body),
            thinks=requests.mapping(body, "thinking").get("type") != "disabled",
        )
        return self._serving.answer(ask, _Speech(self))

    def count_tokens(self, request: Request) -> Answer:
        _check_version(request)
        body = requests.json_object(request.body)
        self._serving.found(_required(body, "model"), self.vendor)
        return whole(200, encoded({"input_tokens": count_tokens(_said(body))}), "application/json", *self.headers())

    def models(self, request: Request) -> Answer:
        return whole(200, wire.models(self._serving.lineup.names()), "application/json", *self.headers())

    def model(self, name: str) -> Answer:
        self._serving.found(name, self.vendor)
        return whole(200, wire.model(name), "application/json", *self.headers())


class _Speech:
    """One request and its id."""

    vendor = Vendor.ANTHROPIC

    def __init__(self, server: AnthropicServer) -> None:
        self.refused = server.refused
        self.unsupported = server.unsupported
        self._headers = server.headers()

    def headers(self) -> Headers:
        return self._headers

    def writer(self, ask: Ask, directions: Directions, place: Place) -> Wire:
        return wire.MessageWire(ask.model, directions, self._headers[0][1], count_tokens(ask.messages))


def _check_version(request: Request) -> None:
    if VERSION_HEADER not in request.headers:
        raise wrong(f"{VERSION_HEADER}: header is required")


def _required(body: Mapping[str, object], name: str) -> str:
    if name not in body:
        raise wrong(f"{name}: Field required")
    return requests.text(body, name)


def _said(body: Mapping[str, object]) -> list[Message]:
    """The conversation, with the system text first."""
    if "messages" not in body:
        raise wrong("messages: Field required")
    messages = requests.messages(body)
    if not messages:
        raise wrong("messages: at least one message is required")
    for number, message in enumerate(messages):
        if message["role"] not in ("user", "assistant"):
            raise wrong(
                f'messages.{number}.role: Unexpected role "{message["role"]}". The Messages API accepts a top-level '
                "`system` parameter, not one as an input message role."
            )
    system = content(body.get("system"), "system")
    return [Message(role="system", content=system), *messages] if system else messages


def _token_limit(body: Mapping[str, object]) -> int:
    if "max_tokens" not in body:
        raise wrong("max_tokens: Field required")
    limit = requests.count(body, "max_tokens")
    thinking = requests.mapping(body, "thinking")
    if limit is None:
        raise wrong("max_tokens: Input should be a valid integer")
    if thinking.get("type") == "enabled":
        budget = thinking.get("budget_tokens")
        if not isinstance(budget, int) or budget < THINKING_MIN_TOKENS:
            raise wrong(
                f"thinking.enabled.budget_tokens: Input should be greater than or equal to {THINKING_MIN_TOKENS}"
            )
        if budget >= limit:
            raise wrong("`max_tokens` must be greater than `thinking.budget_tokens`.")
    return limit


def _uses(body: Mapping[str, object]) -> dict[Feature, str]:
    uses = {}
    if body.get("stream") is True:
        uses[Feature.STREAM] = "stream"
    if body.get("system"):
        uses[Feature.SYSTEM] = "system"
    if requests.mapping(body, "thinking").get("type") not in (None, "disabled"):
        uses[Feature.THINK] = "thinking"
    limit = body.get("max_tokens")
    if isinstance(limit, int) and limit > SMALL_MAX_TOKENS:
        uses[Feature.MAX_TOKENS] = "max_tokens"
    return uses
