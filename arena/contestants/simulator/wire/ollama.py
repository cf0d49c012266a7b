"""Ollama's NDJSON, in the form its Go server writes: raw UTF-8, with <, > and & escaped."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from time import time

from arena.contestants.simulator.generation import Generation, Usage

CONTENT_TYPE = "application/x-ndjson"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_NEEDS_ESCAPES = re.compile("[<>&\u2028\u2029]")
_ESCAPES = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def encoded(value: object) -> bytes:
    """`value` as JSON. Lone surrogates, which have no UTF-8, become escapes."""
    text = _encode(value)
    if _NEEDS_ESCAPES.search(text):
        text = text.translate(_ESCAPES)
    return text.encode("utf-8", "backslashreplace")


def line(value: Mapping[str, object]) -> bytes:
    return encoded(value) + b"\n"


def error(message: str) -> bytes:
    return encoded({"error": message})


def timestamp(at: float | None = None) -> str:
    return datetime.fromtimestamp(time() if at is None else at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _stamp() -> bytes:
    return _stamp_of(int(time() * 1000))


@lru_cache(maxsize=1)
def _stamp_of(now_ms: int) -> bytes:
    """Tokens that leave in the same millisecond share their stamp: formatting it costs more than the rest of a line."""
    return timestamp(now_ms / 1000).encode()


class ChatWire:
    """The lines of one `/api/chat` stream."""

    content_type = CONTENT_TYPE

    def __init__(self, model: str) -> None:
        self._model = model
        self._began = time()
        self._head = b'{"model":%b,"created_at":"' % encoded(model)

    def opening(self) -> bytes:
        return b""

    def piece(self, text: str, *, is_reasoning: bool) -> bytes:
        content = b'"","thinking":' + encoded(text) if is_reasoning else encoded(text)
        return b'%b%b","message":{"role":"assistant","content":%b},"done":false}\n' % (self._head, _stamp(), content)

    def closing(self, generation: Generation) -> tuple[bytes, ...]:
        return (line(self._last("", "", generation)),)

    def whole(self, generation: Generation) -> bytes:
        return encoded(self._last(generation.content, generation.reasoning, generation))

    def error(self) -> bytes:
        return line({"error": "an error was encountered while running the model: unexpected EOF"})

    def broken_piece(self) -> bytes:
        return b'{"model":"x","message":{"role":"assist\n'

    def late_null_finish(self) -> bytes:
        return self.piece("", is_reasoning=False)

    def odd_start(self) -> bytes:
        return b"\n"

    def oddly(self, part: bytes, number: int) -> bytes:
        return (part, part.replace(b"\n", b"\r\n"), b"\n" + part)[number % 3]

    def _last(self, content: str, thinking: str, generation: Generation) -> dict[str, object]:
        message = {"role": "assistant", "content": content} | ({"thinking": thinking} if thinking else {})
        return {
            "model": self._model,
            "created_at": timestamp(),
            "message": message,
            "done": True,
            "done_reason": generation.finish_reason,
        } | ({} if generation.directions.fault == "no-usage" else _measures(self._began, generation.usage))


def loaded(model: str) -> bytes:
    """The answer to a chat without messages: it only loads."""
    message = {"role": "assistant", "content": ""}
    return encoded({"model": model, "created_at": timestamp(), "message": message, "done_reason": "load", "done": True})


@dataclass(frozen=True, slots=True)
class Served:
    """A model as the lists show it."""

    name: str
    can_think: bool


def tags(models: Sequence[Served]) -> bytes:
    return encoded({"models": [_listed(model) for model in models]})


def ps(models: Sequence[Served]) -> bytes:
    expires = timestamp(time() + 300)
    running = [_listed(model) | {"expires_at": expires, "size_vram": 0, "context_length": 32_768} for model in models]
    return encoded({"models": running})


def show(model: Served) -> bytes:
    return encoded(
        {
            "license": "Apache-2.0",
            "modelfile": f"FROM {model.name}",
            "parameters": "",
            "template": "{{ .Prompt }}",
            "details": _DETAILS,
            "model_info": {"general.architecture": "simulator", "simulator.context_length": 32_768},
            "capabilities": ["completion", *(["thinking"] if model.can_think else [])],
            "modified_at": _MODIFIED_AT,
        }
    )


def pulled(model: str) -> bytes:
    digest = _digest(model)
    steps: list[dict[str, object]] = [
        {"status": "pulling manifest"},
        {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": 1000, "completed": 1000},
        {"status": "success"},
    ]
    return b"".join(map(line, steps))


def _listed(model: Served) -> dict[str, object]:
    name = model.name if ":" in model.name else f"{model.name}:latest"
    return {
        "name": name,
        "model": name,
        "modified_at": _MODIFIED_AT,
        "size": 1000,
        "digest": _digest(model.name),
        "details": _DETAILS,
    }


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _measures(began: float, usage: Usage) -> dict[str, object]:
    total_ns = int((time() - began) * 1e9)
    return {
        "total_duration": total_ns,
        "load_duration": 1_000_000,
        "prompt_eval_count": usage.prompt_tokens,
        "prompt_eval_duration": 1_000_000,
        "eval_count": usage.completion_tokens,
        "eval_duration": max(0, total_ns - 2_000_000),
    }


_MODIFIED_AT = "2025-01-15T00:00:00Z"
_DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "simulator",
    "families": ["simulator"],
    "parameter_size": "0B",
    "quantization_level": "F16",
}
