"""How late an event loop gets to what is due: what it measures, or sends, is off by that much."""

import asyncio
from collections import deque
from types import TracebackType

from tests.bench.load import percentile

LOOK_EVERY_S = 0.01
LOOKS_KEPT = 100_000


class Lag:
    """Looks at the clock of the running loop until the block ends."""

    def __init__(self) -> None:
        self._late_s: deque[float] = deque(maxlen=LOOKS_KEPT)

    async def __aenter__(self) -> "Lag":
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        self._task.cancel()

    def percentile_s(self, percent: float) -> float:
        return percentile(self._late_s, percent)

    def forget(self) -> None:
        self._late_s.clear()

    async def _look(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            self._late_s.append(clock() - due)
