"""The simulator's server: listens, sends each request to its protocol, and tells what it is doing."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict

from arena.contestants.simulator.connection import Answer, Connection, Counts, Request, whole
from arena.contestants.simulator.directions import WrongDirections
from arena.contestants.simulator.lineup import Lineup
from arena.contestants.simulator.ollama_server import OllamaServer
from arena.contestants.simulator.openai_server import MODELS_PATH, OpenAIServer
from arena.contestants.simulator.playback import Clock
from arena.contestants.simulator.requests import Refused

BODY_MAX_BYTES = 32 * 1024 * 1024
BACKLOG = 2048
STARTS_KEPT = 10_000


class Simulator:
    """A running simulator."""

    def __init__(self, lineup: Lineup, *, body_max_bytes: int = BODY_MAX_BYTES) -> None:
        self.counts = Counts()
        self.url = ""
        self._body_max_bytes = body_max_bytes
        self._ollama = OllamaServer(lineup)
        self._openai = OpenAIServer(lineup)
        self._routes = {
            ("GET", "/"): self._greet,
            ("GET", "/simulator/state"): self._state,
            ("GET", "/simulator/starts"): self._tell_starts,
            **self._ollama.routes,
            **self._openai.routes,
        }
        self._starts: deque[tuple[str, float]] = deque(maxlen=STARTS_KEPT)
        self._peers: set[Connection] = set()
        self._clock = Clock(asyncio.get_running_loop())
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
        return Connection(self._answer, self._clock, self.counts, self._peers, self._body_max_bytes)

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
                raise Refused(413, f"The body is larger than {self._body_max_bytes:,} bytes.")
            answer = self._route(request)
            if answer.is_generation:
                self._starts.append((_last_words(request.body), time.monotonic()))
            return answer
        except WrongDirections as error:
            return self._refused(request, Refused(400, str(error)))
        except Refused as error:
            return self._refused(request, error)

    def _route(self, request: Request) -> Answer:
        path = request.path
        method = "GET" if request.method == "HEAD" else request.method
        if method == "GET" and path.startswith(MODELS_PATH):
            return self._openai.model(request)
        handler = self._routes.get((method, path))
        if handler:
            return handler(request)
        if any(path == known for _, known in self._routes):
            raise Refused(405, f"{request.method} is not allowed here.")
        raise Refused(404, "404 page not found")

    def _refused(self, request: Request, error: Refused) -> Answer:
        if request.path.startswith("/v1/"):
            return self._openai.refused(error)
        return self._ollama.refused(error.status, error.message)

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
        return whole(200, json.dumps(asdict(self.counts)).encode())


def _last_words(body: bytes) -> str:
    """The beginning of the last message of a request that has been found in order."""
    return str(json.loads(body)["messages"][-1]["content"])[:100]


async def start_simulator(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    aliases: Mapping[str, str] | None = None,
    body_max_bytes: int = BODY_MAX_BYTES,
) -> Simulator:
    """A simulator on the running loop; port 0 takes a free one. `aliases`: see `lineup.Lineup`."""
    simulator = Simulator(Lineup(aliases or {}), body_max_bytes=body_max_bytes)
    await simulator.listen(host, port)
    return simulator
