"""Ollama's `/api/chat`: lines of JSON (https://github.com/ollama/ollama/blob/main/docs/api.md).

Lines end at \\n and nowhere else: the official client splits with `str.splitlines`, which breaks on a U+2028 in the
text. `think` is sent only if the contestant's options have it: unset means on where the model can, while `true` is a
400 where it can't. Old templates (qwq, marco-o1) leave their tags in the content.
"""

from collections.abc import AsyncGenerator

import httpx

from arena.contestants.deltas import Delta, FinishReason
from arena.contestants.errors import Garbage
from arena.contestants.providers.call import Call
from arena.contestants.providers.failures import ServerError
from arena.contestants.providers.http import Body, Request, stream_request
from arena.contestants.providers.lines import Lines
from arena.contestants.providers.parsing import Parser, failure
from arena.contestants.providers.values import as_count, as_dict, as_text, parse_json

# Of an entry's options these stand beside the others, not among them.
_TOP_LEVEL = ("think", "keep_alive", "format")
_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH, "": FinishReason.STOP}


def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
    request = Request(f"{call.base_url}/api/chat", body(call), _headers(call), call.api_key)
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
    """The request again without what this model can't do."""
    if "think" in body and "support thinking" in error.words:
        return {name: value for name, value in body.items() if name != "think"}
    return None


def _headers(call: Call) -> dict[str, str]:
    """Ollama itself asks for no key; a proxy in front of it, or ollama.com, may."""
    return {"Authorization": f"Bearer {call.api_key}"} if call.api_key else {}


class ChatLines(Parser):
    def __init__(self, *, opens_with_reasoning: bool = False) -> None:
        super().__init__(opens_with_reasoning=opens_with_reasoning)
        self._lines = Lines()
        self._has_lines = False

    def _read(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            if line.strip():
                self._read_line(line)
                if self.is_ended:
                    return

    def _read_end(self) -> None:
        rest = self._lines.close()
        if rest.strip():
            try:
                self._read_line(rest)
            except Garbage:
                if not self._has_lines:
                    raise
        elif not self._has_lines:
            raise Garbage("the response was empty")

    def _read_line(self, line: bytes) -> None:
        try:
            chunk = as_dict(parse_json(line.decode(errors="replace")))
        except ValueError as error:
            raise Garbage(f"not JSON: {line[:200]!r}") from error
        self._has_lines = True
        if chunk.get("error"):
            raise failure(chunk)
        message = as_dict(chunk.get("message"))
        self.text.reasoning(as_text(message.get("thinking")))
        self.text.content(as_text(message.get("content")))
        if chunk.get("done") is True:
            self._finish(_REASONS.get(as_text(chunk.get("done_reason")), FinishReason.OTHER))
            self._count(
                input_tokens=as_count(chunk.get("prompt_eval_count")), output_tokens=as_count(chunk.get("eval_count"))
            )
            self.is_ended = True
