import pytest

from arena.voting.templatetags.measures import amount, duration, pace


@pytest.mark.parametrize(
    ("ms", "words"),
    [(None, "not known"), (0, "0.0 s"), (840, "0.8 s"), (9_960, "10 s"), (75_000, "1 min 15 s"), (59_600, "1 min 0 s")],
)
def test_duration_in_words(ms: int | None, words: str) -> None:
    assert duration(ms) == words


@pytest.mark.parametrize(
    ("tokens_per_second", "words"),
    [(None, "not known"), (7.25, "7.2 tokens/s"), (9.96, "10 tokens/s"), (1_234.4, "1,234 tokens/s")],
)
def test_pace_in_words(tokens_per_second: float | None, words: str) -> None:
    assert pace(tokens_per_second) == words


def test_unknown_amount_is_not_zero() -> None:
    assert (amount(None), amount(0), amount(12_345)) == ("not known", "0", "12,345")
