"""Looking what model servers offer, without asking any model: no request here costs money. No database here."""

import asyncio
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice

import httpx
import ollama

from arena.contestants.models import Provider
from arena.contestants.providers.anthropic import API_VERSION
from arena.contestants.providers.http import BROKEN, make_client
from arena.contestants.providers.text import clean
from arena.contestants.providers.values import as_dict, as_text, parse_json
from arena.contestants.servers import Server

LOOK_TIMEOUT_S = 5.0
MAX_LIST_BYTES = 4 * 1024 * 1024
MAX_MODELS = 2000
MAX_NAME_CHARS = 200

_REASONERS = re.compile(r"qwq|marco-o1|deepseek-r1|reason|think|magistral", re.IGNORECASE)
_NO_CONTESTANT = re.compile(
    r"embed|rerank|whisper|\btts\b|dall-e|moderation|transcribe|realtime|gpt-image|bge-|minilm", re.IGNORECASE
)
_REASONER_CONTEXT = 16384  # Ollama's default is 4k, which a reasoner overflows
_PARAMS = re.compile(r"([\d.]+)\s*([KMBT])", re.IGNORECASE)
_BILLIONS = {"K": 1e-6, "M": 1e-3, "B": 1.0, "T": 1e3}
_OLLAMA_ERRORS = (ollama.ResponseError, httpx.HTTPError, OSError, ValueError, httpx.InvalidURL)


@dataclass(frozen=True, slots=True)
class Look:
    """`models` is None where the server does not say; `problem` is "" for a server that answers."""

    server: Server
    models: frozenset[str] | None = None
    problem: str = ""

    def problem_of(self, model: str) -> str:
        """Why a contestant cannot be asked, in plain words; "" if it can."""
        if self.problem or self.models is None or _offers(self.server.provider, self.models, model):
            return self.problem
        if self.server.provider == Provider.OLLAMA:
            return f"Ollama does not have {model}: run `ollama pull {model}`."
        return f"{self.server.name} does not offer {model}."


@dataclass(frozen=True, slots=True)
class Found:
    """A model that a server offers."""

    model: str
    params_b: float | None = None
    is_contestant: bool = True
    opens_with_reasoning: bool = False
    context: int | None = None


async def look_at(servers: Iterable[Server]) -> dict[Server, Look]:
    """All at once; no longer than the slowest, and that is bounded."""
    unique = list(dict.fromkeys(servers))
    async with make_client() as client:
        looks = await asyncio.gather(*(_look(client, server) for server in unique))
    return dict(zip(unique, looks, strict=True))


async def describe(server: Server, models: Collection[str]) -> list[Found]:
    """What is to be known of these models of a server, in their order."""
    if server.provider != Provider.OLLAMA:
        return [_found(model, is_contestant=not _NO_CONTESTANT.search(model)) for model in models]
    async with _ollama(server) as client:
        return list(await asyncio.gather(*(_shown(client, model) for model in models)))


def plain_name(model: str) -> str:
    """Ollama's `x:latest` and `x` are the same."""
    return model.removesuffix(":latest")


def _offers(provider: str, models: frozenset[str], model: str) -> bool:
    if provider == Provider.OLLAMA:
        return plain_name(model) in map(plain_name, models)
    # Vendors list dated snapshots and serve their undated names too.
    stem = model.removesuffix("-latest")
    return model in models or any(re.fullmatch(re.escape(stem) + r"-\d[\d-]*", other) for other in models)


async def _look(client: httpx.AsyncClient, server: Server) -> Look:
    if server.lacks_key:
        return Look(server, problem=f"{server.key_name or 'Its key variable'} is not set.")
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            return await (_look_at_ollama(server) if server.provider == Provider.OLLAMA else _list(client, server))
    except ollama.ResponseError as error:
        return Look(server, problem=f"{server.name} answered with status {error.status_code}.")
    except (*BROKEN, httpx.InvalidURL):  # TimeoutError is an OSError
        return Look(server, problem=f"{server.name} does not answer.")
    except ValueError:  # HTML, or JSON of another shape
        return Look(server, problem=f"{server.name} is something else: it does not answer as such a server does.")


async def _look_at_ollama(server: Server) -> Look:
    async with _ollama(server) as client:
        listed = await client.list()
    return Look(server, _names(model.model for model in listed.models))


async def _list(client: httpx.AsyncClient, server: Server) -> Look:
    """`GET /models`, which the OpenAI and the Anthropic protocol have in common. A server without it is reachable."""
    headers = {"Authorization": f"Bearer {server.api_key}"} if server.api_key else {}
    url = f"{server.base_url}/models"
    if server.provider == Provider.ANTHROPIC:
        headers = {"anthropic-version": API_VERSION} | ({"x-api-key": server.api_key} if server.api_key else {})
        url = f"{server.base_url.removesuffix('/v1')}/v1/models?limit=1000"
    async with client.stream("GET", url, headers=headers) as response:
        body = bytearray()
        async for data in response.aiter_bytes():
            body += data
            if len(body) > MAX_LIST_BYTES:
                break
    if response.status_code in (401, 403):
        key = f"refused the key in {server.key_name}" if server.api_key else "needs a key"
        return Look(server, problem=f"{server.name} {key}.")
    if response.status_code in (404, 405, 501):
        return Look(server)
    if not response.is_success:
        return Look(server, problem=f"{server.name} answered with status {response.status_code}.")
    return Look(server, _models_in(bytes(body)))


def _models_in(body: bytes) -> frozenset[str] | None:
    try:
        listed = parse_json(body.decode(errors="replace"))
    except ValueError:
        return None
    rows = as_dict(listed).get("data", listed)
    if not isinstance(rows, list):
        return None
    return _names(as_text(as_dict(row).get("id")) for row in rows)


def _names(names: Iterable[str | None]) -> frozenset[str]:
    """Those that are fit to be stored."""
    fit = (name for name in names if name and len(name) <= MAX_NAME_CHARS and name == clean(name))
    return frozenset(islice(fit, MAX_MODELS))


def _ollama(server: Server) -> ollama.AsyncClient:
    headers = {"Authorization": f"Bearer {server.api_key}"} if server.api_key else {}
    return ollama.AsyncClient(server.base_url, timeout=LOOK_TIMEOUT_S, trust_env=False, headers=headers)


async def _shown(client: ollama.AsyncClient, model: str) -> Found:
    """What `/api/show` says; old servers say nothing of capabilities, then the name must do."""
    try:
        shown = await client.show(model)
    except _OLLAMA_ERRORS:
        return _found(model, is_contestant=not _NO_CONTESTANT.search(model))
    abilities = shown.capabilities
    info = shown.modelinfo or {}
    contexts = [value for key, value in info.items() if key.endswith(".context_length") and isinstance(value, int)]
    details = shown.details
    return _found(
        model,
        params_b=_billions(details.parameter_size or "") if details else None,
        is_contestant="completion" in abilities if abilities else not _NO_CONTESTANT.search(model),
        is_reasoner="thinking" in (abilities or ()) or bool(_REASONERS.search(model)),
        max_context=contexts[0] if contexts else None,
    )


def _found(
    model: str,
    *,
    params_b: float | None = None,
    is_contestant: bool = True,
    is_reasoner: bool = False,
    max_context: int | None = None,
) -> Found:
    # QwQ's template writes the opening tag into the prompt. Its preview had no tags at all.
    is_qwq = "qwq" in model.lower() and "preview" not in model.lower()
    context = min(_REASONER_CONTEXT, max_context or _REASONER_CONTEXT) if is_reasoner else None
    return Found(model, params_b, is_contestant, is_qwq, context)


def _billions(size: str) -> float | None:
    """`32.8B`, `494.03M`"""
    match = _PARAMS.fullmatch(size.strip())
    try:
        return round(float(match[1]) * _BILLIONS[match[2].upper()], 3) if match else None
    except ValueError:
        return None
