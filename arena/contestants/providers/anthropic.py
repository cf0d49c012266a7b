"""Anthropic's Messages: typed server-sent events (https://docs.anthropic.com/en/docs/build-with-claude/streaming).

Complete with `message_stop`. Thinking comes in blocks of its own where the entry's options ask for it, for example
`thinking = {type = "enabled", budget_tokens = 8000}`; signatures and redacted thinking are opaque and dropped.
"""

from collections.abc import AsyncGenerator

import httpx

from arena.contestants.deltas import Delta, FinishReason
from arena.contestants.providers.call import Call
from arena.contestants.providers.http import Body, Request, stream_request
from arena.contestants.providers.parsing import EventParser, failure
from arena.contestants.providers.reported_cost import reported_cost_usd
from arena.contestants.providers.values import as_count, as_dict, as_list, as_text

API_VERSION = "2023-06-01"
# The protocol demands a limit. This is what the smallest Claude still served takes.
DEFAULT_MAX_TOKENS = 8192

_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "refusal": FinishReason.CONTENT_FILTER,
}
_RESERVED = ("model", "messages", "system", "stream")


def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
    headers = {"anthropic-version": API_VERSION} | ({"x-api-key": call.api_key} if call.api_key else {})
    request = Request(f"{call.base_url.removesuffix('/v1')}/v1/messages", body(call), headers, call.api_key)
    return stream_request(client, request, MessagesStream(opens_with_reasoning=call.opens_with_reasoning))


def body(call: Call) -> Body:
    system = "\n\n".join(message["content"] for message in call.messages if message["role"] == "system")
    return {
        "model": call.model,
        "messages": [message for message in call.messages if message["role"] != "system"],
        "stream": True,
        "max_tokens": DEFAULT_MAX_TOKENS,
        **({"system": system} if system else {}),
        **{name: value for name, value in call.options.items() if name not in _RESERVED},
    }


class MessagesStream(EventParser):
    def __init__(self, *, opens_with_reasoning: bool = False) -> None:
        super().__init__(opens_with_reasoning=opens_with_reasoning)
        self._stop_reason = FinishReason.STOP
        self._output_at_start: int | None = None

    def _read_event(self, name: str, event: dict[str, object]) -> None:
        kind = event.get("type") or name
        if kind == "content_block_delta":
            self._read_block(as_dict(event.get("delta")))
        elif kind == "content_block_start":
            self._read_block(as_dict(event.get("content_block")))
        elif kind == "message_start":
            self._read_first_usage(as_dict(as_dict(event.get("message")).get("usage")))
        elif kind == "message_delta":
            if reason := as_dict(event.get("delta")).get("stop_reason"):
                self._stop_reason = _REASONS.get(as_text(reason), FinishReason.OTHER)
            self._read_usage(as_dict(event.get("usage")))
        elif kind == "message_stop":
            if self._usage.output_tokens is None:
                self._count(output_tokens=self._output_at_start)
            self._finish(self._stop_reason)
            self.is_ended = True
        elif kind == "error" or event.get("error"):
            raise failure(event)

    def _read_whole(self, body: dict[str, object]) -> None:
        if body.get("type") == "message" and body.get("stop_reason"):
            for block in map(as_dict, as_list(body.get("content"))):
                self._read_block(block)
            self._read_usage(as_dict(body.get("usage")))
            self._finish(_REASONS.get(as_text(body.get("stop_reason")), FinishReason.OTHER))

    def _read_block(self, block: dict[str, object]) -> None:
        """A block at its start, a delta of one, and a whole one have the same keys."""
        if text := block.get("text"):
            self.text.content(as_text(text))
        elif thinking := block.get("thinking"):
            self.text.reasoning(as_text(thinking))

    def _read_first_usage(self, usage: dict[str, object]) -> None:
        """The output count of the start is no more than a beginning: a stream that is cut off leaves it unknown."""
        self._output_at_start = as_count(usage.get("output_tokens"))
        self._read_usage({name: count for name, count in usage.items() if name != "output_tokens"})

    def _read_usage(self, usage: dict[str, object]) -> None:
        """Counts are cumulative. What was read from the vendor's cache was sent all the same."""
        fresh = as_count(usage.get("input_tokens"))
        read, written = (as_count(usage.get(f"cache_{kind}_input_tokens")) for kind in ("read", "creation"))
        self._count(
            input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
            output_tokens=as_count(usage.get("output_tokens")),
            reasoning_tokens=as_count(as_dict(usage.get("output_tokens_details")).get("thinking_tokens")),
            cached_input_tokens=read,
            cache_write_tokens=written,
            cost_usd=reported_cost_usd(usage),
        )
