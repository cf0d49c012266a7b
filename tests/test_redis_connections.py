"""Redis as it may be configured, and how much of it the arena takes."""

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from django.conf import LazySettings
from kombu import Connection
from kombu.exceptions import OperationalError

from arena.redis_connections import async_client, broker_tls, broker_url, listening_client, sync_client
from tests.cluster.machines import PLAIN_PASSWORD, TcpRedis

CONNECTIONS = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpRedis]:
    server = TcpRedis(tmp_path_factory.mktemp("tcp"))
    server.start()
    with server.serving_tls():
        yield server
    server.stop()


@pytest.fixture
def there(settings: LazySettings, server: TcpRedis) -> TcpRedis:
    settings.REDIS_URL = server.url
    return server


def connections_to(server: TcpRedis) -> int:
    with server.client() as client:
        return len(client.client_list()) - 1


@pytest.mark.parametrize(
    ("url", "host", "port", "password", "number"),
    [
        ("redis://redis:6379/0", "redis", 6379, None, "0"),
        ("redis://redis/", "redis", 6379, None, "/"),
        ("redis://:p%40ss%2Fw%3Ard@10.0.0.4:7000/3", "10.0.0.4", 7000, PLAIN_PASSWORD, "3"),
        ("rediss://me:secret@redis.example.org:6380/1?ssl_cert_reqs=none", "redis.example.org", 6380, "secret", "1"),
    ],
)
def test_celery_reads_the_same_url(url: str, host: str, port: int, password: str, number: str) -> None:
    read = Connection(broker_url(url)).info()
    assert (read["hostname"], read["port"], read["password"], read["virtual_host"]) == (host, port, password, number)


def test_a_unix_socket_may_have_a_password_and_a_number() -> None:
    assert broker_url("unix:///run/redis.sock") == "redis+socket:///run/redis.sock?virtual_host=0"
    assert broker_url("unix://:secret@/run/redis.sock?db=2") == "redis+socket://:secret@/run/redis.sock?virtual_host=2"


def test_the_certificate_of_a_broker_is_looked_at_unless_told_otherwise() -> None:
    assert broker_tls("redis://redis:6379/0") is None
    assert broker_tls("rediss://redis:6379/0") == {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    asked = "rediss://redis:6379/0?ssl_cert_reqs=none&ssl_ca_certs=/ca.pem&ssl_check_hostname=False&socket_timeout=3"
    assert broker_tls(asked) == {
        "ssl_cert_reqs": ssl.CERT_NONE,
        "ssl_ca_certs": "/ca.pem",
        "ssl_check_hostname": False,
    }


def test_celery_and_we_speak_tls(settings: LazySettings, there: TcpRedis) -> None:
    settings.REDIS_URL = there.tls_url
    assert sync_client(timeout_s=5).ping()
    with Connection(broker_url(there.tls_url), ssl=broker_tls(there.tls_url)) as connection:
        connection.default_channel.client.set("by", "celery")
    with there.client() as client:
        assert client.get("by") == "celery"


def test_a_server_with_a_certificate_of_its_own_making_is_refused(there: TcpRedis) -> None:
    url = there.tls_url.partition("?")[0]
    with pytest.raises(redis.ConnectionError, match="certificate"):
        redis.Redis.from_url(url).ping()
    with (
        Connection(broker_url(url), ssl=broker_tls(url)) as connection,
        pytest.raises(OperationalError, match="certificate"),
    ):
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=5)


def test_many_threads_share_few_connections(there: TcpRedis) -> None:
    before = connections_to(there)
    client = sync_client(timeout_s=20, size=CONNECTIONS)
    with ThreadPoolExecutor(50) as threads:
        assert all(threads.map(lambda number: client.set(f"key:{number}", number), range(500)))
    assert connections_to(there) - before <= CONNECTIONS
    client.close()


def breaking(monkeypatch: pytest.MonkeyPatch, times: int) -> list[object]:
    """The next commands are written to a pipe that has broken; what was asked."""
    send = redis.Connection.send_command
    asked: list[object] = []

    def send_or_break(connection: redis.Connection, *command: object, **options: object) -> None:
        asked.append(command)
        if len(asked) <= times:
            connection.disconnect()
            raise redis.ConnectionError("Broken pipe")
        send(connection, *command, **options)

    monkeypatch.setattr(redis.Connection, "send_command", send_or_break)
    return asked


def test_connection_that_broke_while_nobody_used_it_is_replaced(
    there: TcpRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sync_client(timeout_s=20)
    client.ping()
    with monkeypatch.context() as broken:
        asked = breaking(broken, 1)
        assert client.set("again", "yes")
    assert asked.count(("SET", "again", "yes")) == 2
    client.close()


def test_server_that_is_gone_is_not_tried_for_long(there: TcpRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sync_client(timeout_s=20)
    client.ping()
    with monkeypatch.context() as broken, pytest.raises(redis.ConnectionError):
        breaking(broken, 1000)
        client.set("again", "yes")
    client.close()


async def test_many_coroutines_share_few_connections(there: TcpRedis) -> None:
    before = connections_to(there)
    client = async_client(timeout_s=20, size=CONNECTIONS)
    await asyncio.gather(*(client.set(f"key:{number}", number) for number in range(500)))
    assert connections_to(there) - before <= CONNECTIONS
    await client.aclose()


async def test_one_that_waits_for_news_has_one_connection(there: TcpRedis) -> None:
    before = connections_to(there)
    client = listening_client(timeout_s=5)
    assert await client.client_id()
    assert await client.client_id()
    assert connections_to(there) - before == 1
    await client.aclose()


@pytest.fixture
def silent(settings: LazySettings, tmp_path: Path) -> Iterator[None]:
    """A Redis that takes connections and says nothing, as one does that is paused, or behind a cut cable."""
    server = TcpRedis(tmp_path / "silent")
    server.start()
    assert server.process is not None
    server.pause()
    settings.REDIS_URL = server.url
    yield
    server.stop()


def test_a_silent_server_is_given_up(silent: None) -> None:
    began = time.monotonic()
    with pytest.raises(redis.RedisError):
        sync_client(timeout_s=0.2).ping()
    assert time.monotonic() - began < 30


async def test_a_silent_server_is_given_up_by_the_loop_too(silent: None) -> None:
    client = async_client(timeout_s=0.2)
    with pytest.raises(redis.RedisError):
        await client.ping()
    await client.aclose()


def test_who_waits_for_a_connection_does_not_wait_for_ever(silent: None) -> None:
    client = sync_client(timeout_s=0.2, size=1)
    errors: list[Exception] = []

    def ask() -> None:
        try:
            client.ping()
        except redis.RedisError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(errors) == 5
