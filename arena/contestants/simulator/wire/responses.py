"""OpenAI's Responses: the typed events of one response, and the response object.

The order and the fields are those of https://platform.openai.com/docs/api-reference/responses-streaming and of the
official SDK's types. Reasoning comes as summaries, a part for each paragraph, or as `reasoning_text`, as servers with
open weights send it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import time
from uuid import uuid4

from arena.contestants.simulator.directions import Directions, Fault, Placement
from arena.contestants.simulator.generation import Generation
from arena.contestants.simulator.wire import sse
from arena.contestants.simulator.wire.openai import OVERLOADED, SERVER_ERROR
from arena.contestants.simulator.wire.sse import encode, event

SEAM = "\n\n"  # between the parts of a summary
PIECES_KEPT = 1_000_000  # of an item's text; only a response that never ends has more


@dataclass(frozen=True, slots=True)
class _Part:
    """What is said of a part of an item: its type, the names of its text and its index, and its own events."""

    kind: str
    text_key: str
    index_key: str
    delta: str
    done: str
    part_events: str


_SUMMARY = _Part(
    "summary_text",
    "text",
    "summary_index",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part",
)
_REASONING = _Part(
    "reasoning_text",
    "text",
    "content_index",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.content_part",
)
_TEXT = _Part(
    "output_text",
    "text",
    "content_index",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part",
)
_REFUSAL = _Part(
    "refusal", "refusal", "content_index", "response.refusal.delta", "response.refusal.done", "response.content_part",
)  # fmt: skip


class _Item:
    """One item of the output while it is written."""

    def __init__(self, *, is_reasoning: bool, part: _Part) -> None:
        self.is_reasoning = is_reasoning
        self.part = part
        self.id = f"{'rs' if is_reasoning else 'msg'}_{uuid4().hex}"
        self.texts: list[str] = []  # of the parts that are done
        self.pieces: list[str] = []  # of the part that is open
        self.is_open = False

    def told(self, status: str) -> dict[str, object]:
        parts = [_part(self.part, text) for text in self.texts]
        if not self.is_reasoning:
            return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": parts}
        item: dict[str, object] = {"id": self.id, "type": "reasoning", "summary": []}
        return item | ({"summary": parts} if self.part is _SUMMARY else {"content": parts})


class ResponseWire:
    """The events of one response."""

    content_type = sse.CONTENT_TYPE

    def __init__(self, model: str, directions: Directions, echoed: Mapping[str, object]) -> None:
        self._echoed = echoed
        self._is_refusal = directions.fault == Fault.REFUSAL
        self._reasoning = _REASONING if directions.reasoning == Placement.ALTERNATIVE else _SUMMARY
        self._hides = directions.reasoning in (Placement.HIDDEN, Placement.REDACTED)
        self._frame = {
            "id": f"resp_{uuid4().hex}",
            "object": "response",
            "created_at": int(time()),
            "model": model,
        }
        self._number = 0
        self._was_queued = False
        self._item: _Item | None = None
        self._done: list[dict[str, object]] = []
        self._before_delta = b""
        self._after_delta = b""

    def queued(self) -> bytes:
        self._was_queued = True
        return self._state("response.created", "queued") + self._state("response.queued", "queued")

    def opening(self) -> bytes:
        created = b"" if self._was_queued else self._state("response.created", "in_progress")
        return created + self._state("response.in_progress", "in_progress")

    def piece(self, text: str, *, is_reasoning: bool) -> bytes:
        opened = b""
        item = self._item
        if item is None or item.is_reasoning != is_reasoning:
            opened = self._close_item("completed") + self._open_item(is_reasoning=is_reasoning)
            item = self._item
            assert item
        if item.part is _SUMMARY and text == SEAM and item.is_open and item.pieces:
            return opened + self._close_part()
        if not item.is_open:
            opened += self._open_part()
        if len(item.pieces) < PIECES_KEPT:
            item.pieces.append(text)
        number = self._number
        self._number += 1
        return b"%b%b%d%b%b}\n\n" % (opened, self._before_delta, number, self._after_delta, encode(text).encode())

    def closing(self, generation: Generation) -> tuple[bytes, ...]:
        status = "completed" if generation.finish_reason == "stop" else "incomplete"
        events = self._close_item(status)
        if self._hides and generation.usage.reasoning_tokens and not self._done:
            events += self._unseen_reasoning()
        return (events + self._state(f"response.{status}", status, generation),)

    def whole(self, generation: Generation) -> bytes:
        """The events are written and thrown away: the response object is what they add up to."""
        for piece in generation.pieces:
            self.piece(piece.text, is_reasoning=piece.is_reasoning)
        self.closing(generation)
        status = "completed" if generation.finish_reason == "stop" else "incomplete"
        return sse.encoded(self._response(status, generation))

    def error(self, *, is_overloaded: bool) -> bytes:
        code, message = ("server_is_overloaded", OVERLOADED) if is_overloaded else ("server_error", SERVER_ERROR)
        return self._event({"type": "error", "code": code, "message": message, "param": None})

    def failed(self) -> bytes:
        response = self._response("failed") | {"error": {"code": "server_error", "message": SERVER_ERROR}}
        return self._event({"type": "response.failed", "response": response})

    def broken_piece(self) -> bytes:
        return b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","del\n\n'

    def late_null_finish(self) -> bytes:
        return self._state("response.in_progress", "in_progress")

    def odd_start(self) -> bytes:
        return sse.odd_start()

    def oddly(self, part: bytes, number: int) -> bytes:
        return sse.oddly(part, number)

    # --- items and their parts

    def _open_item(self, *, is_reasoning: bool) -> bytes:
        events = b""
        if self._hides and not is_reasoning and not self._done:
            events = self._unseen_reasoning()
        text = _REFUSAL if self._is_refusal else _TEXT
        item = self._item = _Item(is_reasoning=is_reasoning, part=self._reasoning if is_reasoning else text)
        return events + self._event(
            {"type": "response.output_item.added", "output_index": len(self._done), "item": item.told("in_progress")}
        )

    def _close_item(self, status: str) -> bytes:
        item = self._item
        if item is None:
            return b""
        events = self._close_part() if item.is_open else b""
        told = item.told(status)
        events += self._event({"type": "response.output_item.done", "output_index": len(self._done), "item": told})
        self._done.append(told)
        self._item = None
        return events

    def _unseen_reasoning(self) -> bytes:
        """What o-series models do: an item that says that they reasoned, and nothing of it."""
        told = _Item(is_reasoning=True, part=_SUMMARY).told("")
        place = {"output_index": len(self._done), "item": told}
        self._done.append(told)
        return self._event({"type": "response.output_item.added"} | place) + self._event(
            {"type": "response.output_item.done"} | place
        )

    def _open_part(self) -> bytes:
        item = self._item
        assert item
        item.is_open = True
        part = item.part
        where = self._where(item)
        logprobs: dict[str, object] = {"logprobs": []} if part is _TEXT else {}
        head = encode({"type": part.delta} | where | logprobs)[:-1]
        self._before_delta = f'event: {part.delta}\ndata: {head},"sequence_number":'.encode()
        self._after_delta = b',"delta":'
        return self._event({"type": f"{part.part_events}.added"} | where | {"part": _part(part, "")})

    def _close_part(self) -> bytes:
        item = self._item
        assert item
        part, where, text = item.part, self._where(item), "".join(item.pieces)
        item.texts.append(text)
        item.pieces, item.is_open = [], False
        logprobs: dict[str, object] = {"logprobs": []} if part is _TEXT else {}
        return self._event({"type": part.done} | where | {part.text_key: text} | logprobs) + self._event(
            {"type": f"{part.part_events}.done"} | where | {"part": _part(part, text)}
        )

    def _where(self, item: _Item) -> dict[str, object]:
        return {"item_id": item.id, "output_index": len(self._done), item.part.index_key: len(item.texts)}

    # --- the response object

    def _state(self, kind: str, status: str, generation: Generation | None = None) -> bytes:
        return self._event({"type": kind, "response": self._response(status, generation)})

    def _response(self, status: str, generation: Generation | None = None) -> dict[str, object]:
        reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
        reason = reasons.get(generation.finish_reason) if generation else None
        return self._frame | {
            "status": status,
            "completed_at": int(time()) if status == "completed" else None,
            "error": None,
            "incomplete_details": {"reason": reason} if reason else None,
            "output": list(self._done),
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "truncation": "disabled",
            "text": {"format": {"type": "text"}},
            "usage": _usage(generation) if generation else None,
            "user": None,
            "metadata": {},
            **self._echoed,
        }

    def _event(self, value: dict[str, object]) -> bytes:
        number = self._number
        self._number += 1
        kind = str(value["type"])
        return event({"type": kind, "sequence_number": number} | value, kind)


def _part(part: _Part, text: str) -> dict[str, object]:
    more: dict[str, object] = {"annotations": [], "logprobs": []} if part is _TEXT else {}
    return {"type": part.kind, part.text_key: text} | more


def _usage(generation: Generation) -> dict[str, object] | None:
    if generation.directions.fault == Fault.NO_USAGE:
        return None
    usage = generation.usage
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
