"""Finding a server that runs, and the embedded one's restarts."""

import os
import signal
import stat
from pathlib import Path

import pytest
import redis
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured

from arena.running import redis_server
from arena.running.redis_server import EmbeddedRedis, find_server, version_of


@pytest.fixture
def own_folder(settings: LazySettings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    settings.REDIS_URL = f"unix://{tmp_path}/redis.sock"
    return tmp_path


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=a1b2", (7, 0)),
        ("Valkey server v=8.1.1 sha=00000000:0 malloc=libc bits=64 build=a1b2", (8, 1)),
        ("Redis server version 2.4.5", None),
    ],
)
def test_a_version_is_read_from_what_the_server_says(tmp_path: Path, says: str, version: object) -> None:
    assert version_of(program(tmp_path / "redis-server", f"echo '{says}'")) == version


def test_a_server_that_does_not_run_here_has_no_version(tmp_path: Path) -> None:
    assert version_of(str(tmp_path / "nowhere")) is None
    assert version_of(program(tmp_path / "redis-server", "exit 126")) is None


def test_an_old_system_server_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = program(tmp_path / "redis-server", "echo 'Redis server v=5.0.7 sha=0'")
    good = program(tmp_path / "valkey", "echo 'Valkey server v=9.1.2 sha=0'")
    monkeypatch.setattr(redis_server, "candidates", lambda: iter([old, good]))
    assert find_server.__wrapped__() == (good, (9, 1))


def test_without_any_server_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = program(tmp_path / "redis-server", "echo 'Redis server v=5.0.7 sha=0'")
    monkeypatch.setattr(redis_server, "candidates", lambda: iter([old]))
    with pytest.raises(ImproperlyConfigured, match=r"redis-server is version 5\.0\): install redis-server 6\.2"):
        find_server.__wrapped__()


def test_a_restart_keeps_what_was_written(own_folder: Path) -> None:
    server = EmbeddedRedis()
    server.start()
    with redis.Redis.from_url(f"unix://{own_folder}/redis.sock") as client:
        client.set("kept", "yes")
    server.stop()
    server.start()
    with redis.Redis.from_url(f"unix://{own_folder}/redis.sock") as client:
        assert client.get("kept") == b"yes"
    server.stop()


def test_only_its_owner_may_use_the_socket(own_folder: Path) -> None:
    server = EmbeddedRedis()
    server.start()
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
    server.stop()


def test_a_left_over_server_is_replaced(own_folder: Path) -> None:
    old, new = EmbeddedRedis(), EmbeddedRedis()
    old.start()
    new.start()
    assert old.process is not None
    assert old.process.wait(10) == 0
    new.stop()


def test_a_left_over_socket_file_is_in_nobodys_way(own_folder: Path) -> None:
    server = EmbeddedRedis()
    server.start()
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    assert server.socket.exists()
    server.start()
    server.stop()


def test_a_server_that_cannot_start_gives_its_last_words(own_folder: Path) -> None:
    (own_folder / "redis").touch()
    with pytest.raises(ImproperlyConfigured, match="^the embedded Redis does not start: .+"):
        EmbeddedRedis().start()
