from typing import Any

import pytest

from arena.battles.pace import mean_pace, tokens_per_second


@pytest.mark.parametrize(
    ("values", "pace"),
    [
        pytest.param({}, 50.0, id="from the first token to the last"),
        pytest.param({"output_tokens": None}, None, id="counts are not known"),
        pytest.param({"first_token_ms": None}, None, id="no token came"),
        pytest.param({"duration_ms": None}, None, id="cut off by us"),
        pytest.param({"output_tokens": 0}, None, id="nothing was written"),
        pytest.param({"duration_ms": 2_000}, None, id="all in one piece"),
        pytest.param({"duration_ms": 2_099}, None, id="too short to tell"),
        pytest.param({"duration_ms": 2_100}, 5_000.0, id="just long enough"),
        pytest.param({"duration_ms": 1_000}, None, id="a clock that went back"),
        pytest.param({"reasoning_tokens": 400}, 50.0, id="shared reasoning streams too"),
        pytest.param({"reasoning_tokens": 400, "shares_reasoning": False}, 10.0, id="hidden reasoning came before"),
        pytest.param({"reasoning_tokens": 500, "shares_reasoning": False}, None, id="nothing but hidden reasoning"),
    ],
)
def test_pace_of_a_response(values: dict[str, Any], pace: float | None) -> None:
    usual = {
        "output_tokens": 500,
        "reasoning_tokens": None,
        "first_token_ms": 2_000,
        "duration_ms": 12_000,
        "shares_reasoning": True,
    } | values
    counts = (usual.pop("output_tokens"), usual.pop("reasoning_tokens"))
    assert tokens_per_second(*counts, **usual) == pace


def test_mean_pace_is_that_of_the_streams_put_together() -> None:
    assert mean_pace([(10.0, 30_000), (50.0, 10_000)]) == 20.0
    assert mean_pace([]) is None
