"""Ollama's NDJSON, in the form its Go server writes: raw UTF-8, with <, > and & escaped."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from time import time

from arena.contestants.simulator.directions import Fault
from arena.contestants.simulator.generation import Generation, Usage
from arena.contestants.simulator.scheduling import Place, Running

CONTENT_TYPE = "application/x-ndjson"
RUNNER_FAILED = "an error was encountered while running the model: unexpected EOF"
OVERLOADED = "server busy, please try again.  maximum pending requests exceeded"
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

    def __init__(self, model: str, place: Place) -> None:
        self._model = model
        self._place = place
        self._began = time()
        self._head = b'{"model":%b,"created_at":"' % encoded(model)

    def queued(self) -> bytes:
        return b""

    def opening(self) -> bytes:
        return b""

    def piece(self, text: str, *, is_reasoning: bool) -> bytes:
        content = b'"","thinking":' + encoded(text) if is_reasoning else encoded(text)
        return b'%b%b","message":{"role":"assistant","content":%b},"done":false}\n' % (self._head, _stamp(), content)

    def closing(self, generation: Generation) -> tuple[bytes, ...]:
        return (line(self._last("", "", generation)),)

    def whole(self, generation: Generation) -> bytes:
        return encoded(self._last(generation.content, generation.reasoning, generation))

    def error(self, *, is_overloaded: bool) -> bytes:
        return line({"error": OVERLOADED if is_overloaded else RUNNER_FAILED})

    def failed(self) -> bytes:
        return line({"error": RUNNER_FAILED})

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
        has_usage = generation.directions.fault != Fault.NO_USAGE
        return {
            "model": self._model,
            "created_at": timestamp(),
            "message": message,
            "done": True,
            "done_reason": generation.finish_reason,
        } | (_measures(self._began, self._place.load_s, generation.usage) if has_usage else {})


def loaded(model: str, reason: str = "load") -> bytes:
    """The answer to a chat without messages: it only loads, or unloads."""
    message = {"role": "assistant", "content": ""}
    return encoded({"model": model, "created_at": timestamp(), "message": message, "done_reason": reason, "done": True})


@dataclass(frozen=True, slots=True)
class Served:
    """A model as the lists show it."""

    name: str
    can_think: bool
    size: int


def tags(models: Sequence[Served]) -> bytes:
    return encoded({"models": [_listed(model) | {"modified_at": _MODIFIED_AT} for model in models]})


def ps(models: Sequence[tuple[Served, Running]]) -> bytes:
    return encoded({"models": [_listed(model) | _in_memory(model, running) for model, running in models]})


def _in_memory(model: Served, running: Running) -> dict[str, object]:
    stays_s = min(running.expires_in_s, FOR_EVER_S)
    return {"expires_at": timestamp(time() + stays_s), "size_vram": model.size, "context_length": CONTEXT_TOKENS}


def show(model: Served) -> bytes:
    return encoded(
        {
            "license": "Apache-2.0",
            "modelfile": f"FROM {model.name}",
            "parameters": "",
            "template": "{{ .Prompt }}",
            "details": _DETAILS,
            "model_info": {"general.architecture": "simulator", "simulator.context_length": CONTEXT_TOKENS},
            "capabilities": ["completion", *(["thinking"] if model.can_think else [])],
            "modified_at": _MODIFIED_AT,
        }
    )


def _listed(model: Served) -> dict[str, object]:
    name = model.name if ":" in model.name else f"{model.name}:latest"
    return {"name": name, "model": name, "size": model.size, "digest": digest(model.name), "details": _DETAILS}


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _measures(began: float, load_s: float, usage: Usage) -> dict[str, object]:
    total_ns = int((time() - began) * 1e9)
    load_ns = int(load_s * 1e9) or 1_000_000
    return {
        "total_duration": total_ns,
        "load_duration": load_ns,
        "prompt_eval_count": usage.prompt_tokens,
        "prompt_eval_duration": 1_000_000,
        "eval_count": usage.completion_tokens,
        "eval_duration": max(0, total_ns - load_ns - 1_000_000),
    }


CONTEXT_TOKENS = 32_768
FOR_EVER_S = 292 * 365.25 * 86_400  # the longest that Go's durations can say: what Ollama shows then
_MODIFIED_AT = "2025-01-15T00:00:00Z"
_DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "simulator",
    "families": ["simulator"],
    "parameter_size": "0B",
    "quantization_level": "F16",
}
