"""Settings are read as people write them."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from arena.environment import env_database, env_hosts, env_ollama_host, env_origins, env_url, env_usd

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


def read_database(monkeypatch: pytest.MonkeyPatch, url: str) -> dict[str, object]:
    monkeypatch.setenv("DATABASE_URL", url)
    return env_database("DATABASE_URL", "", pool_size=7, sqlite_for_tests=Path("test.sqlite3"))


def test_options_of_a_database_url_stand_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_database(monkeypatch, "postgresql://me@db/arena?sslmode=require")
    options = config["OPTIONS"]
    assert isinstance(options, dict)
    assert (options["sslmode"], options["connect_timeout"], options["pool"]["max_size"]) == ("require", 5, 7)


def test_options_of_a_database_url_go_before_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_database(monkeypatch, "postgres://me@db/arena?connect_timeout=30&application_name=mine")
    options = config["OPTIONS"]
    assert isinstance(options, dict)
    assert (options["connect_timeout"], options["application_name"]) == (30, "mine")


@pytest.mark.parametrize("url", ["mysql2://me:secret@db/arena", "postgres://me:secret@db:port/arena", "arena"])
def test_what_is_no_database_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="^DATABASE_URL ") as refused:
        read_database(monkeypatch, url)
    assert "secret" not in str(refused.value)


def test_hosts_are_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "arena.example.org, [::1],")
    assert env_hosts("ALLOWED_HOSTS", []) == ["arena.example.org", "[::1]"]
    monkeypatch.setenv("ALLOWED_HOSTS", "https://arena.example.org")
    with pytest.raises(ImproperlyConfigured, match="^ALLOWED_HOSTS "):
        env_hosts("ALLOWED_HOSTS", [])


def test_origins_have_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSRF_TRUSTED_ORIGINS", "https://arena.example.org/")
    assert env_origins("CSRF_TRUSTED_ORIGINS") == ["https://arena.example.org"]
    monkeypatch.setenv("CSRF_TRUSTED_ORIGINS", "arena.example.org")
    with pytest.raises(ImproperlyConfigured, match="^CSRF_TRUSTED_ORIGINS "):
        env_origins("CSRF_TRUSTED_ORIGINS")


def test_budgets_are_amounts_of_dollars(monkeypatch: pytest.MonkeyPatch) -> None:
    for word, amount in (("", None), ("0", Decimal(0)), ("2.50", Decimal("2.5")), (" 25 ", Decimal(25))):
        monkeypatch.setenv("ARENA_DAILY_BUDGET_USD", word)
        assert env_usd("ARENA_DAILY_BUDGET_USD") == amount


@pytest.mark.parametrize("word", ["$5", "five", "-1", "nan", "inf", "1e12", "5,00"])
def test_what_is_no_budget_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("ARENA_DAILY_BUDGET_USD", word)
    with pytest.raises(ImproperlyConfigured, match="^ARENA_DAILY_BUDGET_USD must be ") as refused:
        env_usd("ARENA_DAILY_BUDGET_USD")
    assert "\n" not in str(refused.value)
