"""Looking what model servers offer, without asking any model: no request here costs money. No database here.

Ollama's own client describes its models. The list of them is read leniently, as every server's is: the client wants all
of it to be as the newest Ollama writes it (early ones give a `name` and no `model`; one date it can't read hides every
model), and it would read a list of any length.
"""

import asyncio
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import islice

import httpx
import ollama

from arena.contestants.checks import MAX_PARAMS_B
from arena.contestants.models import Provider
from arena.contestants.providers.addresses import api_roots
from arena.contestants.providers.anthropic import API_VERSION
from arena.contestants.providers.http import BROKEN, NO_SUCH_CALL, make_client
from arena.contestants.providers.text import clean
from arena.contestants.providers.values import as_count, as_dict, as_text, parse_json
from arena.contestants.servers import Server
from arena.masking import masked

LOOK_TIMEOUT_S = 5.0
DESCRIBE_TIMEOUT_S = 10.0
DESCRIBED_AT_ONCE = 8
MAX_LIST_BYTES = 4 * 1024 * 1024
MAX_MODELS = 2000
MAX_NAME_CHARS = 200
MAX_WORD_CHARS = 80

_REASONERS = re.compile(r"qwq|marco-o1|deepseek-r1|reason|think|magistral", re.IGNORECASE)
_NO_CONTESTANT = re.compile(
    r"embed|rerank|whisper|\btts\b|dall-e|moderation|transcribe|realtime|gpt-image|bge-|minilm", re.IGNORECASE
)
_REASONER_CONTEXT = 16384  # Ollama's default is 4k, which a reasoner overflows
_PARAMS = re.compile(r"([\d.]+)\s*([KMBT])", re.IGNORECASE)
_BILLIONS = {"K": 1e-6, "M": 1e-3, "B": 1.0, "T": 1e3}


class TooLong(Exception):
    """More than a list of models can be."""


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
    """A model that a server offers. `max_context` is what it can have, `context` what it is asked with."""

    model: str
    params_b: float | None = None
    is_contestant: bool = True
    opens_with_reasoning: bool = False
    context: int | None = None
    max_context: int | None = None
    vendor: str = ""
    family: str = ""
    license: str = ""
    quantisation: str = ""

    @property
    def description(self) -> str:
        return f"Found on Ollama, in {self.quantisation} quantisation." if self.quantisation else ""


async def look_at(servers: Iterable[Server]) -> dict[Server, Look]:
    """All at once; no longer than the slowest, and that is bounded."""
    unique = list(dict.fromkeys(servers))
    async with make_client() as client:
        looks = await asyncio.gather(*(_look(client, server) for server in unique))
    return dict(zip(unique, looks, strict=True))


async def describe(server: Server, models: Collection[str]) -> list[Found]:
    """What is to be known of these models of a server, in their order, within a bounded time."""
    if server.provider != Provider.OLLAMA:
        return [_named(model) for model in models]
    deadline = asyncio.get_running_loop().time() + DESCRIBE_TIMEOUT_S
    turn = asyncio.Semaphore(DESCRIBED_AT_ONCE)
    async with ollama.AsyncClient(
        server.base_url, trust_env=False, follow_redirects=False, auth=server.basic_auth, headers=server.bearer
    ) as client:

        async def shown(model: str) -> Found:
            try:
                async with asyncio.timeout_at(deadline), turn:
                    return await _shown(client, model)
            except (*BROKEN, ollama.ResponseError, ValueError):  # TimeoutError is an OSError
                return _named(model)

        return list(await asyncio.gather(*map(shown, models)))


def plain_name(model: str) -> str:
    """Ollama's `x:latest` and `x` are the same."""
    return model.removesuffix(":latest")


def names_a_reasoner(model: str) -> bool:
    return bool(_REASONERS.search(model))


def _offers(provider: str, models: frozenset[str], model: str) -> bool:
    if provider == Provider.OLLAMA:
        return plain_name(model) in map(plain_name, models)
    # Vendors list dated snapshots and serve their undated names too.
    stem = model.removesuffix("-latest")
    return model in models or any(re.fullmatch(re.escape(stem) + r"-\d[\d-]*", other) for other in models)


async def _look(client: httpx.AsyncClient, server: Server) -> Look:
    if server.key_problem:
        return Look(server, problem=server.key_problem)
    look = _look_at_ollama if server.provider == Provider.OLLAMA else _list
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            return await look(client, server)
    except (*BROKEN, httpx.InvalidURL):  # TimeoutError is an OSError
        return Look(server, problem=f"{server.name} does not answer.")
    except TooLong:
        return Look(server, problem=f"{server.name} sends a list that is too long to be one of models.")
    except ValueError:  # HTML, or JSON of another shape
        return Look(server, problem=f"{server.name} is something else: it does not answer as such a server does.")


async def _look_at_ollama(client: httpx.AsyncClient, server: Server) -> Look:
    status, body = await _ask(client, f"{server.base_url}/api/tags", server.bearer)
    if problem := _refusal(server, status):
        return Look(server, problem=problem)
    rows = as_dict(parse_json(body.decode(errors="replace"))).get("models")
    if not isinstance(rows, list):
        raise ValueError("no list of models")
    return Look(server, _names(as_text(row.get("model")) or as_text(row.get("name")) for row in map(as_dict, rows)))


async def _list(client: httpx.AsyncClient, server: Server) -> Look:
    """`GET /models`, which the OpenAI and the Anthropic protocol have in common. A server without it is reachable."""
    headers, urls = server.bearer, [f"{root}/models" for root in api_roots(server.base_url)]
    if server.provider == Provider.ANTHROPIC:
        headers = {"anthropic-version": API_VERSION} | ({"x-api-key": server.api_key} if server.api_key else {})
        urls = [f"{server.base_url.removesuffix('/v1')}/v1/models?limit=1000"]
    for url in urls:
        status, body = await _ask(client, url, headers)
        if status not in NO_SUCH_CALL:
            break
    if status in NO_SUCH_CALL:
        return Look(server)
    if problem := _refusal(server, status):
        return Look(server, problem=problem)
    return Look(server, _models_in(body) if server.lists_what_it_serves else None)


async def _ask(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and body. Raises TooLong."""
    async with client.stream("GET", url, headers=headers) as response:
        body = bytearray()
        async for data in response.aiter_bytes():
            body += data
            if len(body) > MAX_LIST_BYTES:
                raise TooLong
    return response.status_code, bytes(body)


def _refusal(server: Server, status: int) -> str:
    """In plain words, "" for a success."""
    if status in (401, 403):
        key = f"refused the key in {server.key_name}" if server.api_key else "needs a key"
        return f"{server.name} {key}."
    return "" if 200 <= status < 300 else f"{server.name} answered with status {status}."


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
    fit = (name for name in names if name and len(name) <= MAX_NAME_CHARS and name == clean(name) == masked(name))
    return frozenset(islice(fit, MAX_MODELS))


async def _shown(client: ollama.AsyncClient, model: str) -> Found:
    """What `/api/show` says; old servers say nothing of capabilities, then the name must do."""
    shown = await client.show(model)
    abilities = shown.capabilities or ()
    info = shown.modelinfo or {}
    details = shown.details
    contexts = [as_count(value) for key, value in info.items() if key.endswith(".context_length")]
    found = _found(
        model,
        is_contestant="completion" in abilities if abilities else not _NO_CONTESTANT.search(model),
        is_reasoner="thinking" in abilities or names_a_reasoner(model),
        max_context=contexts[0] if contexts else None,
    )
    return replace(
        found,
        params_b=_billions((details and details.parameter_size) or ""),
        vendor=_word(info.get("general.organization")),
        family=_word(details and details.family),
        license=_word(info.get("general.license")),
        quantisation=_word(details and details.quantization_level),
    )


def _word(value: object) -> str:
    """A fact as it may be stored and shown: one short line, or none."""
    word = " ".join(as_text(value).split())
    return word if len(word) <= MAX_WORD_CHARS and word.isprintable() else ""


def _named(model: str) -> Found:
    """What its name alone tells."""
    return _found(model, is_contestant=not _NO_CONTESTANT.search(model), is_reasoner=names_a_reasoner(model))


def _found(
    model: str,
    *,
    is_contestant: bool = True,
    is_reasoner: bool = False,
    max_context: int | None = None,
) -> Found:
    # QwQ's template writes the opening tag into the prompt. Its preview had no tags at all.
    is_qwq = "qwq" in model.lower() and "preview" not in model.lower()
    context = min(_REASONER_CONTEXT, max_context or _REASONER_CONTEXT) if is_reasoner else None
    return Found(
        model,
        is_contestant=is_contestant,
        opens_with_reasoning=is_qwq,
        context=context,
        max_context=max_context or None,
    )


def _billions(size: str) -> float | None:
    """`32.8B`, `494.03M`; None for what cannot be a size."""
    match = _PARAMS.fullmatch(size.strip())
    try:
        billions = round(float(match[1]) * _BILLIONS[match[2].upper()], 3) if match else None
    except ValueError:
        return None
    return billions if billions is not None and billions <= MAX_PARAMS_B else None
