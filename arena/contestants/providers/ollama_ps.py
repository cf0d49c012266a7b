"""Which models an Ollama has in memory: `GET /api/ps`, read leniently.

It lists a model as soon as its runner is set up, while the weights are still being read, and says nothing of the
difference (ollama/ollama: server/sched.go, `load`; server/routes.go, `PsHandler`). But `expires_at` is only set when a
runner has become idle for the first time; until then the answer makes it up as now plus the keep-alive: it moves from
look to look with the clock. Requests that wait in line are not told of at all.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import httpx

from arena.contestants.providers.call import Call
from arena.contestants.providers.http import BROKEN
from arena.contestants.providers.values import as_dict, as_list, as_text, parse_json

LOOK_TIMEOUT_S = 3.0
MAX_BYTES = 256 * 1024
CLOCK_JITTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Listing:
    """What was in memory at a moment of our clock: by short name, when each is to be forgotten."""

    looked_at: float
    expiries: dict[str, datetime | None]

    def has(self, model: str) -> bool:
        return short_name(model) in self.expiries

    def is_new(self, model: str, before: "Listing | None") -> bool | None:
        """Whether the model has never been idle: it is being loaded, or at its first work. None: not to be told yet."""
        name = short_name(model)
        expiry = self.expiries.get(name)
        if expiry is None:
            return False
        if before is None or name not in before.expiries:
            return None
        earlier = before.expiries[name]
        if earlier is None:
            return False
        passed_s = self.looked_at - before.looked_at
        moved_s = (expiry - earlier).total_seconds()
        return abs(moved_s - passed_s) < min(CLOCK_JITTER_S, passed_s / 2)


async def look(client: httpx.AsyncClient, call: Call) -> Listing | None:
    """What the call's server has in memory; None if it does not say."""
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            body = await _ask(client, f"{call.base_url}/api/ps", call.bearer)
            return listing(body, looked_at=asyncio.get_running_loop().time())
    except (*BROKEN, httpx.InvalidURL, ValueError):  # TimeoutError is an OSError
        return None


def short_name(model: str) -> str:
    """As the list has it: `qwq`, `library/qwq:latest` and `registry.ollama.ai/library/qwq` are the same."""
    name = model.lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


async def _ask(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> bytes:
    async with client.stream("GET", url, headers=headers) as response:
        body = bytearray()
        if not response.is_success:
            raise ValueError("no such list")
        async for data in response.aiter_bytes():
            body += data
            if len(body) > MAX_BYTES:
                raise ValueError("too long to be a list of what is in memory")
    return bytes(body)


def listing(body: bytes, *, looked_at: float) -> Listing:
    """Raises ValueError."""
    models = as_dict(parse_json(body.decode(errors="replace"))).get("models")
    if not isinstance(models, list):
        raise ValueError("no list of models")
    named = ((as_text(row.get("model")) or as_text(row.get("name")), row) for row in map(as_dict, as_list(models)))
    expiries = {short_name(name): _moment(as_text(row.get("expires_at"))) for name, row in named if name}
    return Listing(looked_at, expiries)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
