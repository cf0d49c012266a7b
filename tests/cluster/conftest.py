"""Two machines, started once for all tests of this folder. They need PostgreSQL: `TEST_DATABASE=postgres` runs them."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.cluster.machines import Machine, TcpRedis, new_database
from tests.live import wait_until

POOL = 4
THREADS = 8


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Machines share no SQLite. The suite runs everything on both databases, so nothing is left out."""
    if os.environ["DATABASE_URL"]:
        return
    ours = [item for item in items if "cluster" in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in ours]
    config.hook.pytest_deselected(items=ours)


@dataclass
class Cluster:
    redis: TcpRedis
    database_url: str
    a: Machine
    b: Machine

    @property
    def machines(self) -> tuple[Machine, Machine]:
        return self.a, self.b


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Both prepare the same empty database at the same time. The second reaches Redis by TLS."""
    folder = tmp_path_factory.mktemp("cluster")
    redis = TcpRedis(folder / "redis")
    with ExitStack() as stack:
        redis.start()
        stack.callback(redis.stop)
        stack.enter_context(redis.serving_tls())
        url = stack.enter_context(new_database(os.environ["DATABASE_URL"]))
        sizes = {"DATABASE_POOL": str(POOL), "WORKER_THREADS": str(THREADS)}
        a = Machine(folder / "a", database_url=url, redis_url=redis.url, **sizes)
        b = Machine(folder / "b", database_url=url, redis_url=redis.tls_url, **sizes)
        for machine in (a, b):
            stack.callback(machine.stop)
        for preparing in [machine.start("prepare") for machine in (a, b)]:
            preparing.wait()
        for machine in (a, b):
            for part in ("web", "worker", "beat"):
                machine.start(part)
        for machine in (a, b):
            wait_until(machine.is_ready, f"the arena on {machine.folder.name}", limit_s=120)
        yield Cluster(redis, url, a, b)
