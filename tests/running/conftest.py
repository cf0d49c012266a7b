from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running.arena_runs import ArenaRun, copy_of


@pytest.fixture(scope="session")
def prepared_var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `var/` with database and static files, made once."""
    var = tmp_path_factory.mktemp("prepared") / "var"
    with ArenaRun(var) as run:
        run.until_ready()
        run.process.terminate()
        assert run.until_ended() == 0
    return var


@pytest.fixture
def var(prepared_var: Path, tmp_path: Path) -> Path:
    return copy_of(prepared_var, tmp_path / "var")


@pytest.fixture
def arena(var: Path) -> Iterator[ArenaRun]:
    """An arena that is ready."""
    with ArenaRun(var) as run:
        run.until_ready()
        yield run
