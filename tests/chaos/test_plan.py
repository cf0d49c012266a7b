"""A trial can only be repeated if its plan can; and what watches the texts must notice what is wrong with them."""

import pytest

from tests.chaos.arenas import KINDS
from tests.chaos.people import disorder
from tests.chaos.plan import SHORT, Blow, Size, make_plan

KIND_NAMES = list(KINDS)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_seed_plans_the_same_each_time(kind: str) -> None:
    blows = KINDS[kind].blows
    assert make_plan(3, SHORT, blows) == make_plan(3, SHORT, blows)
    assert make_plan(3, SHORT, blows) != make_plan(4, SHORT, blows)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_twenty_seeds_strike_every_part_in_every_way(kind: str) -> None:
    blows = KINDS[kind].blows
    size = Size(battles=50, faults=10, lasts_s=45.0)
    planned = {(fault.part, fault.blow) for seed in range(1, 21) for fault in make_plan(seed, size, blows).faults}
    assert planned == {(part, blow) for part, kinds in blows.items() for blow in kinds}


def test_everything_begins_within_the_time() -> None:
    plan = make_plan(7, SHORT, KINDS["cluster"].blows)
    assert len(plan.battles) == SHORT.battles
    assert len(plan.faults) == SHORT.faults
    assert max(fault.at_s for fault in plan.faults) < SHORT.lasts_s
    assert max(fault.lasts_s for fault in plan.faults if fault.blow == Blow.FREEZE) <= SHORT.freeze_max_s


@pytest.mark.parametrize(
    ("texts", "wrong"),
    [
        (("t0 t1 t2", "t3 t4 "), ""),
        (("", ""), ""),
        (("t0 t1 t3", ""), "t3 stands where t2 should"),
        (("t0 t1 t1", ""), "t1 stands where t2 should"),
        (("t0 t1", "t1 t2"), "t1 stands where t2 should"),
        (("t1 t0", ""), "t1 stands where t0 should"),
    ],
)
def test_tokens_that_are_lost_doubled_or_out_of_order_are_noticed(texts: tuple[str, str], wrong: str) -> None:
    assert disorder(texts) == wrong
