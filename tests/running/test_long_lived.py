import gc
from collections.abc import Iterator

import pytest

from arena.running import long_lived


@pytest.fixture
def collector() -> Iterator[None]:
    """Left as it was found."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_is_loaded_is_not_walked_again(collector: None) -> None:
    before = gc.get_freeze_count()
    long_lived.leave_alone()
    assert gc.get_freeze_count() > before + 10_000
    assert gc.get_threshold()[0] == long_lived.ALLOCATIONS_PER_LOOK


def test_cycles_that_come_later_are_still_found(collector: None) -> None:
    long_lived.leave_alone()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1
