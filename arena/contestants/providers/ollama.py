"""Ollama's `/api/chat`: lines of JSON (https://github.com/ollama/ollama/blob/main/docs/api.md).

Lines end at \\n and nowhere else: the official client splits with `str.splitlines`, which breaks on a U+2028 in the
text. `think` is sent only if the contestant's options have it: unset means on where the model can, while `true` is a
400 where it can't. Old templates (qwq, marco-o1) leave their tags in the content.
"""

from codecs import BOM_UTF8
from collections.abc import AsyncGenerator

import httpx

from arena.contestants.deltas import Delta, FinishReason
from arena.contestants.errors import Garbage
from arena.contestants.providers import refusals
from arena.contestants.providers.call import Call
from arena.contestants.providers.failures import ServerError, is_failure
from arena.contestants.providers.http import Body, Request, stream_request
from arena.contestants.providers.lines import MAX_LINE_BYTES, Lines
from arena.contestants.providers.parsing import Parser, failure
from arena.contestants.providers.values import as_count, as_dict, as_text, parse_json

# Of an entry's options these stand beside the others, not among them.
_TOP_LEVEL = ("think", "keep_alive", "format")
_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH, "": FinishReason.STOP}


def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
    request = Request(f"{call.base_url}/api/chat", body(call), call.bearer, call.api_key)
    parser = ChatLines(opens_with_reasoning=call.opens_with_reasoning)
    return stream_request(client, request, parser, adapt=adapted)


def body(call: Call) -> Body:
    options = {name: value for name, value in call.options.items() if name not in _TOP_LEVEL}
    return {
        "model": call.model,
        "messages": list(call.messages),
        "stream": True,
        **{name: call.options[name] for name in _TOP_LEVEL if name in call.options},
        **({"options": options} if options else {}),
    }


def adapted(body: Body, error: ServerError) -> Body | None:
    """The request again without what this model can't do: think, or think to a given level."""
    if "think" not in body or "think" not in error.words:
        return None
    has_level = isinstance(body["think"], str) and "support thinking" not in error.words
    return {**body, "think": True} if has_level else refusals.without(body, "think")


class ChatLines(Parser):
    def __init__(self, *, opens_with_reasoning: bool = False) -> None:
        super().__init__(opens_with_reasoning=opens_with_reasoning)
        self._lines = Lines()
        self._has_lines = False
        self._foreign = bytearray()

    def _read(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            self._read_line(line)
            if self.is_ended:
                return

    def _read_end(self) -> None:
        self._read_line(self._lines.close())
        if not self._has_lines and not self.is_ended:
            self._read_foreign(bytes(self._foreign))

    def _read_line(self, line: bytes) -> None:
        if not self._has_lines:
            line = line.removeprefix(BOM_UTF8)
        try:
            chunk = parse_json(line.decode(errors="replace"))
        except ValueError:
            self._read_odd(line)
        else:
            self._has_lines = True
            self._read_chunk(chunk)

    def _read_odd(self, line: bytes) -> None:
        """No JSON: nothing, what the end cut off, or what is not this protocol and is judged as a whole."""
        if not line.strip() or self._has_lines and self._is_closed:
            return
        if self._has_lines:
            raise Garbage(f"not JSON: {line[:200]!r}")
        self._foreign += line + b"\n"
        if len(self._foreign) > MAX_LINE_BYTES:
            raise Garbage(f"not lines of JSON: {self._foreign[:200]!r}")

    def _read_foreign(self, data: bytes) -> None:
        if not data:
            raise Garbage("the response was empty")
        try:
            self._read_chunk(parse_json(data.decode(errors="replace")))
        except ValueError as error:
            raise Garbage(f"not lines of JSON: {data[:200]!r}") from error

    def _read_chunk(self, value: object) -> None:
        chunk = as_dict(value)
        message = as_dict(chunk.get("message"))
        if thinking := message.get("thinking"):
            self.text.reasoning(as_text(thinking))
        if content := message.get("content"):
            self.text.content(as_text(content))
        if chunk.get("done") is True:
            self._finish(_REASONS.get(as_text(chunk.get("done_reason")), FinishReason.OTHER))
            self._count(
                input_tokens=as_count(chunk.get("prompt_eval_count")), output_tokens=as_count(chunk.get("eval_count"))
            )
            self.is_ended = True
        elif chunk.get("error") or not message and is_failure(value):
            raise failure(value)
