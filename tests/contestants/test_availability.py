"""Which contestants can be asked, found out on servers of our own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from arena.contestants import discovery, services
from arena.contestants import servers as contestants_servers
from arena.contestants.models import Contestant, Source
from arena.contestants.queries import in_play
from arena.contestants.tasks import check_availability as check_task
from tests.contestants.servers import Asked, Connection, Server, serving_aside
from tests.factories import make_contestant

pytestmark = pytest.mark.django_db

OLLAMA_MODELS: dict[str, dict[str, object]] = {
    "qwq:32b": {"capabilities": ["completion", "tools"], "details": {"parameter_size": "32.8B"}},
    "gemma2:27b": {"capabilities": ["completion"], "details": {"parameter_size": "27.2B"}},
    "my-qwq:latest": {"details": {"parameter_size": "494.03M"}, "model_info": {"qwen2.context_length": 4096}},
    "nomic-embed-text:latest": {"capabilities": ["embedding"]},
    "mxbai-embed-large:latest": {},
}


@contextmanager
def ollama(models: Mapping[str, dict[str, object]] = OLLAMA_MODELS) -> Iterator[Server]:
    async def answer(asked: Asked, connection: Connection) -> None:
        if asked.path == "/api/tags":
            await connection.reply({"models": [{"model": name, "name": name} for name in models]})
        else:
            assert asked.path == "/api/show"
            await connection.reply({"model_info": {}, **models[str(asked.body["model"])]})

    with serving_aside(answer) as server:
        yield server


@contextmanager
def replying(body: object, status: int = 200) -> Iterator[Server]:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.reply(body, status)

    with serving_aside(answer) as server:
        yield server


def listing(*models: str) -> dict[str, object]:
    return {"object": "list", "data": [{"id": model, "object": "model"} for model in models]}


def state(slug: str) -> tuple[bool, str]:
    row = Contestant.objects.get(slug=slug)
    return row.is_available, row.unavailable_because


def test_silent_ollama_is_named_in_plain_words(settings: LazySettings) -> None:
    make_contestant("a", provider="ollama")
    services.check_availability()
    assert state("a") == (False, f"Ollama at {settings.OLLAMA_HOST} does not answer.")


def test_missing_key_is_named() -> None:
    make_contestant("a", provider="openai")
    make_contestant("b", provider="anthropic", api_key_env="MY_KEY")
    services.check_availability()
    assert state("a") == (False, "OPENAI_API_KEY is not set.")
    assert state("b") == (False, "MY_KEY is not set.")


def test_ollama_without_the_model_says_how_to_get_it(settings: LazySettings) -> None:
    make_contestant("a", provider="ollama", model="qwq:32b")
    make_contestant("b", provider="ollama", model="my-qwq")
    make_contestant("c", provider="ollama", model="gemma2:9b")
    with ollama() as server:
        settings.OLLAMA_HOST = server.url
        services.check_availability()
    assert state("a") == state("b") == (True, "")
    assert state("c") == (False, "Ollama does not have gemma2:9b: run `ollama pull gemma2:9b`.")


def test_server_that_lists_without_the_model_does_not_offer_it() -> None:
    with replying(listing("big", "small-2024-08-06")) as server:
        make_contestant("a", base_url=server.url, model="big")
        make_contestant("b", base_url=server.url, model="small")
        make_contestant("c", base_url=server.url, model="o1")
        services.check_availability()
    assert state("a") == state("b") == (True, "")
    assert state("c") == (False, f"The server at {server.url} does not offer o1.")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "available", "says"),
    [
        (404, b"not found", True, ""),
        (405, b"", True, ""),
        (200, b"<html>", True, ""),
        (401, b"{}", False, "needs a key"),
        (500, b"", False, "answered with status 500"),
    ],
)
def test_server_without_a_list_counts_as_reachable(status: int, body: bytes, available: bool, says: str) -> None:
    with replying(body, status) as server:
        make_contestant("a", base_url=server.url)
        services.check_availability()
    is_available, because = state("a")
    assert is_available is available
    assert says in because


def test_key_is_sent_only_where_it_belongs(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("MY_KEY", "sk-2")
    with replying(listing()) as own, replying(listing()) as other:
        settings.OPENAI_BASE_URL = own.url
        make_contestant("a")
        make_contestant("b", base_url=other.url)
        make_contestant("c", base_url=other.url, api_key_env="MY_KEY")
        services.check_availability()
    assert [asked.headers.get("authorization") for asked in own.asked] == ["Bearer sk-1"]
    assert {asked.headers.get("authorization") for asked in other.asked} == {None, "Bearer sk-2"}


def test_anthropic_server_is_asked_for_its_models(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-3")
    with replying({"data": [{"id": "claude-haiku-4-5-20251001"}]}) as server:
        settings.ANTHROPIC_BASE_URL = server.url
        make_contestant("a", provider="anthropic", model="claude-haiku-4-5")
        make_contestant("b", provider="anthropic", model="claude-3-5-sonnet-20241022")
        services.check_availability()
    assert state("a")[0]
    assert "does not offer" in state("b")[1]
    assert server.asked[0].path.startswith("/v1/models")
    assert server.asked[0].headers["x-api-key"] == "sk-3"


def test_silent_server_holds_nobody_up(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "LOOK_TIMEOUT_S", 0.2)

    async def silent(asked: Asked, connection: Connection) -> None:
        await connection.gone()

    with serving_aside(silent) as server, ollama() as other:
        settings.OLLAMA_HOST = other.url
        make_contestant("a", base_url=server.url)
        make_contestant("b", provider="ollama", model="qwq:32b")
        services.check_availability()
    assert state("a") == (False, f"The server at {server.url} does not answer.")
    assert state("b") == (True, "")


def test_simulated_contestants_are_always_available() -> None:
    services.load_catalogue()
    assert {row.slug for row in in_play()} == {"sim-chatty", "sim-terse", "sim-formal", "sim-hasty"}
    services.check_availability()
    assert in_play().count() == 4


def test_entry_that_left_the_catalogue_is_not_drawn(tmp_path: Path, settings: LazySettings) -> None:
    make_contestant("gone", source=Source.CATALOGUE)
    services.check_availability()
    assert state("gone") == (False, "It is no longer in the catalogue.")


def test_discovery_enters_what_ollama_has(settings: LazySettings) -> None:
    services.load_catalogue()
    with ollama() as server:
        settings.OLLAMA_HOST = server.url
        (found,) = services.discover()
        services.check_availability()
    assert found.known == ["gemma2:27b", "qwq:32b"]
    assert found.left_out == ["mxbai-embed-large:latest", "nomic-embed-text:latest"]
    (mine,) = found.entered
    assert (mine.slug, mine.name, mine.model, mine.source) == ("my-qwq", "my-qwq", "my-qwq:latest", Source.DISCOVERED)
    assert mine.opens_with_reasoning
    assert mine.options == {"num_ctx": 4096}
    assert mine.params_b == 0.494
    assert {row.slug for row in in_play()} == {"qwq-32b", "gemma-2-27b", "my-qwq"}


def test_discovery_keeps_the_facts_that_ollama_tells(settings: LazySettings) -> None:
    shown = {
        "capabilities": ["completion"],
        "details": {"family": "gemma2", "parameter_size": "9.2B", "quantization_level": "Q4_0"},
        "model_info": {
            "gemma2.context_length": 8192,
            "general.license": "gemma",
            "general.organization": "Google\n",
        },
    }
    with ollama({"gemma2:9b-odd": shown, "bare": {"model_info": {"general.license": "x" * 2000}}}) as server:
        settings.OLLAMA_HOST = server.url
        services.discover()
    row = Contestant.objects.get(model="gemma2:9b-odd")
    assert (row.family, row.params_b, row.context_tokens, row.license) == ("gemma2", 9.2, 8192, "gemma")
    assert (row.vendor, row.description) == ("Google", "Found on Ollama, in Q4_0 quantisation.")
    row.full_clean()
    bare = Contestant.objects.get(model="bare")
    assert (bare.license, bare.description, bare.context_tokens) == ("", "", None)


def test_hosted_server_is_not_looked_at_before_its_key_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped catalogue names some: the arena goes nowhere that nobody has a key for."""
    make_contestant("a", base_url="https://hosted.example.org/v1", api_key_env="MY_KEY")
    services.check_availability()
    assert state("a") == (False, "MY_KEY is not set.")


def test_open_weights_wait_for_a_server_of_ones_own(settings: LazySettings) -> None:
    make_contestant("a", model="Qwen/QwQ-32B", params_b=32.5)
    services.check_availability()
    assert "waits for a server of yours" in state("a")[1]
    with replying(listing("Qwen/QwQ-32B")) as server:
        settings.OPENAI_BASE_URL = server.url
        services.check_availability()
    assert state("a") == (True, "")


def test_azures_list_is_not_one_of_deployments(monkeypatch: pytest.MonkeyPatch) -> None:
    with replying(listing("gpt-4o-2024-08-06")) as server:
        host = contestants_servers.urlsplit(server.url).hostname
        monkeypatch.setattr(contestants_servers, "_LISTS_MORE_THAN_IT_SERVES", (host,))
        make_contestant("a", base_url=f"{server.url}/openai/v1", model="our-deployment")
        services.check_availability()
    assert state("a") == (True, "")
    assert [asked.path for asked in server.asked] == ["/openai/v1/models"]


def test_discovery_again_doubles_nothing(settings: LazySettings) -> None:
    with ollama() as server:
        settings.OLLAMA_HOST = server.url
        first = services.discover()
        again = services.discover()
    assert len(first[0].entered) == 3
    assert again[0].entered == []
    assert Contestant.objects.count() == 3


@pytest.mark.parametrize("moment", ["_known_models", "_shown_name"])
def test_model_that_another_worker_enters_meanwhile_is_entered_once(
    moment: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just after it was looked which are known, and while the server describes them."""
    quicker = getattr(services, moment)

    def then_another_enters(*arguments: object) -> object:
        found = quicker(*arguments)
        make = {"provider": "ollama", "model": "qwq:32b", "source": Source.DISCOVERED}
        Contestant.objects.get_or_create(slug="qwq-32b", defaults={"name": "qwq:32b", **make})
        return found

    monkeypatch.setattr(services, moment, then_another_enters)
    with ollama({"qwq:32b": OLLAMA_MODELS["qwq:32b"]}) as server:
        settings.OLLAMA_HOST = server.url
        services.discover()
    assert [row.slug for row in Contestant.objects.filter(model="qwq:32b")] == ["qwq-32b"]


def test_discovery_enters_what_an_openai_compatible_server_has(settings: LazySettings) -> None:
    with replying(listing("tiny", "bge-m3", "o1")) as server:
        settings.OPENAI_BASE_URL = server.url
        services.load_catalogue()
        _, found = services.discover()
        services.check_availability()
    assert [row.model for row in found.entered] == ["tiny"]
    assert found.left_out == ["bge-m3"]
    assert {row.slug for row in in_play()} == {"tiny", "o1"}


def test_discovery_enters_no_whole_marketplace(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestants_servers.Server, "is_near", False)
    with replying(listing(*(f"model-{number}" for number in range(51)))) as server:
        settings.OPENAI_BASE_URL = server.url
        _, found = services.discover()
    assert found.too_many == 51
    assert not Contestant.objects.exists()


def test_all_that_a_server_nearby_has_is_entered(settings: LazySettings) -> None:
    with replying(listing(*(f"model-{number}" for number in range(300)))) as server:
        settings.OPENAI_BASE_URL = server.url
        check_task()
    assert in_play().count() == 300


@pytest.mark.parametrize(
    ("url", "is_near"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("http://10.1.2.3/v1", True),
        ("http://localhost:1", True),
        ("http://ollama:11434", True),
        ("http://gpu.local", True),
        ("http://8.8.8.8/v1", False),
        ("https://openrouter.ai/api/v1", False),
    ],
)
def test_near_is_what_the_operator_runs(url: str, is_near: bool) -> None:
    assert contestants_servers.Server("openai", url).is_near is is_near


def test_vendors_own_server_is_not_searched() -> None:
    assert [found.look.server.provider for found in services.discover()] == ["ollama"]


def test_two_models_of_like_names_get_two_slugs(settings: LazySettings) -> None:
    with ollama({"a:b": {"capabilities": ["completion"]}, "a-b": {"capabilities": ["completion"]}}) as server:
        settings.OLLAMA_HOST = server.url
        services.discover()
    assert set(Contestant.objects.values_list("slug", flat=True)) == {"a-b", "a-b-2"}


def test_odd_names_become_contestants(settings: LazySettings) -> None:
    names = [
        "Org/Model-7B:Q4_K_M",
        "org/model-7b:q4_k_m",
        "大模型",
        "<script>alert(1)</script>",
        "two\nlines\u202eltr",
        "\u202e",
        *(f"{'long' * 49}-{end}" for end in "ab"),
        "x" * 201,
    ]
    with ollama({name: {"capabilities": ["completion"]} for name in names}) as server:
        settings.OLLAMA_HOST = server.url
        check_task()
    rows = {row.model: row for row in in_play()}
    assert set(rows) == set(names[:-1])
    assert len({row.slug for row in rows.values()}) == len({row.name for row in rows.values()}) == len(rows)
    assert rows["two\nlines\u202eltr"].name == "two lines ltr"
    assert rows["大模型"].slug == "contestant-2"
    assert rows[names[6]].name.endswith("-a")


def test_list_of_an_early_ollama_is_read(settings: LazySettings) -> None:
    make_contestant("a", provider="ollama", model="qwq:32b")
    make_contestant("b", provider="ollama", model="gemma2")
    rows = [{"name": "qwq:32b", "modified_at": "yesterday", "size": None}, {"name": "gemma2:latest"}, "?", {"name": 7}]
    with replying({"models": rows}) as server:
        settings.OLLAMA_HOST = server.url
        services.check_availability()
    assert state("a") == state("b") == (True, "")


def test_list_without_end_is_not_read(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAX_LIST_BYTES", 1000)
    make_contestant("a", provider="ollama")
    with replying({"models": [{"name": "x" * 1000}]}) as server, replying(listing("x" * 1000)) as other:
        settings.OLLAMA_HOST = server.url
        make_contestant("b", base_url=other.url)
        services.check_availability()
    assert state("a") == (False, f"Ollama at {server.url} sends a list that is too long to be one of models.")
    assert "too long" in state("b")[1]


def test_models_that_cannot_be_described_are_known_by_name(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "DESCRIBE_TIMEOUT_S", 0.3)

    async def silent_on_models(asked: Asked, connection: Connection) -> None:
        if asked.path == "/api/tags":
            await connection.reply({"models": [{"name": f"qwq:{number}"} for number in range(20)]})
        else:
            await connection.gone()

    with serving_aside(silent_on_models) as server:
        settings.OLLAMA_HOST = server.url
        services.discover()
    found = Contestant.objects.all()
    assert len(found) == 20
    assert all(row.opens_with_reasoning and row.options == {"num_ctx": 16384} for row in found)


@pytest.mark.parametrize("path", ["", "/v1"])
def test_address_of_a_list_may_leave_out_v1(settings: LazySettings, path: str) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        found = asked.path == "/v1/models"
        await connection.reply(listing("tiny") if found else {"detail": "Not Found"}, 200 if found else 404)

    with serving_aside(answer) as server:
        settings.OPENAI_BASE_URL = f"{server.url}{path}"
        services.discover()
    assert Contestant.objects.get().model == "tiny"


def test_something_else_at_ollamas_address_is_said(settings: LazySettings) -> None:
    make_contestant("a", provider="ollama")
    with replying(b"<html>") as server:
        settings.OLLAMA_HOST = server.url
        services.check_availability()
    assert "is something else" in state("a")[1]


def test_task_does_all_of_it(settings: LazySettings) -> None:
    with ollama() as server:
        settings.OLLAMA_HOST = server.url
        check_task()
    assert {row.slug for row in in_play()} == {"qwq-32b", "gemma-2-27b", "my-qwq"}


def test_task_with_a_broken_catalogue_leaves_the_rows(settings: LazySettings, caplog: pytest.LogCaptureFixture) -> None:
    make_contestant("a")
    settings.ARENA_CATALOGUE = "/nowhere.toml"
    check_task()
    assert state("a") == (True, "")
    assert "/nowhere.toml" in caplog.text


def test_discover_command_speaks_plainly(settings: LazySettings) -> None:
    out = StringIO()
    with ollama() as server:
        settings.OLLAMA_HOST = server.url
        call_command("discover", stdout=out)
    said = out.getvalue()
    assert f"Ollama at {server.url} has 5 models. Entered: my-qwq. Known already: gemma2:27b, qwq:32b." in said
    assert "Left out, no chat model: mxbai-embed-large:latest, nomic-embed-text:latest." in said
    assert "  QwQ 32B\n" in said
    assert "  Chatty (simulated)\n" in said
    assert "  Claude Haiku 4.5: ANTHROPIC_API_KEY is not set.\n" in said


@pytest.mark.parametrize(
    ("size", "billions"),
    [("32.8B", 32.8), ("494.03M", 0.494), ("1.5T", 1500.0), ("", None), ("1.2.3B", None), ("9" * 400 + "B", None)],
)
def test_size_that_a_server_tells_is_a_number_or_unknown(size: str, billions: float | None) -> None:
    assert discovery._billions(size) == billions
