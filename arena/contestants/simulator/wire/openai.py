"""OpenAI chat completions: server-sent events, their plain form, the model list and the error form."""

from collections.abc import Sequence
from time import time
from uuid import uuid4

from arena.contestants.simulator.directions import Fault, Placement
from arena.contestants.simulator.generation import Generation
from arena.contestants.simulator.wire import sse
from arena.contestants.simulator.wire.sse import encoded, event

CREATED = 1_736_899_200
SERVER_ERROR = "The server had an error while processing your request. Sorry about that!"
OVERLOADED = "The engine is currently overloaded, please try again later"


def error(message: str, kind: str, code: str | None, param: str | None = None) -> bytes:
    return encoded({"error": {"message": message, "type": kind, "param": param, "code": code}})


def models(names: Sequence[str]) -> bytes:
    return encoded({"object": "list", "data": [_listed(name) for name in names]})


def model(name: str) -> bytes:
    return encoded(_listed(name))


class ChatWire:
    """The chunks of one chat completion."""

    content_type = sse.CONTENT_TYPE

    def __init__(self, model: str, placement: Placement, *, includes_usage: bool, is_refusal: bool = False) -> None:
        self._model = model
        self._id = f"chatcmpl-{uuid4().hex}"
        self._created = int(time())
        self._includes_usage = includes_usage
        self._field = "reasoning" if placement == Placement.ALTERNATIVE else "reasoning_content"
        text = "refusal" if is_refusal else "content"
        head = sse.encode(self._frame("chat.completion.chunk"))[:-1]
        self._before_content = f'data: {head},"choices":[{{"index":0,"delta":{{"{text}":'.encode()
        self._before_reasoning = f'data: {head},"choices":[{{"index":0,"delta":{{"{self._field}":'.encode()
        self._after = b'},"finish_reason":null}]%b}\n\n' % (b',"usage":null' if includes_usage else b"")

    def queued(self) -> bytes:
        return b""

    def opening(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""}, None)

    def piece(self, text: str, *, is_reasoning: bool) -> bytes:
        before = self._before_reasoning if is_reasoning else self._before_content
        return before + sse.encode(text).encode() + self._after

    def closing(self, generation: Generation) -> tuple[bytes, ...]:
        parts = [self._chunk({}, generation.finish_reason)]
        if self._includes_usage and generation.directions.fault != Fault.NO_USAGE:
            parts.append(event(self._frame("chat.completion.chunk") | {"choices": [], "usage": _usage(generation)}))
        return (*parts, b"data: [DONE]\n\n")

    def whole(self, generation: Generation) -> bytes:
        message: dict[str, object] = {"role": "assistant", "content": generation.content, "refusal": None}
        if generation.is_refusal:
            message |= {"content": None, "refusal": generation.content}
        if generation.reasoning:
            message[self._field] = generation.reasoning
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": generation.finish_reason}
        usage = {} if generation.directions.fault == Fault.NO_USAGE else {"usage": _usage(generation)}
        return encoded(self._frame("chat.completion") | {"choices": [choice]} | usage)

    def error(self, *, is_overloaded: bool) -> bytes:
        message, code = (OVERLOADED, "overloaded") if is_overloaded else (SERVER_ERROR, None)
        return b"data: %b\n\n" % error(message, "server_error", code)

    def failed(self) -> bytes:
        """As OpenRouter puts it."""
        words = {"code": 502, "message": SERVER_ERROR}
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": words}
        return event(self._frame("chat.completion.chunk") | {"choices": [choice], "error": words})

    def broken_piece(self) -> bytes:
        return b'data: {"id":"chatcmpl-0","choices":[{"index":0,"delta":{"con\n\n'

    def late_null_finish(self) -> bytes:
        return self._chunk({}, None)

    def odd_start(self) -> bytes:
        return sse.odd_start()

    def oddly(self, part: bytes, number: int) -> bytes:
        return sse.oddly(part, number)

    def _frame(self, kind: str) -> dict[str, object]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": "fp_simulator",
        }

    def _chunk(self, delta: dict[str, object], finish_reason: str | None) -> bytes:
        usage = {"usage": None} if self._includes_usage else {}
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return event(self._frame("chat.completion.chunk") | {"choices": [choice]} | usage)


def _usage(generation: Generation) -> dict[str, object]:
    usage = generation.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _listed(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "simulator"}
