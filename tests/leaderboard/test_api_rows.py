"""What the API describes is what a snapshot holds."""

from arena.leaderboard.api import PairOut, RowOut
from arena.leaderboard.rows import Pair, Row


def test_described_rows_are_the_stored_ones() -> None:
    assert list(RowOut.model_fields) == list(Row.__annotations__)
    assert list(PairOut.model_fields) == list(Pair.__annotations__)
