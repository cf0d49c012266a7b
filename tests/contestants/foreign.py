"""Model servers as strangers write them: Ollama's and OpenAI's protocols over plain sockets.

They share no code with the arena or its simulator and do on purpose what the simulator does not: small letters in
header names, keys in another order, indented JSON, transfer chunks that end inside a character, empty lines between
the lines of JSON, responses that end with the connection.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MODIFIED = "2026-02-30T25:61:00 yesterday"  # no date at all, which is no reason not to see the model


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, object]


class Stranger:
    """An HTTP server of its own on a loopback port, in a thread. Subclasses say what it answers."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def serving(self, port: int = 0) -> Iterator[None]:
        loop = asyncio.new_event_loop()
        ready = threading.Event()
        stop = asyncio.Event()

        async def serve() -> None:
            listener = await asyncio.start_server(self._connected, "127.0.0.1", port)
            self.port = listener.sockets[0].getsockname()[1]
            ready.set()
            await stop.wait()
            listener.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        def run() -> None:
            loop.run_until_complete(serve())
            loop.close()

        thread = threading.Thread(target=run)
        thread.start()
        assert ready.wait(10)
        try:
            yield
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        raise AssertionError(f"nobody was to ask for {asked.path}")

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            asked = await self._request(reader)
            self.asked.append(asked)
            await self.answer(asked, writer)
        writer.close()

    @staticmethod
    async def _request(reader: asyncio.StreamReader) -> Asked:
        method, path, _ = (await reader.readline()).decode("latin-1").split()
        headers = {}
        while line := (await reader.readline()).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        return Asked(method, path, headers, json.loads(content) if content else {})


async def indented(writer: asyncio.StreamWriter, status: str, body: object) -> None:
    """A whole response, spread over many lines."""
    data = json.dumps(body, indent=3, ensure_ascii=False).encode() + b"\r\n"
    head = f"HTTP/1.1 {status}\r\ncontent-type:application/json\r\ncontent-length:{len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    await writer.drain()


async def in_chunks(writer: asyncio.StreamWriter, data: bytes, size: int, pause_s: float) -> None:
    """Transfer chunks that know nothing of lines or characters, with an extension and a trailer."""
    writer.write(b"HTTP/1.1 200 Fine\r\ntransfer-encoding:chunked\r\ncontent-type:application/x-ndjson\r\n\r\n")
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        writer.write(b"%X;piece=1\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
        await asyncio.sleep(pause_s)
    writer.write(b"0\r\nx-checksum: none\r\n\r\n")
    await writer.drain()


async def until_the_connection_ends(writer: asyncio.StreamWriter, data: bytes, size: int, pause_s: float) -> None:
    """As HTTP/1.0 did it: no length, no chunks."""
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for start in range(0, len(data), size):
        writer.write(data[start : start + size])
        await writer.drain()
        await asyncio.sleep(pause_s)


@dataclass
class Local:
    """A model of the stranger's Ollama. `pieces`: the contents of its lines."""

    pieces: list[str] = field(default_factory=list)
    capabilities: tuple[str, ...] = ("completion",)
    size: str = "32.8B"
    ends_with_connection: bool = False


class StrangersOllama(Stranger):
    """`/api/tags`, `/api/show`, `/api/chat`; it has no `thinking` field: what a model writes is content."""

    def __init__(self, models: Mapping[str, Local], *, pause_s: float = 0.002) -> None:
        super().__init__()
        self.models = dict(models)
        self.pause_s = pause_s

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        model = self.models.get(str(asked.body.get("model")))
        match asked.method, asked.path:
            case "GET", "/api/tags":
                await indented(writer, "200 OK", {"models": [self._tag(*item) for item in self.models.items()]})
            case "POST", "/api/show" | "/api/chat" if model is None:
                await indented(writer, "404 Not Found", {"error": f"model '{asked.body.get('model')}' not found"})
            case "POST", "/api/show" if model:
                await indented(writer, "200 OK", self._shown(model))
            case "POST", "/api/chat" if model:
                send = until_the_connection_ends if model.ends_with_connection else in_chunks
                await send(writer, self._lines(str(asked.body["model"]), model), 61, self.pause_s)
            case _:
                await indented(writer, "404 Not Found", {"error": "404 page not found"})

    @staticmethod
    def _tag(name: str, model: Local) -> dict[str, object]:
        """As early Ollamas list: a `name` and no `model`."""
        return {
            "digest": "",
            "size": None,
            "details": {"parameter_size": model.size},
            "modified_at": MODIFIED,
            "name": name,
        }

    @staticmethod
    def _shown(model: Local) -> dict[str, object]:
        details = {"quantization_level": "Q4_K_M", "families": None, "parameter_size": model.size}
        return {"capabilities": list(model.capabilities), "modified_at": MODIFIED, "model_info": {}, "details": details}

    @staticmethod
    def _lines(name: str, model: Local) -> bytes:
        lines = [
            {"done": False, "message": {"content": piece, "role": "assistant"}, "model": name} for piece in model.pieces
        ]
        last = {"eval_count": len(lines), "prompt_eval_count": 21, "done_reason": "stop", "done": True, "model": name}
        return "\r\n\n".join(json.dumps(line, ensure_ascii=False) for line in [*lines, last]).encode()


@dataclass
class Hosted:
    """A model of the stranger's hosted server, with o1's habits: silent, then everything at once."""

    answer: str = ""
    silence_s: float = 0.0
    reasoning_tokens: int = 0


class StrangersOpenAI(Stranger):
    """`/v1/models` and `/v1/chat/completions`, without a key. Refuses what o1 refuses, one thing at a time."""

    ROLES = ("user", "assistant")
    NOT_TAKEN = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "max_tokens")

    def __init__(self, models: Mapping[str, Hosted]) -> None:
        super().__init__()
        self.models = dict(models)
        self.refused: list[str] = []

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        match asked.method, asked.path:
            case "GET", "/v1/models":
                rows = [
                    {"owned_by": "a stranger", "created": 1734, "object": "model", "id": name} for name in self.models
                ]
                await indented(writer, "200 OK", {"data": rows, "object": "list"})
            case "POST", "/v1/chat/completions":
                await self._complete(asked, writer)
            case _:
                await indented(writer, "404 Not Found", {"detail": "Not Found"})

    async def _complete(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        name = str(asked.body.get("model"))
        if name not in self.models:
            message = f"The model `{name}` does not exist or you do not have access to it."
            await self._refuse(writer, "404 Not Found", "model_not_found", "", message)
        elif complaint := self._complaint(asked.body):
            await self._refuse(writer, "400 Bad Request", *complaint)
        else:
            await asyncio.sleep(self.models[name].silence_s)
            await indented(writer, "200 OK", self._completion(name, self.models[name]))

    def _complaint(self, body: dict[str, object]) -> tuple[str, str, str] | None:
        """Code, parameter and sentence, as OpenAI writes them."""
        messages = body["messages"]
        assert isinstance(messages, list)
        for number, message in enumerate(messages):
            if message["role"] not in self.ROLES:
                param = f"messages[{number}].role"
                return (
                    "unsupported_value",
                    param,
                    f"Unsupported value: '{param}' does not support '{message['role']}' with this model.",
                )
        for name in self.NOT_TAKEN:
            if name in body:
                instead = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                sentence = f"Unsupported parameter: '{name}' is not supported with this model.{instead}"
                return "unsupported_parameter", name, sentence
        if body.get("stream"):
            # Some deployments name no parameter and no code: the sentence is all there is.
            return "", "", "'stream' does not support true with this model"
        return None

    async def _refuse(self, writer: asyncio.StreamWriter, status: str, code: str, param: str, message: str) -> None:
        self.refused.append(message)
        error = {"code": code or None, "param": param or None, "type": "invalid_request_error", "message": message}
        await indented(writer, status, {"error": error})

    @staticmethod
    def _completion(name: str, model: Hosted) -> dict[str, object]:
        details = {"rejected_prediction_tokens": 0, "reasoning_tokens": model.reasoning_tokens}
        usage = {
            "total_tokens": 31 + model.reasoning_tokens + 40,
            "completion_tokens_details": details,
            "completion_tokens": model.reasoning_tokens + 40,
            "prompt_tokens": 31,
        }
        message = {"annotations": [], "refusal": None, "content": model.answer, "role": "assistant"}
        choice = {"finish_reason": "stop", "logprobs": None, "message": message, "index": 0}
        return {"usage": usage, "choices": [choice], "object": "chat.completion", "model": f"{name}-2024-12-17"}
