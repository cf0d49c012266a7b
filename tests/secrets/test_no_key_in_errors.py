"""What comes out of a request to a server that tells on its key, in this process: deltas, errors, logs, debug pages."""

import io
import logging
import traceback
from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.test import Client
from django.urls import path

from arena.contestants.errors import KeyMissing, KeyUnusable, ProviderError
from arena.contestants.models import Provider
from arena.contestants.providers.call import Call
from arena.contestants.providers.http import Request, make_client
from arena.contestants.providers.registry import provider_for
from arena.contestants.queries import call_for
from arena.contestants.servers import Server, server_of
from arena.environment import env_ollama_host, env_url
from arena.masking import MaskedFormatter
from arena.urls import urlpatterns as arena_urls
from tests.contestants.servers import serving
from tests.factories import make_contestant
from tests.secrets.canaries import CANARIES, leaks
from tests.secrets.echoing_server import WAYS, answer

KEY = CANARIES["OPENAI_API_KEY"]
PASSWORD = CANARIES["password"]


def call_to(url: str, model: str, *, with_password: bool) -> Call:
    base_url = url.replace("//", f"//user:{PASSWORD}@") if with_password else url
    return Call(base_url, model, ({"role": "user", "content": "?"},), "" if with_password else KEY)


def everything_about(error: BaseException | None) -> list[str]:
    """As programs write it down, and as debuggers show it."""
    texts: list[str] = []
    while error is not None:
        texts += [str(error), repr(error), repr(error.args), repr(getattr(error, "__notes__", "")), repr(vars(error))]
        texts += traceback.format_exception(error)
        error = error.__cause__ or error.__context__
    return texts


@pytest.fixture
def debug_log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def all_logs(debug_log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Every library at its most talkative, through the arena's own formatter."""
    handler = logging.StreamHandler(debug_log)
    handler.setFormatter(MaskedFormatter("%(name)s %(message)s"))
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers, handler])
    for name in ("", "httpx", "aiohttp", "asyncio", "arena"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    return debug_log


@pytest.mark.parametrize("with_password", [False, True], ids=["key", "password"])
@pytest.mark.parametrize("provider", Provider.values)
async def test_no_way_of_telling_gets_through(provider: str, with_password: bool, all_logs: io.StringIO) -> None:
    found: dict[str, list[str]] = {}
    async with serving(answer) as server, make_client() as client:
        for way in WAYS:
            texts: list[str] = []
            shown = ""
            call = call_to(server.url, way, with_password=with_password)
            try:
                async for delta in provider_for(provider)(client, call):
                    texts.append(repr(delta))
                    shown += getattr(delta, "text", "")
            except ProviderError as error:
                texts += everything_about(error)
            if seen := leaks("\n".join([*texts, shown, repr(call)])):
                found[way] = seen[:3]
    assert found == {}
    assert not leaks(all_logs.getvalue())


async def test_answers_that_hold_no_key_stay_as_they_are() -> None:
    """The mask must not eat what it need not: only the key itself is taken out."""
    async with serving(answer) as server, make_client() as client:
        call = call_to(server.url, "answered", with_password=False)
        texts = [delta async for delta in provider_for(Provider.OPENAI)(client, call)]
    assert texts[-1].answer == "Your key is ***, is it not?"  # type: ignore[union-attr]  # a Finish comes last
    assert texts[-1].reasoning == "I was asked with ***."  # type: ignore[union-attr]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "key",
    [
        "sk-canary\r\nX-Evil: 1",
        "sk-canary\nnext",
        "sk-canary with a space",
        "sk-canary-\N{LATIN SMALL LETTER E WITH ACUTE}",
        "“sk-canary”",
        '"sk-canary"',
        "Bearer sk-canary",
        "sk-canary\N{NO-BREAK SPACE}x",
        "sk-\x7fcanary",
    ],
)
def test_key_that_can_be_none_is_one_clear_failure_without_the_key(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    contestant = make_contestant()
    with pytest.raises(KeyUnusable) as caught:
        call_for(contestant, [{"role": "user", "content": "?"}])
    texts = "\n".join([*everything_about(caught.value), caught.value.message, server_of(contestant).key_problem])
    assert "canary" not in texts
    assert "OPENAI_API_KEY holds a space, a line break" in str(caught.value)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
def test_arenas_own_secrets_are_sent_to_no_model_server(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, CANARIES["password"])
    contestant = make_contestant(api_key_env=name, base_url="http://127.0.0.1:9")
    assert server_of(contestant).api_key == ""
    with pytest.raises(KeyMissing, match="the arena's own"):
        call_for(contestant, [{"role": "user", "content": "?"}])


def test_objects_that_hold_keys_do_not_show_them() -> None:
    url = f"http://user:{PASSWORD}@host/v1"
    held: list[object] = [
        Call(url, "m", (), KEY),
        Server("openai", url, "OPENAI_API_KEY", KEY),
        Request(url, {}, {"Authorization": f"Bearer {KEY}"}, KEY, (url,)),
    ]
    assert not leaks(f"{held!r} {held!s}")
    assert "password" not in Server("ollama", url).name


def broken(request: HttpRequest) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    address = f"http://user:{PASSWORD}@host/"
    raise ValueError(f"{headers} {address}")


urlpatterns = [path("broken", broken), *arena_urls]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_page_about_a_fault_of_ours_shows_no_key(settings: LazySettings, debug: bool, accept: str) -> None:
    settings.DEBUG = debug
    settings.OLLAMA_HOST = settings.REDIS_URL = f"redis://user:{PASSWORD}@host/"
    Server("ollama", settings.OLLAMA_HOST, "OPENAI_API_KEY", KEY)
    page = Client(raise_request_exception=False).get("/broken", headers={"accept": accept})
    text = page.content.decode()
    assert page.status_code == 500
    assert not leaks(text)
    assert ("ValueError" in text) == debug


@pytest.mark.parametrize(
    "url", ["http://u:pa/ss-Canary1@h", "http://u:Canary1#x@h", "http://[Canary1", "ftp://u:Canary1@h"]
)
@pytest.mark.parametrize("name", ["OLLAMA_HOST", "OPENAI_BASE_URL"])
def test_address_that_is_refused_is_not_repeated(name: str, url: str, refuse: Callable[[str, str], str]) -> None:
    assert "Canary1" not in refuse(name, url)


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """What reading this setting says about a wrong value."""

    def read(name: str, url: str) -> str:
        monkeypatch.setenv(name, url)
        try:
            if name == "OLLAMA_HOST":
                env_ollama_host(name, "")
            else:
                env_url(name, "", schemes=("http", "https"))
        except ImproperlyConfigured as error:
            return "\n".join(everything_about(error))
        return ""

    return read
