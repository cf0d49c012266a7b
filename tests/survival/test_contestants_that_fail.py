"""A contestant's server fails, each way it can: the others finish, the pane says why, and asking again works once the
cause is gone. A real worker asks small real servers; what is read is what a visitor gets.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from html import unescape

import pytest
from django.test import Client

from arena.battles import doors
from arena.battles.models import Battle, Response
from arena.contestants.errors import (
    ContentRefused,
    ContextTooLong,
    Garbage,
    KeyMissing,
    KeyRefused,
    ModelGone,
    Overloaded,
    ProviderError,
    QuotaSpent,
    RateLimited,
    TimedOut,
    Truncated,
    Unreachable,
)
from arena.contestants.models import Contestant
from tests.api.asking import Api
from tests.contestants.protocols import ALL, ANTHROPIC, BEGINNING, BY_PATH, END, OLLAMA, OPENAI, RESPONSES, Protocol
from tests.contestants.servers import Asked, Connection, Server, serving_aside
from tests.factories import make_contestant, make_voter
from tests.live import WorkerProcess, wait_until

LIMIT_S = 60.0
KEY = "sk-canary-4f5a1c2e9b"
KEY_NAME = "OPENAI_API_KEY"
WHOLE = BEGINNING + END
HELD_BACK = "held-back"  # the model that fails while there is a cause

Conduct = Callable[[Asked, Connection], Awaitable[None]]


def refusing(status: int, code: str, message: str, **headers: str) -> Conduct:
    async def refuse(asked: Asked, connection: Connection) -> None:
        error = {"message": message, "code": code, "type": code}
        await connection.reply({"error": error}, status, **headers)

    return refuse


async def answer_whole(asked: Asked, connection: Connection) -> None:
    protocol = BY_PATH[asked.path]
    await connection.head()
    await connection.send(protocol.begin + protocol.end)


async def hang_up(asked: Asked, connection: Connection) -> None:
    """Without a word: whether the request was taken on, nobody knows."""


async def cut_off(asked: Asked, connection: Connection) -> None:
    await connection.head()
    await connection.send(BY_PATH[asked.path].begin)


async def answer_html(asked: Asked, connection: Connection) -> None:
    await connection.reply(b"<!doctype html><title>Welcome to nginx!</title>", Content_Type="text/html")


@dataclass
class ModelServer:
    """Serves everybody but one model, as long as there is a `cause`."""

    cause: Conduct | None = None
    asked: list[Asked] = field(default_factory=list)

    async def answer(self, asked: Asked, connection: Connection) -> None:
        if asked.path not in BY_PATH:
            return await connection.reply({"models": []})
        if asked.body["model"] != HELD_BACK:
            return await answer_whole(asked, connection)
        self.asked.append(asked)
        await (self.cause or answer_whole)(asked, connection)


@pytest.fixture
def model_server() -> ModelServer:
    return ModelServer()


@pytest.fixture
def upstream(model_server: ModelServer) -> Iterator[Server]:
    with serving_aside(model_server.answer) as server:
        yield server


@dataclass
class Visit:
    """A visitor with a battle of one contestant that fails and one that does not."""

    api: Api
    battle: Battle

    @property
    def slot(self) -> str:
        return self.battle.seats.get(contestant__model=HELD_BACK).slot

    def responses(self) -> dict[str, Response]:
        rows = Response.objects.filter(turn__battle=self.battle).select_related("seat__contestant")
        return {"failing" if row.seat.contestant.model == HELD_BACK else "fine": row for row in rows}

    def to_the_end(self) -> dict[str, Response]:
        running = Battle.objects.filter(pk=self.battle.pk, status="running")
        wait_until(lambda: not running.exists(), "the end of the battle", limit_s=LIMIT_S)
        return self.responses()

    def ask_again(self) -> dict[str, Response]:
        answer = self.api.post(f"/battles/{self.battle.pk}/responses/{self.slot}/retry")
        assert answer.status_code == 200, answer.text
        return self.to_the_end()

    def page(self) -> str:
        client: Client = self.api.client
        return unescape(client.get(self.battle.get_absolute_url()).content.decode())


def visit(*contestants: Contestant) -> Visit:
    Contestant.objects.exclude(pk__in=[made.pk for made in contestants]).update(is_available=False)
    voter = make_voter()
    slugs = [made.slug for made in contestants]
    battle = doors.open_battle(voter, prompt="What is 2 + 2?", size=len(slugs), contestants=slugs)
    return Visit(Api(voter=voter), battle)


def contestants_of(protocol: Protocol, upstream: Server, **fields: object) -> tuple[Contestant, Contestant]:
    server = protocol.fields(upstream.url)
    failing = make_contestant("canary-slug", model=HELD_BACK, name="Canary Name", **server, **fields)
    return failing, make_contestant("other-slug", **server)


def log_line(worker: WorkerProcess, battle: Battle) -> str:
    lines = [line for line in worker.log.read_text().split("\n") if f"response failed: battle={battle.pk}" in line]
    assert len(lines) == 1
    return lines[0]


CAUSES: list[tuple[Protocol, Conduct, type[ProviderError], str]] = [
    *(
        (protocol, refusing(401, "invalid_api_key", f"Incorrect API key provided: {KEY}"), KeyRefused, "")
        for protocol in ALL
    ),
    (OPENAI, refusing(429, "insufficient_quota", "You exceeded your current quota"), QuotaSpent, ""),
    (ANTHROPIC, refusing(400, "invalid_request_error", "Your credit balance is too low"), QuotaSpent, ""),
    (OPENAI, refusing(404, "model_not_found", "The model `held-back` does not exist"), ModelGone, ""),
    (RESPONSES, refusing(404, "model_not_found", "The model `held-back` does not exist"), ModelGone, ""),
    (OLLAMA, refusing(404, "", "model 'held-back' not found"), ModelGone, ""),
    (OPENAI, refusing(429, "rate_limit", "Slow", Retry_After="590"), RateLimited, "try again in about 10 minutes."),
    (ANTHROPIC, refusing(529, "overloaded_error", "Overloaded", Retry_After="110"), Overloaded, "in about 2 minutes."),
    (RESPONSES, refusing(400, "content_policy_violation", "Rejected"), ContentRefused, ""),
    (OPENAI, refusing(400, "context_length_exceeded", "Too long"), ContextTooLong, ""),
    (ANTHROPIC, refusing(504, "", "upstream request timeout"), TimedOut, ""),
    (OPENAI, hang_up, Unreachable, ""),
    (RESPONSES, cut_off, Truncated, ""),
    (OPENAI, answer_html, Garbage, ""),
]


@pytest.mark.parametrize(("protocol", "cause", "kind", "words"), CAUSES)
def test_others_finish_the_pane_says_why_and_asking_again_works(
    protocol: Protocol,
    cause: Conduct,
    kind: type[ProviderError],
    words: str,
    worker: WorkerProcess,
    model_server: ModelServer,
    upstream: Server,
) -> None:
    model_server.cause = cause
    visitor = visit(*contestants_of(protocol, upstream))
    ended = visitor.to_the_end()
    failing, fine = ended["failing"], ended["fine"]
    assert (fine.status, fine.answer) == ("finished", WHOLE)
    assert (failing.status, failing.failure_code) == ("failed", kind.code)
    assert failing.failure_message.endswith(words or kind.message)
    assert (failing.answer.strip(), failing.is_truncated) == (
        (BEGINNING.strip(), True) if cause is cut_off else ("", False)
    )
    assert failing.failure_message in visitor.page()
    assert "Canary" not in visitor.page()
    assert len(model_server.asked) == 1, "nobody is billed twice"

    line = log_line(worker, visitor.battle)
    for part in (f"slot={visitor.slot}", "contestant=canary-slug", f"provider={protocol.provider}", upstream.url):
        assert part in line
    assert f"code={kind.code}" in line
    assert KEY not in line

    model_server.cause = None
    again = visitor.ask_again()
    assert (again["failing"].status, again["failing"].answer) == ("finished", WHOLE)
    assert again["failing"].failure_code == ""
    assert again["fine"].finished_at == fine.finished_at, "the other slot is untouched"


@pytest.mark.parametrize("protocol", ALL)
def test_busy_server_is_asked_again_by_itself(
    protocol: Protocol, worker: WorkerProcess, model_server: ModelServer, upstream: Server
) -> None:
    async def busy_at_first(asked: Asked, connection: Connection) -> None:
        if len(model_server.asked) == 1:
            await connection.reply({"error": {"message": "Overloaded"}}, 503, Retry_After="1")
        else:
            await answer_whole(asked, connection)

    model_server.cause = busy_at_first
    ended = visit(*contestants_of(protocol, upstream)).to_the_end()
    assert (ended["failing"].status, ended["failing"].answer) == ("finished", WHOLE)
    assert len(model_server.asked) == 2
    assert ended["failing"].first_token_ms is not None
    assert ended["failing"].first_token_ms >= 1000, "the pause is part of the wait"


def test_server_that_is_not_there_is_asked_again_once_it_is(
    worker: WorkerProcess, model_server: ModelServer, upstream: Server
) -> None:
    failing, fine = contestants_of(OPENAI, upstream)
    Contestant.objects.filter(pk=failing.pk).update(base_url="http://127.0.0.1:9")
    visitor = visit(failing, fine)
    ended = visitor.to_the_end()
    assert (ended["failing"].failure_code, ended["fine"].status) == ("unreachable", "finished")
    assert Unreachable.message in visitor.page()
    Contestant.objects.filter(pk=failing.pk).update(base_url=f"{upstream.url}/v1")
    assert visitor.ask_again()["failing"].answer == WHOLE


@pytest.fixture
def worker_with_key(worker: WorkerProcess, upstream: Server) -> Iterator[Callable[[], None]]:
    """What an operator does about a missing key: set it (here for a stand-in of the vendor), restart the worker."""
    without = worker.environment

    def restart() -> None:
        worker.stop()
        worker.environment = {**without, KEY_NAME: KEY, "OPENAI_BASE_URL": f"{upstream.url}/v1"}
        worker.ensure()

    yield restart
    worker.stop()
    worker.environment = without


def test_missing_key_is_named_to_the_operator_and_works_once_it_is_set(
    worker: WorkerProcess, worker_with_key: Callable[[], None], model_server: ModelServer, upstream: Server
) -> None:
    failing, fine = contestants_of(OPENAI, upstream)
    Contestant.objects.filter(pk=failing.pk).update(base_url="")
    visitor = visit(failing, fine)
    ended = visitor.to_the_end()
    assert (ended["failing"].failure_code, ended["fine"].status) == ("key_missing", "finished")
    assert KeyMissing.message in visitor.page()
    assert KEY_NAME not in visitor.page()
    assert not model_server.asked
    line = log_line(worker, visitor.battle)
    assert f"{KEY_NAME} is not set" in line
    assert "restart the arena" in line

    worker_with_key()
    assert visitor.ask_again()["failing"].answer == WHOLE
    assert model_server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in worker.log.read_text()
