"""What every test may ask for: a real Redis of its own, and plain static files."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from arena.running.redis_server import EmbeddedRedis


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[EmbeddedRedis]:
    """One real Redis per test process, on a unix socket in the run's own directory."""
    server = EmbeddedRedis()
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def quick_settings(settings: LazySettings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
