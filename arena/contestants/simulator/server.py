"""The simulator's server: listens, sends each request to its protocol, and tells what it is doing."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import unquote

from arena.contestants.simulator import anthropic_server
from arena.contestants.simulator.anthropic_server import AnthropicServer
from arena.contestants.simulator.connection import Answer, Connection, Counts, Request, whole
from arena.contestants.simulator.directions import WrongDirections
from arena.contestants.simulator.journal import Journal, now_ms
from arena.contestants.simulator.lineup import Lineup
from arena.contestants.simulator.ollama_server import OllamaServer
from arena.contestants.simulator.openai_server import ChatServer, ModelsServer, ResponsesServer
from arena.contestants.simulator.playback import Clock
from arena.contestants.simulator.requests import Refusal, Refused, wrong
from arena.contestants.simulator.scheduling import Scheduler
from arena.contestants.simulator.serving import Serving

BODY_MAX_BYTES = 32 * 1024 * 1024
BACKLOG = 2048
STARTS_KEPT = 10_000
MODELS_PATH = "/v1/models"


class Simulator:
    """A running simulator."""

    def __init__(self, lineup: Lineup, *, body_max_bytes: int = BODY_MAX_BYTES) -> None:
        self.counts = Counts()
        self.url = ""
        self._body_max_bytes = body_max_bytes
        self._clock = Clock(asyncio.get_running_loop())
        serving = Serving(lineup, Scheduler(self._clock))
        self._ollama = OllamaServer(serving)
        self._openai = ModelsServer(serving)
        self._anthropic = AnthropicServer(serving)
        self._routes = {
            ("GET", "/"): self._greet,
            ("GET", "/simulator/state"): self._state,
            ("GET", "/simulator/starts"): self._tell_starts,
            ("GET", MODELS_PATH): self._models,
            ("POST", ChatServer.path): ChatServer(serving).chat,
            ("POST", ResponsesServer.path): ResponsesServer(serving).create,
            ("POST", anthropic_server.PATH): self._anthropic.messages,
            ("POST", f"{anthropic_server.PATH}/count_tokens"): self._anthropic.count_tokens,
            **self._ollama.routes,
        }
        self._starts: deque[tuple[str, float]] = deque(maxlen=STARTS_KEPT)
        self._peers: set[Connection] = set()
        self._journal = Journal()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> None:
        """Raises OSError if the address can't be had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, host, port, backlog=BACKLOG)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close everything; responses that are running break off."""
        if self._server is None:
            return
        self._server.close()
        for peer in tuple(self._peers):
            peer.abort()
        await self._server.wait_closed()
        self._clock.stop()
        self._server = None

    async def __aenter__(self) -> "Simulator":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _connection(self) -> Connection:
        return Connection(self._answer, self._clock, self.counts, self._journal, self._peers, self._body_max_bytes)

    def _answer(self, request: Request) -> Answer:
        """The one place where requests become answers."""
        answer = self._answer_or_refuse(request)
        if request.method != "HEAD":
            return answer
        wait, data = next(answer.frames)
        return Answer(iter([(wait, data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")]), keeps_alive=False)

    def _answer_or_refuse(self, request: Request) -> Answer:
        """Every refusal takes the form of the protocol asked."""
        try:
            if request.is_too_large:
                raise wrong(f"The body is larger than {self._body_max_bytes:,} bytes.", status=413)
            answer = self._route(request)
            if answer.is_generation:
                self._starts.append((answer.about, time.monotonic()))
            return answer
        except WrongDirections as error:
            return self._refused(request, Refusal(400, str(error)))
        except Refused as error:
            return self._refused(request, error.refusal)

    def _route(self, request: Request) -> Answer:
        path = request.path
        method = "GET" if request.method == "HEAD" else request.method
        if method == "GET" and path.startswith(f"{MODELS_PATH}/"):
            name = unquote(path.removeprefix(f"{MODELS_PATH}/"))
            return self._anthropic.model(name) if _is_anthropic(request) else self._openai.model(name)
        handler = self._routes.get((method, path))
        if handler:
            return handler(request)
        if any(path == known for _, known in self._routes):
            raise wrong(f"{request.method} is not allowed here.", status=405)
        raise wrong("404 page not found", status=404)

    def _refused(self, request: Request, refusal: Refusal) -> Answer:
        if _is_anthropic(request):
            return self._anthropic.refused(refusal)
        if request.path.startswith("/v1/"):
            return self._openai.refused(refusal)
        return self._ollama.refused(refusal)

    def _models(self, request: Request) -> Answer:
        """The one path that two protocols share."""
        return self._anthropic.models(request) if _is_anthropic(request) else self._openai.models(request)

    def _greet(self, request: Request) -> Answer:
        return whole(200, b"Ollama is running", "text/plain; charset=utf-8")

    def _tell_starts(self, request: Request) -> Answer:
        """When each response began, by the last message it answers, in seconds of the machine's monotonic clock.

        With the rate that was asked for, this gives the moment at which each token was due to leave.
        """
        starts: dict[str, list[float]] = {}
        for words, start in self._starts:
            starts.setdefault(words, []).append(start)
        return whole(200, json.dumps(starts).encode())

    def _state(self, request: Request) -> Answer:
        """Counts, and each of the last connections with its requests, in milliseconds of the same clock."""
        told = asdict(self.counts) | {"now_ms": now_ms(), "log": self._journal.told()}
        return whole(200, json.dumps(told).encode())


def _is_anthropic(request: Request) -> bool:
    return request.path.startswith(anthropic_server.PATH) or anthropic_server.VERSION_HEADER in request.headers


async def start_simulator(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    aliases: Mapping[str, str] | None = None,
    pullable: Mapping[str, str] | None = None,
    body_max_bytes: int = BODY_MAX_BYTES,
) -> Simulator:
    """A simulator on the running loop; port 0 takes a free one. `aliases`, `pullable`: see `lineup.Lineup`."""
    simulator = Simulator(Lineup(aliases, pullable), body_max_bytes=body_max_bytes)
    await simulator.listen(host, port)
    return simulator
