"""The least that each protocol needs: a stream's first piece of text, its end, and how a contestant is asked so.

No Django here: the bench uses it too.
"""

import json
from dataclasses import dataclass

BEGINNING, END = "Two and ", "two make four."


@dataclass(frozen=True)
class Protocol:
    """`begin` and `end` are a whole stream that says BEGINNING and END."""

    provider: str
    path: str
    begin: bytes
    end: bytes

    def fields(self, url: str) -> dict[str, str]:
        """What an entry says of its server."""
        root = "/v1" if self.provider.startswith("openai") else ""
        return {"provider": self.provider, "base_url": f"{url}{root}"}


def _events(*events: object) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)


def _lines(*lines: object) -> bytes:
    return b"".join(b"%b\n" % json.dumps(line).encode() for line in lines)


def _chunk(text: str, finish: str | None = None) -> object:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


def _block(text: str) -> object:
    return {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}


OLLAMA = Protocol(
    "ollama",
    "/api/chat",
    _lines({"message": {"content": BEGINNING}}),
    _lines({"message": {"content": END}, "done": True}),
)
OPENAI = Protocol("openai", "/v1/chat/completions", _events(_chunk(BEGINNING)), _events(_chunk(END, "stop")))
RESPONSES = Protocol(
    "openai-responses",
    "/v1/responses",
    _events({"type": "response.output_text.delta", "delta": BEGINNING}),
    _events(
        {"type": "response.output_text.delta", "delta": END},
        {"type": "response.completed", "response": {"status": "completed"}},
    ),
)
ANTHROPIC = Protocol(
    "anthropic",
    "/v1/messages",
    _events(_block(BEGINNING)),
    _events(_block(END), {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"}),
)
ALL = (OLLAMA, OPENAI, RESPONSES, ANTHROPIC)
BY_PATH = {protocol.path: protocol for protocol in ALL}
