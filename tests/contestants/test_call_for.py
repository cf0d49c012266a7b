import pytest
from django.conf import LazySettings

from arena.contestants.errors import KeyMissing, Unreachable
from arena.contestants.models import Contestant
from arena.contestants.providers.call import Message
from arena.contestants.queries import call_for

QUESTION: list[Message] = [{"role": "user", "content": "Why?"}]


def contestant(**fields: object) -> Contestant:
    return Contestant(**{"provider": "openai", "model": "m", **fields})


def test_default_server_and_key_of_the_provider(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " sk-1\n")
    call = call_for(contestant(options={"seed": 1}, opens_with_reasoning=True), QUESTION)
    assert (call.base_url, call.api_key, call.options) == ("https://api.openai.com/v1", "sk-1", {"seed": 1})
    assert call.messages == tuple(QUESTION)
    assert call.opens_with_reasoning
    assert "sk-1" not in repr(call)


def test_vendor_without_a_key_is_refused() -> None:
    with pytest.raises(KeyMissing, match="OPENAI_API_KEY is not set"):
        call_for(contestant(), QUESTION)


def test_own_server_needs_no_key_and_gets_none_of_the_vendors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    call = call_for(contestant(base_url="http://127.0.0.1:8080/v1/"), QUESTION)
    assert (call.base_url, call.api_key) == ("http://127.0.0.1:8080/v1", "")


def test_named_key_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "k")
    assert call_for(contestant(base_url="http://host/v1", api_key_env="MY_KEY"), QUESTION).api_key == "k"


@pytest.mark.parametrize(("provider", "path"), [("ollama", ""), ("openai", "/v1")])
def test_simulated_contestant_is_asked_at_the_simulator(provider: str, path: str) -> None:
    call = call_for(contestant(provider=provider, simulated=True), QUESTION, simulator_url="http://127.0.0.1:1")
    assert call.base_url == f"http://127.0.0.1:1{path}"


def test_simulated_contestant_without_a_simulator_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        call_for(contestant(simulated=True), QUESTION)
