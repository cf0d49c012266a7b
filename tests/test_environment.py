"""Settings are read as people write them."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from arena.environment import env_ollama_host, env_url

DEFAULT = "http://127.0.0.1:11434"


@pytest.mark.parametrize(
    ("word", "url"),
    [
        ("", DEFAULT),
        ("http://gpu:11434/", "http://gpu:11434"),
        ("gpu:5000", "http://gpu:5000"),
        ("gpu:5000/", "http://gpu:5000"),
        ("gpu", "http://gpu:11434"),
        (":5000", "http://127.0.0.1:5000"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000"),
        ("http://0.0.0.0:5000", "http://127.0.0.1:5000"),
        ("::1", "http://[::1]:11434"),
        ("[::]:5000", "http://[::1]:5000"),
        ("https://gpu.example.org/ollama/", "https://gpu.example.org/ollama"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(monkeypatch: pytest.MonkeyPatch, word: str, url: str) -> None:
    monkeypatch.setenv("OLLAMA_HOST", word)
    assert env_ollama_host("OLLAMA_HOST", DEFAULT) == url


@pytest.mark.parametrize("word", ["ftp://gpu", "http://gpu:port", "http://[nonsense"])
def test_what_is_no_address_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("OLLAMA_HOST", word)
    with pytest.raises(ImproperlyConfigured, match="^OLLAMA_HOST "):
        env_ollama_host("OLLAMA_HOST", DEFAULT)


def test_url_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1/")
    assert env_url("OPENAI_BASE_URL", "", schemes=("http", "https")) == "http://127.0.0.1:8080/v1"
