import pytest

from arena.voting.templatetags.measures import amount, duration, usd


@pytest.mark.parametrize(
    ("ms", "words"),
    [(None, "not known"), (0, "0.0 s"), (840, "0.8 s"), (9_960, "10 s"), (75_000, "1 min 15 s"), (59_600, "1 min 0 s")],
)
def test_duration_in_words(ms: int | None, words: str) -> None:
    assert duration(ms) == words


@pytest.mark.parametrize(
    ("dollars", "words"),
    [
        (None, "not known"),
        (0.0, "nothing"),
        (1.5, "$1.50"),
        (0.1, "$0.10"),
        (0.0021, "$0.0021"),
        (0.000123, "$0.00012"),
    ],
)
def test_money_in_words(dollars: float | None, words: str) -> None:
    assert usd(dollars) == words


def test_unknown_amount_is_not_zero() -> None:
    assert (amount(None), amount(0), amount(12_345)) == ("not known", "0", "12,345")
