"""A model server of every protocol that tells on the key it was sent: in errors, headers, streams and answers.

The model's id says how: its first word is one of WAYS.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import quote

from tests.contestants.servers import Asked, Connection

Way = Callable[["Echo"], Awaitable[None]]


class Echo:
    """One request, and the means to answer it in its own protocol."""

    def __init__(self, asked: Asked, connection: Connection) -> None:
        self.asked = asked
        self.connection = connection
        self.key = key_of(asked)

    async def error(self, status: int, message: str, **headers: str) -> None:
        error: object = {"message": message, "type": message, "code": message, "param": message}
        await self.connection.reply({"error": message if self._is_ollama else error}, status=status, **headers)

    async def begin(self) -> None:
        kind = "application/x-ndjson" if self._is_ollama else "text/event-stream"
        await self.connection.head(200, Content_Type=kind, X_Request_Id=self.key)

    async def say(self, text: str, *, reasoning: bool = False) -> None:
        await self._send(self._text_event(text, reasoning))

    async def fail(self, message: str) -> None:
        if self._is_ollama:
            await self._send({"error": message})
        else:
            await self._send({"type": "error", "error": {"message": message, "code": message}})

    async def end(self) -> None:
        for event in self._ending():
            await self._send(event)

    @property
    def _is_ollama(self) -> bool:
        return self.asked.path.startswith("/api/")

    async def _send(self, event: dict[str, object]) -> None:
        line = json.dumps(event)
        await self.connection.send((f"{line}\n" if self._is_ollama else f"data: {line}\n\n").encode())

    def _text_event(self, text: str, reasoning: bool) -> dict[str, object]:
        path = self.asked.path
        if self._is_ollama:
            return {"model": self.key, "message": {"thinking" if reasoning else "content": text}, "done": False}
        if path.endswith("/messages"):
            delta = {"type": "thinking_delta", "thinking": text} if reasoning else {"type": "text_delta", "text": text}
            return {"type": "content_block_delta", "delta": delta}
        if path.endswith("/responses"):
            kind = "reasoning_text" if reasoning else "output_text"
            return {"type": f"response.{kind}.delta", "delta": text}
        field = "reasoning_content" if reasoning else "content"
        return {"id": self.key, "model": self.key, "choices": [{"index": 0, "delta": {field: text}}]}

    def _ending(self) -> Iterator[dict[str, object]]:
        path, key = self.asked.path, self.key
        if self._is_ollama:
            yield {"message": {}, "done": True, "done_reason": key, "eval_count": key}
        elif path.endswith("/messages"):
            yield {"type": "message_delta", "delta": {"stop_reason": key}, "usage": {"output_tokens": key}}
            yield {"type": "message_stop"}
        elif path.endswith("/responses"):
            yield {"type": "response.completed", "response": {"id": key, "status": "completed", "usage": {key: key}}}
        else:
            yield {"choices": [{"index": 0, "delta": {}, "finish_reason": key}], "usage": {"prompt_tokens": key}}


def key_of(asked: Asked) -> str:
    """The key of a request, or the password of its Basic credentials."""
    scheme, _, word = asked.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        return b64decode(word).decode().partition(":")[2]
    return word or asked.headers.get("x-api-key", "none")


async def refused(echo: Echo) -> None:
    await echo.error(401, f"Incorrect API key provided: {echo.key}")


async def refused_in_html(echo: Echo) -> None:
    await echo.connection.reply(f"<html><b>{echo.key}</b></html>".encode(), status=403)


async def refused_in_base64(echo: Echo) -> None:
    await echo.error(401, b64encode(f"Bearer {echo.key}".encode()).decode())


async def refused_in_a_url(echo: Echo) -> None:
    await echo.error(400, f"https://x/?key={quote(echo.key, safe='')}&hex={echo.key.encode().hex()}")


async def headers_dumped(echo: Echo) -> None:
    await echo.connection.reply({"detail": json.dumps(echo.asked.headers)}, status=500)


async def quota(echo: Echo) -> None:
    await echo.error(402, f"insufficient_quota for {echo.key}", Retry_After=echo.key)


async def redirected(echo: Echo) -> None:
    await echo.connection.reply(echo.key.encode(), status=302, Location=f"http://127.0.0.1:9/?key={echo.key}")


async def long_error(echo: Echo) -> None:
    await echo.error(404, "x" * 480 + echo.key)


async def html_with_200(echo: Echo) -> None:
    await echo.connection.reply(f"<html>{'y' * 180}{echo.key}".encode())


async def error_with_200(echo: Echo) -> None:
    await echo.connection.reply({"error": {"message": echo.key, "code": echo.key}})


async def failed_in_mid_stream(echo: Echo) -> None:
    await echo.begin()
    await echo.say("Well, ")
    await echo.fail(f"bad key {echo.key}")


async def garbage(echo: Echo) -> None:
    await echo.begin()
    await echo.say("Well, ")
    await echo.connection.send(f'data: {{"{"z" * 180}{echo.key}\n\n'.encode())


async def bad_status_line(echo: Echo) -> None:
    await echo.connection.send(f"{echo.key} {echo.key}\r\n\r\n".encode())


async def bad_header(echo: Echo) -> None:
    await echo.connection.send(f"HTTP/1.1 200 OK\r\n{echo.key}\x01\r\n\r\n".encode())


async def bad_chunk(echo: Echo) -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    await echo.connection.send(f"{head}{echo.key}\r\n".encode())


async def cut(echo: Echo) -> None:
    await echo.begin()
    await echo.say("Well, ")
    await echo.connection.send(f'data: {{"delta": "{echo.key}'.encode())


async def answered(echo: Echo) -> None:
    await echo.begin()
    await echo.say(f"I was asked with {echo.key}.", reasoning=True)
    await echo.say(f"Your key is {echo.key}, is it not?")
    await echo.end()


async def answered_in_pieces(echo: Echo) -> None:
    await echo.begin()
    for reasoning in (True, False):
        for at in range(0, len(echo.key), 3):
            await echo.say(echo.key[at : at + 3], reasoning=reasoning)
        await echo.say(" was it.", reasoning=reasoning)
    await echo.end()


async def answered_in_base64(echo: Echo) -> None:
    await echo.begin()
    await echo.say(f"{b64encode(f'Bearer {echo.key}'.encode()).decode()} {quote(echo.key, safe='')}")
    await echo.end()


async def answered_half(echo: Echo) -> None:
    await echo.begin()
    await echo.say(f"Your key begins with {echo.key[:-3]}")


WAYS: dict[str, Way] = {
    way.__name__.replace("_", "-"): way
    for way in (
        *(refused, refused_in_html, refused_in_base64, refused_in_a_url, headers_dumped, quota, redirected, long_error),
        *(html_with_200, error_with_200, failed_in_mid_stream, garbage, bad_status_line, bad_header, bad_chunk, cut),
        *(answered, answered_in_pieces, answered_in_base64, answered_half),
    )
}


async def answer(asked: Asked, connection: Connection) -> None:
    echo = Echo(asked, connection)
    if asked.path == "/api/tags":
        rows = [{"model": name, "size": 1, "details": {"parameter_size": echo.key}} for name in ("fine", echo.key)]
        await connection.reply({"models": rows})
    elif asked.path.endswith("/models"):
        await connection.reply({"data": [{"id": f"model-{echo.key}"}]})
    elif asked.path in ("/api/show", "/api/ps"):
        await connection.reply({"capabilities": ["completion", echo.key], "details": {"family": echo.key}})
    elif asked.path == "/api/pull":
        await connection.head(200)
        await connection.send(json.dumps({"status": f"pulling {echo.key}", "digest": echo.key}).encode() + b"\n")
        await connection.send(json.dumps({"error": f"no: {echo.key}"}).encode() + b"\n")
    else:
        await WAYS[str(asked.body["model"]).partition(":")[0]](echo)
