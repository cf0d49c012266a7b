import json
import threading

import pytest
from django.conf import LazySettings

from arena.contestants import errands, pulling, tasks
from arena.contestants.models import Contestant, Pull
from arena.contestants.pull_progress import Progress
from arena.contestants.pulling import AlreadyPulling, model_name, play_pull, servers, shelves, start_pull
from tests.contestants.servers import Answer, Asked, Connection, serving_aside
from tests.factories import make_contestant
from tests.live import wait_until

pytestmark = pytest.mark.django_db

LAYER = {"status": "pulling 6a07", "digest": "sha256:6a07", "total": 1000}
WHOLE: list[dict[str, object]] = [
    {"status": "pulling manifest"},
    LAYER,
    LAYER | {"completed": 400},
    LAYER | {"completed": 1000},
    {"status": "pulling 4fa5", "digest": "sha256:4fa5", "total": 20, "completed": 20},
    {"status": "verifying sha256 digest"},
    {"status": "writing manifest"},
    {"status": "success"},
]


def ollama(*lines: dict[str, object], has: tuple[str, ...] = (), status: int = 200) -> Answer:
    async def answer(asked: Asked, connection: Connection) -> None:
        if asked.path == "/api/tags":
            rows = [{"model": model, "size": 4_700_000_000, "details": {"parameter_size": "8B"}} for model in has]
            await connection.reply({"models": rows})
        elif asked.path == "/api/show":
            await connection.reply({"capabilities": ["completion"]})
        else:
            await connection.head(status, Content_Type="application/x-ndjson")
            for line in lines:
                await connection.send(json.dumps(line).encode() + b"\n")

    return answer


def pulled(settings: LazySettings, url: str, model: str = "llama3:8b") -> Pull:
    settings.OLLAMA_HOST = url
    pull = start_pull(next(iter(servers().values())), model)
    play_pull(pull.pk)
    pull.refresh_from_db()
    return pull


def test_model_that_has_come_takes_part_at_once(settings: LazySettings) -> None:
    with serving_aside(ollama(*WHOLE, has=("llama3:8b",))) as server:
        pull = pulled(settings, server.url)
    assert (pull.status, pull.total_bytes, pull.failure_message) == ("done", 1020, "")
    assert server.asked[0].body == {"model": "llama3:8b", "stream": True}
    assert Contestant.objects.available().get().model == "llama3:8b"


def test_contestant_that_waited_for_its_model_is_available(settings: LazySettings) -> None:
    contestant = make_contestant(provider="ollama", model="llama3:8b", is_available=False)
    with serving_aside(ollama(*WHOLE, has=("llama3:8b",))) as server:
        pulled(settings, server.url)
    contestant.refresh_from_db()
    assert contestant.is_available


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("pull model manifest: file does not exist", "unknown_model"),
        ("write /root/.ollama/models/blobs/sha256-1: no space left on device", "disk_full"),
        ("pull model manifest: 412: requires a newer version of Ollama", "too_old"),
        ('Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: no such host', "no_registry"),
        ("max retries exceeded: unexpected EOF", "no_registry"),
        ("pull model manifest: 401: unauthorized", "denied"),
        ("invalid model name", "bad_name"),
        ("digest mismatch, file must be downloaded again", "damaged"),
        ("mkdir /models: permission denied", "not_writable"),
        ("something new", "failed"),
    ],
)
def test_servers_error_is_told_in_plain_words(settings: LazySettings, sentence: str, code: str) -> None:
    with serving_aside(ollama({"status": "pulling manifest"}, {"error": sentence})) as server:
        pull = pulled(settings, server.url)
    assert (pull.status, pull.failure_code, pull.story) == ("failed", code, sentence)
    assert pull.failure_message.endswith((".", "?"))


def test_signed_address_of_a_registry_is_not_kept(settings: LazySettings) -> None:
    error = 'Get "https://blobs.example/x?X-Amz-Signature=abc&y=1": unexpected EOF'
    with serving_aside(ollama({"error": error})) as server:
        assert pulled(settings, server.url).story == 'Get "https://blobs.example/x?…": unexpected EOF'


def test_stream_that_breaks_off_is_no_success(settings: LazySettings) -> None:
    with serving_aside(ollama(*WHOLE[:4])) as server:
        assert pulled(settings, server.url).failure_code == "truncated"


def test_no_server_and_another_server_are_told_apart(settings: LazySettings) -> None:
    assert pulled(settings, "http://127.0.0.1:9").failure_code == "unreachable"

    async def web_page(asked: Asked, connection: Connection) -> None:
        await connection.reply(b"<html>", status=404)

    with serving_aside(web_page) as server:
        assert pulled(settings, server.url).failure_code == "no_ollama"


def test_garbage_is_a_failure(settings: LazySettings) -> None:
    async def garbage(asked: Asked, connection: Connection) -> None:
        await connection.reply(b"[1]\n{")

    with serving_aside(garbage) as server:
        assert pulled(settings, server.url).failure_code == "garbage"


def test_only_the_arenas_own_servers_are_asked(settings: LazySettings) -> None:
    settings.OLLAMA_HOST = "http://user:pa-ss-word-1@ollama:11434"
    make_contestant(provider="ollama", base_url="http://gpu-box:11434/")
    make_contestant(provider="openai", base_url="http://elsewhere/v1")
    assert list(servers()) == ["http://ollama:11434", "http://gpu-box:11434"]
    pull = start_pull(servers()["http://gpu-box:11434"], "qwq")
    Contestant.objects.all().delete()
    play_pull(pull.pk)
    pull.refresh_from_db()
    assert pull.failure_code == "unknown_server"


def test_a_model_is_pulled_once_at_a_time() -> None:
    server = next(iter(servers().values()))
    start_pull(server, "qwq")
    with pytest.raises(AlreadyPulling):
        start_pull(server, "qwq")
    start_pull(server, "gemma2")


def test_cancelling_closes_the_connection(settings: LazySettings, transactional_db: None) -> None:
    gone = threading.Event()

    async def slow(asked: Asked, connection: Connection) -> None:
        await connection.head(200)
        await connection.send(json.dumps(LAYER | {"completed": 1}).encode() + b"\n")
        await connection.gone()
        gone.set()

    with serving_aside(slow) as server:
        settings.OLLAMA_HOST = server.url
        pull = start_pull(next(iter(servers().values())), "qwq")
        thread = threading.Thread(target=_stop_when_seen, args=(Pull(pk=pull.pk, run=pull.run),))
        thread.start()
        play_pull(pull.pk)
        thread.join()
        assert gone.wait(20)
    pull.refresh_from_db()
    assert pull.status == "stopped"


def _stop_when_seen(pull: Pull) -> None:
    wait_until(lambda: errands.state_of(pull).get("completed"), "the first bytes")
    errands._client().set(errands._stop_key(pull.run), "1", ex=60)


def test_pull_whose_worker_died_goes_on_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[object] = []
    monkeypatch.setattr(tasks.play_pull, "apply_async", lambda args, **options: queued.append(args))
    pull = start_pull(next(iter(servers().values())), "qwq")
    claimed = errands.claim(Pull, pull.pk)
    assert claimed
    Pull.objects.update(started_at="2026-01-01T00:00:00Z")
    tasks.sweep()
    Pull.objects.update(queued_at="2026-01-01T00:00:00Z")
    tasks.sweep()
    pull.refresh_from_db()
    assert (pull.status, pull.attempt, queued) == ("waiting", 2, [(pull.pk,)])
    assert not errands.end(claimed, errands.ErrandStatus.DONE), "the first worker must not end it any more"


def test_pull_that_no_worker_survives_is_given_up() -> None:
    pull = start_pull(next(iter(servers().values())), "qwq")
    for _ in range(pulling.ATTEMPTS_MAX):
        claimed = errands.claim(Pull, pull.pk)
        assert claimed
        pulling.resume(claimed)
    pull.refresh_from_db()
    assert (pull.status, pull.failure_code) == ("failed", "interrupted")


@pytest.mark.parametrize(
    "typed", ["qwq", " qwq:32b ", "ollama pull qwq:32b", "hf.co/bartowski/QwQ-GGUF:Q4_K_M", "me/x"]
)
def test_names_of_models_are_taken(typed: str) -> None:
    assert model_name(typed) == typed.strip().removeprefix("ollama pull ")


@pytest.mark.parametrize(
    "typed", ["", "http://evil/x", "../x", "a b", "169.254.169.254/latest/x", "evil.org/a/b", "x:y:z", "a" * 300]
)
def test_addresses_and_nonsense_are_no_names_of_models(typed: str) -> None:
    with pytest.raises(ValueError, match="ollama.com"):
        model_name(typed)


def test_progress_tells_speed_and_time_left_without_counting_what_was_there() -> None:
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    progress.read(LAYER | {"completed": 400})
    now[0] = 2.0
    progress.read(LAYER | {"completed": 600})
    state = progress.state()
    assert (state["phase"], state["completed"], state["total"]) == ("fetching", 600, 1000)
    assert (state["speed"], state["left_s"]) == (100.0, 4.0)
    progress.read({"status": "verifying sha256 digest"})
    assert (progress.state()["phase"], progress.state()["speed"]) == ("verifying", None)


@pytest.mark.parametrize("line", [{}, {"status": 3}, {"digest": "a", "total": -1, "completed": "x"}, {"total": True}])
def test_odd_lines_do_not_break_progress(line: dict[str, object]) -> None:
    progress = Progress()
    progress.read(line)
    assert progress.state()["total"] == 0


def test_shelves_tell_what_each_server_has_or_why_not(settings: LazySettings) -> None:
    make_contestant(provider="ollama", base_url="http://127.0.0.1:9")
    with serving_aside(ollama(has=("b", "a"))) as server:
        settings.OLLAMA_HOST = server.url
        alive, dead = shelves()
    assert dead.problem == "Ollama at http://127.0.0.1:9 does not answer."
    assert [(one.model, one.size, one.details) for one in alive.stored] == [
        ("a", 4_700_000_000, "8B"),
        ("b", 4_700_000_000, "8B"),
    ]


def test_worker_that_stops_hands_its_pull_on(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    async def slow(asked: Asked, connection: Connection) -> None:
        await connection.head(200)
        errands.interrupt_all()
        await connection.gone()

    monkeypatch.setattr(errands, "_worker_stops", threading.Event())
    with serving_aside(slow) as server:
        pull = pulled(settings, server.url)
    assert (pull.status, pull.attempt) == ("waiting", 2)
