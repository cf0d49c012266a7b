"""Telling an Ollama server to fetch a model, and following how far it is.

Read by our own lenient code: the official client follows redirects and drops the user and password of an address. Only
the configured Ollama and those that contestants name are told anything, and models come from well-known registries.
https://github.com/ollama/ollama/blob/main/docs/api.md#pull-a-model
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
from django.db import IntegrityError, transaction
from django.utils import timezone

from arena.contestants import services
from arena.contestants.catalogue import CatalogueError
from arena.contestants.errands import Interrupted, Stopped, carry_out, claim, end, is_to_stop, stay_alive
from arena.contestants.errors import ProviderError
from arena.contestants.models import UNDER_WAY, Contestant, ErrandStatus, Provider, Pull, new_run
from arena.contestants.providers.http import BROKEN, make_client
from arena.contestants.providers.lines import Lines
from arena.contestants.providers.text import clean
from arena.contestants.providers.values import as_dict, as_list, as_text, parse_json
from arena.contestants.pull_progress import Progress, bytes_of
from arena.contestants.servers import Server, default_server, server_of
from arena.masking import masked

logger = logging.getLogger(__name__)

# A model of hundreds of gigabytes on a slow line takes a night.
LIMIT_S = 24 * 3600.0
# Verifying a large model on a slow disk is silent for minutes.
SILENCE_S = 900.0
ATTEMPTS_MAX = 5
ENTER_LIMIT_S = 60
LIST_LIMIT_S = 5.0
MAX_LIST_BYTES = 4 * 1024 * 1024
MAX_STORY_CHARS = 2000

REGISTRIES = ("ollama.com", "registry.ollama.ai", "hf.co", "huggingface.co")
_COMMAND = re.compile(r"^ollama\s+(?:pull|run)\s+")
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"
_NAME = re.compile(rf"(?:(?:(?P<host>{_PART})/)?{_PART}/)?{_PART}(?::{_PART})?")
_QUERY = re.compile(r"\?[^\s\"']*")  # the addresses that registries hand out are signed


class PullFailed(Exception):
    """`message` is for the operator, in plain words; `story` is what the server said."""

    def __init__(self, code: str, message: str, story: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.story = _QUERY.sub("?…", masked(clean(story)))[:MAX_STORY_CHARS]


class AlreadyPulling(Exception):
    """This server fetches this model already."""


def model_name(typed: str) -> str:
    """The name in what was typed, which may be the whole command. Raises ValueError with a sentence."""
    name = _COMMAND.sub("", typed.strip())
    match = _NAME.fullmatch(name)
    if not match or len(name) > 200:
        raise ValueError("Write the model as ollama.com does: qwq:32b, or name/model:tag. An address is not needed.")
    if match["host"] and match["host"] not in REGISTRIES:
        raise ValueError(f"Models are fetched from {', '.join(REGISTRIES)} only.")
    return name


def servers() -> dict[str, Server]:
    """Every Ollama server that may be told to fetch something, by its address without user and password.

    The arena's own comes first. Of several at one address the first counts.
    """
    rows = Contestant.objects.real().filter(provider=Provider.OLLAMA)
    known = [default_server(Provider.OLLAMA), *map(server_of, rows)]
    return {server.address: server for server in known} | {server.address: server for server in reversed(known)}


def start_pull(server: Server, model: str, *, asked_by: int | None = None) -> Pull:
    """The pull, which waits for a worker. `model` is a `model_name`. Raises AlreadyPulling."""
    if Pull.objects.filter(server=server.address, model=model, status__in=UNDER_WAY).exists():
        raise AlreadyPulling
    try:
        with transaction.atomic():
            return Pull.objects.create(server=server.address, model=model, asked_by_id=asked_by)
    except IntegrityError as error:
        raise AlreadyPulling from error


def play_pull(pk: int) -> None:
    """Have it fetched, and then look at once who can be asked now."""
    pull = claim(Pull, pk)
    if pull is None:
        return
    progress = Progress()
    try:
        server = servers().get(pull.server)
        if server is None:
            raise PullFailed("unknown_server", "This server is no longer one of the arena's Ollama servers.")
        asyncio.run(carry_out(pull, _fetch(server, pull.model, progress), progress.state))
    except PullFailed as error:
        _fail(pull, error.code, error.message, error.story)
    except Stopped:
        end(pull, ErrandStatus.STOPPED)
    except Interrupted:
        resume(pull)
    except BaseException:
        _fail(pull, "failed", "Something went wrong in the arena itself; its log tells what.")
        raise
    else:
        stay_alive(pull, ENTER_LIMIT_S)
        _enter()
        end(pull, ErrandStatus.DONE, total_bytes=progress.total or None)


def resume(pull: Pull) -> bool:
    """Its worker is gone: it waits for another, which goes on where this one was, for Ollama keeps what it has.

    False if it has ended instead, because somebody stopped it, or because no worker survives it.
    """
    if is_to_stop(pull):
        end(pull, ErrandStatus.STOPPED)
        return False
    if pull.attempt >= ATTEMPTS_MAX:
        _fail(pull, "interrupted", "Workers were stopped again and again while it was fetched. Pull it again.")
        return False
    ours = Pull.objects.filter(pk=pull.pk, run=pull.run, status=ErrandStatus.RUNNING)
    fields = {"run": new_run(), "attempt": pull.attempt + 1, "queued_at": timezone.now()}
    return bool(ours.update(status=ErrandStatus.WAITING, **fields))


@dataclass(frozen=True, slots=True)
class Stored:
    """A model that a server has."""

    model: str
    size: int | None
    details: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a server has, or why it does not say."""

    server: Server
    stored: list[Stored] = field(default_factory=list)
    problem: str = ""


def shelves() -> list[Shelf]:
    """What every server has: all asked at once, within seconds."""
    return asyncio.run(_shelves(list(servers().values())))


async def _shelves(asked: list[Server]) -> list[Shelf]:
    async with make_client() as client:
        return list(await asyncio.gather(*(_shelf(client, server) for server in asked)))


async def _shelf(client: httpx.AsyncClient, server: Server) -> Shelf:
    if server.key_problem:
        return Shelf(server, problem=server.key_problem)
    try:
        async with asyncio.timeout(LIST_LIMIT_S):
            request = client.stream("GET", f"{server.base_url}/api/tags", headers=server.bearer)
            async with request as response:
                body = await _bounded(response, MAX_LIST_BYTES)
    except (*BROKEN, httpx.InvalidURL, ValueError):  # TimeoutError is an OSError
        return Shelf(server, problem=f"{server.name} does not answer.")
    rows = as_list(as_dict(_json(body)).get("models"))
    if not response.is_success or _json(body) is None:
        return Shelf(server, problem=f"{server.name} answered with status {response.status_code}.")
    return Shelf(server, sorted(filter(None, map(_stored, map(as_dict, rows))), key=lambda one: one.model.lower()))


def _stored(row: dict[str, object]) -> Stored | None:
    name = as_text(row.get("model")) or as_text(row.get("name"))
    if not name or len(name) > 200 or name != masked(clean(name)):
        return None
    details = as_dict(row.get("details"))
    words = (as_text(details.get(word)) for word in ("parameter_size", "quantization_level"))
    return Stored(name, bytes_of(row.get("size")) or None, masked(clean(" ".join(filter(None, words))))[:60])


async def _fetch(server: Server, model: str, progress: Progress) -> None:
    """Returns once the server has it. Raises PullFailed. Being cancelled closes the connection, which ends the pull."""
    if server.key_problem:
        raise PullFailed("key", server.key_problem)
    try:
        async with asyncio.timeout(LIMIT_S), make_client() as client:
            body = json.dumps({"model": model, "stream": True}).encode()
            headers = {"Content-Type": "application/json", **server.bearer}
            request = client.stream("POST", f"{server.base_url}/api/pull", content=body, headers=headers)
            async with request as response:
                if not response.is_success:
                    raise _refused(server, response.status_code, await _bounded(response, 64 * 1024))
                await _follow(response, model, progress)
    except TimeoutError as error:
        raise PullFailed(
            "silent", "The server said nothing for a long time. Pull it again: it keeps what it has."
        ) from error
    except (*BROKEN, httpx.InvalidURL, ValueError) as error:
        if progress.phase:
            raise _broken_off(repr(error)) from None
        raise PullFailed("unreachable", f"{server.name} does not answer.", repr(error)) from None
    except ProviderError as error:  # a line without an end
        raise PullFailed("garbage", "The server sent something that could not be read.", str(error)) from None
    if not progress.is_done:
        raise _broken_off("the stream ended without success")


async def _follow(response: httpx.Response, model: str, progress: Progress) -> None:
    lines = Lines()
    chunks = aiter(response.aiter_bytes())
    while True:
        async with asyncio.timeout(SILENCE_S):
            data = await anext(chunks, None)
        for line in lines.feed(data) if data is not None else [lines.close()]:
            if line.strip():
                _read_line(line, model, progress)
        if data is None or progress.is_done:
            return


def _read_line(line: bytes, model: str, progress: Progress) -> None:
    said = _json(line)
    if not isinstance(said, dict):
        raise PullFailed(
            "garbage", "The server sent something that could not be read.", line[:500].decode(errors="replace")
        )
    if error := said.get("error"):
        raise _failure(as_text(error) or json.dumps(error), model)
    progress.read(said)


def _failure(sentence: str, model: str) -> PullFailed:
    words = sentence.lower()
    for code, needles, message in _FAILURES:
        if any(needle in words for needle in needles):
            return PullFailed(code, message.format(model=model), sentence)
    return PullFailed("failed", "Ollama could not fetch it.", sentence)


def _refused(server: Server, status: int, body: bytes) -> PullFailed:
    said = as_dict(_json(body))
    sentence = as_text(said.get("error")) or body.decode(errors="replace")
    story = f"status {status}: {sentence}"
    if status in (401, 403):
        return PullFailed(
            "key_refused", f"{server.name} {'refused the key' if server.api_key else 'needs a key'}.", story
        )
    if status in (404, 405, 501) and "error" not in said:
        return PullFailed("no_ollama", f"{server.name} is something else: it fetches no models.", story)
    failure = _failure(sentence, "This model")
    return PullFailed(failure.code, failure.message, story)


def _broken_off(story: str) -> PullFailed:
    return PullFailed("truncated", "The connection broke off. Pull it again: it goes on where it was.", story)


def _enter() -> None:
    """What has just come takes part at once: the same look around as each half minute."""
    try:
        looks = services.look_around()
        services.discover(looks)
        services.check_availability(looks)
    except CatalogueError as error:  # it is being edited
        logger.error("the catalogue was not read: %s", error)


def _fail(pull: Pull, code: str, message: str, story: str = "") -> None:
    end(pull, ErrandStatus.FAILED, failure_code=code, failure_message=message[:300], story=story)


async def _bounded(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    chunks: AsyncIterator[bytes] = response.aiter_bytes()
    async for data in chunks:
        body += data
        if len(body) > limit:
            break
    return bytes(body[:limit])


def _json(data: bytes) -> object:
    try:
        return parse_json(data.decode(errors="replace"))
    except ValueError:
        return None


# Looked for in Ollama's sentence, lower case; the first that fits decides.
_FAILURES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "disk_full",
        ("no space left", "disk full", "not enough space", "insufficient disk", "enough disk"),
        "The disk of the Ollama server is full. Make room there, then pull again: it goes on where it was.",
    ),
    (
        "unknown_model",
        ("file does not exist", "model not found", "manifest unknown", "repository not found", "not found"),
        "{model} is not in the registry. Look up its name and tag at ollama.com.",
    ),
    ("too_old", ("newer version of ollama",), "{model} needs a newer Ollama. Update the server, then pull again."),
    (
        "denied",
        ("unauthorized", "access denied", "forbidden", "401:", "403:"),
        "The registry does not give {model} to everybody: it is private, or its terms have to be accepted first.",
    ),
    ("bad_name", ("invalid model name", "invalid model path"), "Ollama does not take this as the name of a model."),
    ("damaged", ("digest mismatch",), "What came was damaged on the way. Pull again: it is fetched anew."),
    (
        "not_writable",
        ("permission denied", "read-only file system"),
        "The Ollama server may not write to its own disk.",
    ),
    (
        "no_registry",
        (
            "dial tcp",
            "no such host",
            "lookup ",
            "timeout",
            "deadline exceeded",
            "max retries",
            "eof",
            "tls",
            "reset by",
        ),
        "The registry cannot be reached from the Ollama server. Is it connected to the internet?",
    ),
)
