from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from redis import ConnectionError as RedisConnectionError
from redis import Redis

from arena.running import keys, redis_clients
from arena.running.keys import compare_keys


@pytest.fixture(autouse=True)
def own_digest(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(keys, "DIGEST_KEY", "test:secret-key")
    yield
    redis_clients.client().delete("test:secret-key")


def test_the_same_key_everywhere_is_nothing_to_speak_of(caplog: pytest.LogCaptureFixture) -> None:
    compare_keys()
    compare_keys()
    assert caplog.messages == []


def test_another_key_is_warned_of(settings: LazySettings, caplog: pytest.LogCaptureFixture) -> None:
    compare_keys()
    settings.SECRET_KEY = "of another machine"
    compare_keys()
    assert len(caplog.messages) == 1
    assert "set the same one everywhere" in caplog.text
    assert "of another machine" not in caplog.text


def test_redis_is_told_nothing_that_leads_to_the_key(settings: LazySettings) -> None:
    compare_keys()
    told = redis_clients.client().get("test:secret-key")
    assert isinstance(told, str)
    assert settings.SECRET_KEY not in told


def test_a_lost_redis_keeps_nobody_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Redis:
        raise RedisConnectionError("nobody listens")

    with monkeypatch.context() as away:
        away.setattr(redis_clients, "client", gone)
        compare_keys()
