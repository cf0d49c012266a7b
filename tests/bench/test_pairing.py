"""The simulation of the draw, short and seeded: `make bench ARGS="--only pairing"` runs the long one."""

from tests.bench.aims import judge
from tests.bench.pairing import KINDS, PICKS, SEQUENCE, STRENGTHS, compare, trial


class HereAndNow:
    """A pool without processes."""

    map = staticmethod(map)


def test_top_three_of_ten_take_a_quarter_of_the_ballots_and_nobody_is_starved() -> None:
    rows = compare(HereAndNow(), *KINDS[0], seeds=6)  # type: ignore[arg-type]  # all that is used of an Executor
    (row,) = (row for row in rows if row["told_apart_by"] == SEQUENCE)
    assert float(str(row["uniform_per_aimed"])) > 4
    assert row["aimed_right_percent"] == 100
    assert int(str(row["least_battles"])) >= 30
    (judged,) = judge({"pairing": rows})
    assert judged["holds"] is True


def test_same_seed_is_the_same_arena() -> None:
    strengths = STRENGTHS["top apart from the rest"]
    assert trial(strengths, PICKS, True, 7) == trial(strengths, PICKS, True, 7)
