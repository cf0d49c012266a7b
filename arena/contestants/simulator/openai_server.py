"""The calls of an OpenAI-compatible chat server: chat completions and the list of models."""

from collections.abc import Mapping
from urllib.parse import unquote

from arena.contestants.simulator import faults, requests
from arena.contestants.simulator.connection import Answer, Request, streamed, whole
from arena.contestants.simulator.directions import directed, refuse_unknown
from arena.contestants.simulator.generation import Message, count_tokens, generate
from arena.contestants.simulator.lineup import Lineup, SimulatedModel, UnknownModel
from arena.contestants.simulator.requests import Refused
from arena.contestants.simulator.wire import openai as wire

MODELS_PATH = "/v1/models/"


class OpenAIServer:
    """Answers under `/v1/`."""

    def __init__(self, lineup: Lineup) -> None:
        self._lineup = lineup
        self.routes = {("POST", "/v1/chat/completions"): self.chat, ("GET", "/v1/models"): self.models}

    def refused(self, error: Refused) -> Answer:
        return whole(error.status, wire.error(error.message, error.kind, error.code, error.param))

    def chat(self, request: Request) -> Answer:
        body = requests.json_object(request.body)
        model = requests.text(body, "model")
        found, wishes = self._find(model)
        messages = requests.messages(body)
        if not messages:
            raise Refused(400, "Missing required parameter: 'messages'.", code="missing_required_parameter",
                          param="messages")  # fmt: skip
        own = requests.mapping(body, "simulator")
        refuse_unknown(own)
        directions = directed(found.defaults, wishes, own)
        _keep_rules(directions.rules, body, messages)
        is_streamed = body.get("stream") is True
        instead = faults.instead(
            directions.fault, is_streamed=is_streamed, refused=_refusal, content_type=wire.CONTENT_TYPE
        )
        if instead:
            return instead
        generation = generate(
            found.write(messages, directions),
            directions,
            prompt_tokens=count_tokens(messages),
            token_limit=_limit(body),
        )
        wants_usage = requests.mapping(body, "stream_options").get("include_usage") is True
        writer = wire.ChatWire(model, directions.reasoning, includes_usage=wants_usage)
        if is_streamed:
            return streamed(faults.in_stream(generation, writer), wire.CONTENT_TYPE)
        return faults.in_one_piece(generation, writer.whole(generation))

    def models(self, request: Request) -> Answer:
        return whole(200, wire.models(self._lineup.names()))

    def model(self, request: Request) -> Answer:
        name = unquote(request.path.removeprefix(MODELS_PATH))
        self._find(name)
        return whole(200, wire.model(name))

    def _find(self, model: str) -> tuple[SimulatedModel, dict[str, object]]:
        try:
            return self._lineup.find(model)
        except UnknownModel:
            raise Refused(
                404, f"The model `{model}` does not exist or you do not have access to it.", code="model_not_found"
            ) from None


def _refusal(refusal: faults.Refusal) -> Answer:
    body = wire.error(refusal.message, refusal.type, refusal.code)
    return whole(refusal.status, body, "application/json", *refusal.headers)


def _limit(body: Mapping[str, object]) -> int | None:
    for key in ("max_completion_tokens", "max_tokens"):
        limit = body.get(key)
        if limit is not None:
            if not isinstance(limit, int) or limit < 1:
                raise Refused(400, f"Invalid '{key}': expected a positive integer.", code="invalid_type", param=key)
            return limit
    return None


_FIXED = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}


def _keep_rules(rules: str, body: Mapping[str, object], messages: list[Message]) -> None:
    """Refuse what the named API refuses."""
    if not rules:
        return
    if "max_tokens" in body:
        raise Refused(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            code="unsupported_parameter",
            param="max_tokens",
        )
    for key, only in _FIXED.items():
        if body.get(key, only) != only:
            message = f"Unsupported value: '{key}' does not support this value with this model."
            raise Refused(400, message, code="unsupported_value", param=key)
    if rules != "o1":
        _keep_preview_rules(body, messages)


def _keep_preview_rules(body: Mapping[str, object], messages: list[Message]) -> None:
    """o1-preview and o1-mini know neither system nor developer messages, nor an effort."""
    if "reasoning_effort" in body:
        message = "Unsupported parameter: 'reasoning_effort' is not supported with this model."
        raise Refused(400, message, code="unsupported_parameter", param="reasoning_effort")
    for number, item in enumerate(messages):
        if item["role"] in ("system", "developer"):
            where = f"messages[{number}].role"
            text = f"Unsupported value: '{where}' does not support '{item['role']}' with this model."
            raise Refused(400, text, code="unsupported_value", param=where)
