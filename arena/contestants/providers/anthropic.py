"""Anthropic's Messages: typed server-sent events (https://docs.anthropic.com/en/docs/build-with-claude/streaming).

Complete with `message_stop`. Thinking comes in blocks of its own where the entry's options ask for it, for example
`thinking = {type = "enabled", budget_tokens = 8000}`; signatures and redacted thinking are opaque and dropped.
"""

import re
from collections.abc import AsyncGenerator, Mapping

import httpx

from arena.contestants.deltas import Delta, FinishReason
from arena.contestants.providers import refusals
from arena.contestants.providers.call import Call
from arena.contestants.providers.failures import ServerError, is_failure
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
# What replaces a budget where a model takes none any more; by itself such a model does not show what it thinks.
ADAPTIVE = {"type": "adaptive", "display": "summarized"}
_LIMIT = re.compile(r"max_tokens: \d{1,12} > (\d{1,9})\b")
_INPUT_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_RESERVED = ("model", "messages", "system", "stream")


def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
    headers = {"anthropic-version": API_VERSION} | ({"x-api-key": call.api_key} if call.api_key else {})
    request = Request(f"{call.base_url.removesuffix('/v1')}/v1/messages", body(call), headers, call.api_key)
    parser = MessagesStream(opens_with_reasoning=call.opens_with_reasoning)
    return stream_request(client, request, parser, adapt=adapted)


def body(call: Call) -> Body:
    system = "\n\n".join(message["content"] for message in call.messages if message["role"] == "system")
    return {
        "model": call.model,
        "messages": [message for message in call.messages if message["role"] != "system"],
        "stream": True,
        "max_tokens": DEFAULT_MAX_TOKENS + _thinking_budget(call.options),
        **({"system": system} if system else {}),
        **{name: value for name, value in call.options.items() if name not in _RESERVED},
    }


def _thinking_budget(options: Mapping[str, object]) -> int:
    """The limit counts thinking too, and must be above its budget."""
    return as_count(as_dict(options.get("thinking")).get("budget_tokens")) or 0


def adapted(body: Body, error: ServerError) -> Body | None:
    """The request again without what this model refuses. Newer ones decide by themselves how long they think."""
    if not refusals.may_help(error):
        return None
    if limit := _LIMIT.search(error.words):
        return {**body, "max_tokens": int(limit[1])}
    if body["stream"] and refusals.refuses_stream(error):
        return refusals.without_stream(body)
    if "thinking" in body and "thinking.type" in error.words:
        return _thinking_otherwise(body, error)
    if option := refusals.refused_option(body, error, reserved=(*_RESERVED, "max_tokens", "thinking")):
        return refusals.without(body, option)
    if "thinking" in body and "thinking" in error.words:
        return _thinking_otherwise(body, error)
    return refusals.with_system_folded(body) if "system" in error.words and refusals.says_no(error) else None


def _thinking_otherwise(body: Body, error: ServerError) -> Body:
    is_adaptive = as_dict(body["thinking"]).get("type") == "adaptive"
    if "adaptive" in error.words and not is_adaptive:
        return {**body, "thinking": ADAPTIVE}
    return refusals.without(body, "thinking")


class MessagesStream(EventParser):
    """Blocks of text follow each other as in the official client's `get_final_text`; blocks of thinking are paragraphs.

    Blocks of other types (redacted thinking, searches, tools, compactions) hold nothing that is shown.
    """

    def __init__(self, *, opens_with_reasoning: bool = False) -> None:
        super().__init__(opens_with_reasoning=opens_with_reasoning)
        self._stop_reason = FinishReason.STOP
        self._input_counts: dict[str, int] = {}
        self._output_at_start: int | None = None

    def _read_event(self, name: str, event: dict[str, object]) -> None:
        kind = event.get("type") or name
        if kind == "content_block_delta":
            self._read_text_of(as_dict(event.get("delta")))
        elif kind == "content_block_start":
            self._read_block(as_dict(event.get("content_block")))
        elif kind == "message_start":
            self._read_start(as_dict(event.get("message")))
        elif kind == "message_delta":
            self._read_stop_reason(as_dict(event.get("delta")))
            self._read_usage(as_dict(event.get("usage")))
        elif kind == "message_stop":
            if self._usage.output_tokens is None:
                self._count(output_tokens=self._output_at_start)
            self._finish(self._stop_reason)
            self.is_ended = True
        elif kind == "error" or is_failure(event):
            raise failure(event)

    def _read_whole(self, body: dict[str, object]) -> None:
        if body.get("type") == "message" and body.get("stop_reason"):
            self._read_message(body)
            self._read_usage(as_dict(body.get("usage")))
            self._finish(self._stop_reason)

    def _read_start(self, message: dict[str, object]) -> None:
        """The output count of the start is no more than a beginning: a stream that is cut off leaves it unknown."""
        usage = as_dict(message.get("usage"))
        self._output_at_start = as_count(usage.get("output_tokens"))
        self._read_usage({name: count for name, count in usage.items() if name != "output_tokens"})
        self._read_message(message)

    def _read_message(self, message: dict[str, object]) -> None:
        for block in map(as_dict, as_list(message.get("content"))):
            self._read_block(block)
        self._read_stop_reason(message)

    def _read_stop_reason(self, message: dict[str, object]) -> None:
        if reason := message.get("stop_reason"):
            self._stop_reason = _REASONS.get(as_text(reason), FinishReason.OTHER)

    def _read_block(self, block: dict[str, object]) -> None:
        if block.get("type") == "thinking":
            self.text.new_part()
        self._read_text_of(block)

    def _read_text_of(self, block: dict[str, object]) -> None:
        """A block at its start, a delta of one, and a whole one have the same keys."""
        if text := block.get("text"):
            self.text.content(as_text(text))
        elif thinking := block.get("thinking"):
            self.text.reasoning(as_text(thinking))

    def _read_usage(self, usage: dict[str, object]) -> None:
        """Counts are cumulative. What was read from the vendor's cache was sent all the same."""
        for name in _INPUT_COUNTS:
            if count := as_count(usage.get(name)):
                self._input_counts[name] = count
        self._count(
            input_tokens=sum(self._input_counts.values()) or None,
            output_tokens=as_count(usage.get("output_tokens")),
            reasoning_tokens=as_count(as_dict(usage.get("output_tokens_details")).get("thinking_tokens")),
            cached_input_tokens=as_count(usage.get("cache_read_input_tokens")),
            cache_write_tokens=as_count(usage.get("cache_creation_input_tokens")),
            cost_usd=reported_cost_usd(usage),
        )
