"""Anthropic's Messages: the typed events of one message, its plain form, the model list and the error form.

https://docs.anthropic.com/en/docs/build-with-claude/streaming. Signatures and redacted thinking are opaque texts that
say that they are simulated.
"""

import base64
from collections.abc import Sequence
from uuid import uuid4

from arena.contestants.simulator.directions import Directions, Fault, Placement
from arena.contestants.simulator.generation import Generation, Usage
from arena.contestants.simulator.wire import sse
from arena.contestants.simulator.wire.sse import encode, encoded, event

CREATED_AT = "2025-01-15T00:00:00Z"
SIGNATURE = base64.b64encode(b"simulated: signs nothing").decode()
REDACTED = base64.b64encode(b"simulated: hides nothing").decode()
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
PING = event({"type": "ping"}, "ping")


def error(message: str, kind: str, request_id: str) -> bytes:
    words = {"type": kind, "message": message}
    return encoded({"type": "error", "error": words, "request_id": request_id})


def models(names: Sequence[str]) -> bytes:
    listed = [_listed(name) for name in names]
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
    return encoded({"data": listed, "has_more": False} | ends)


def model(name: str) -> bytes:
    return encoded(_listed(name))


class MessageWire:
    """The events of one message."""

    content_type = sse.CONTENT_TYPE

    def __init__(self, model: str, directions: Directions, request_id: str, prompt_tokens: int) -> None:
        self._model = model
        self._directions = directions
        self._request_id = request_id
        self._prompt_tokens = prompt_tokens
        self._id = f"msg_sim_{uuid4().hex}"
        self._index = 0
        self._block = ""  # the type of the open one
        self._before_delta = b""

    def queued(self) -> bytes:
        return b""

    def opening(self) -> bytes:
        message = self._message([], None) | {"usage": _usage(Usage(self._prompt_tokens, 1, 0))}
        if self._directions.fault == Fault.NO_USAGE:
            del message["usage"]
        return event({"type": "message_start", "message": message}, "message_start") + self._redacted()

    def piece(self, text: str, *, is_reasoning: bool) -> bytes:
        kind = "thinking" if is_reasoning else "text"
        opened = b""
        if kind != self._block:
            opened = self._close_block() + self._open_block(kind)
        return b"%b%b%b}}\n\n" % (opened, self._before_delta, encode(text).encode())

    def closing(self, generation: Generation) -> tuple[bytes, ...]:
        usage = {} if self._directions.fault == Fault.NO_USAGE else {"usage": _usage_so_far(generation.usage)}
        delta = {"type": "message_delta", "delta": _stop(generation)} | usage
        return (
            self._close_block() + event(delta, "message_delta"),
            event({"type": "message_stop"}, "message_stop"),
        )

    def whole(self, generation: Generation) -> bytes:
        blocks: list[dict[str, object]] = []
        if self._directions.reasoning == Placement.REDACTED:
            blocks.append({"type": "redacted_thinking", "data": REDACTED})
        if reasoning := generation.reasoning:
            blocks.append({"type": "thinking", "thinking": reasoning, "signature": SIGNATURE})
        if content := generation.content:
            blocks.append({"type": "text", "text": content})
        message = self._message(blocks, None) | _stop(generation)
        if self._directions.fault != Fault.NO_USAGE:
            message["usage"] = _usage(generation.usage)
        return encoded(message)

    def error(self, *, is_overloaded: bool) -> bytes:
        kind, message = ("overloaded_error", "Overloaded") if is_overloaded else ("api_error", "Internal server error")
        return b"event: error\ndata: %b\n\n" % error(message, kind, self._request_id)

    def failed(self) -> bytes:
        return self.error(is_overloaded=False)

    def broken_piece(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'

    def late_null_finish(self) -> bytes:
        """After the stop reason, a `message_delta` without one."""
        delta: dict[str, object] = {"stop_reason": None, "stop_sequence": None}
        return event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 0}}, "message_delta")

    def odd_start(self) -> bytes:
        return sse.odd_start()

    def oddly(self, part: bytes, number: int) -> bytes:
        return sse.oddly(part, number)

    def _redacted(self) -> bytes:
        if self._directions.reasoning != Placement.REDACTED:
            return b""
        block = {"type": "redacted_thinking", "data": REDACTED}
        start = event({"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start")
        self._index += 1
        return start + event({"type": "content_block_stop", "index": 0}, "content_block_stop")

    def _open_block(self, kind: str) -> bytes:
        """The delta that follows has the block's own key: thinking or text."""
        self._block = kind
        head = encode({"type": "content_block_delta", "index": self._index})[:-1]
        self._before_delta = (
            f'event: content_block_delta\ndata: {head},"delta":{{"type":"{kind}_delta","{kind}":'.encode()
        )
        block = {"type": kind, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
        start = {"type": "content_block_start", "index": self._index, "content_block": block}
        ping = b"" if self._index else PING
        return event(start, "content_block_start") + ping

    def _close_block(self) -> bytes:
        if not self._block:
            return b""
        events = b""
        if self._block == "thinking":
            delta = {"type": "signature_delta", "signature": SIGNATURE}
            events = event({"type": "content_block_delta", "index": self._index, "delta": delta}, "content_block_delta")
        events += event({"type": "content_block_stop", "index": self._index}, "content_block_stop")
        self._block = ""
        self._index += 1
        return events

    def _message(self, blocks: list[dict[str, object]], stop_reason: str | None) -> dict[str, object]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": blocks,
            "stop_reason": stop_reason,
            "stop_sequence": None,
        }


def _stop(generation: Generation) -> dict[str, object]:
    reason = "refusal" if generation.is_refusal else _STOP_REASONS[generation.finish_reason]
    stop: dict[str, object] = {"stop_reason": reason, "stop_sequence": None}
    if reason == "refusal":
        stop["stop_details"] = {"type": "refusal", "category": None, "explanation": "This refusal is simulated."}
    return stop


def _usage_so_far(usage: Usage) -> dict[str, object]:
    return {
        "input_tokens": usage.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }


def _usage(usage: Usage) -> dict[str, object]:
    return _usage_so_far(usage) | {
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
    }


def _listed(name: str) -> dict[str, object]:
    title = f"{name} (simulated)"
    return {"type": "model", "id": name, "display_name": title, "created_at": CREATED_AT, "lifecycle": "active"}
