import pytest
from django.template import Context, Template

from arena.contestants.models import Contestant
from arena.contestants.templatetags.prices import usd, usd_per_mtok


@pytest.mark.parametrize(
    ("dollars", "words"),
    [
        (None, "not known"),
        (0.0, "$0"),
        (1_234.5, "$1,234.50"),
        (1.5, "$1.50"),
        (0.35919, "$0.36"),
        (0.1, "$0.10"),
        (0.0999, "$0.100"),
        (0.0456, "$0.046"),
        (0.0021, "$0.0021"),
        (0.000123, "$0.00012"),
        (0.000012, "$0.000012"),
        (0.000001, "$0.0000010"),
        (0.00000099, "< $0.000001"),
    ],
)
def test_money_in_words(dollars: float | None, words: str) -> None:
    assert usd(dollars) == words


@pytest.mark.parametrize(
    ("dollars", "words"),
    [
        (None, "not known"),
        (0.0, "$0.00"),
        (15.0, "$15.00"),
        (1.1, "$1.10"),
        (0.125, "$0.125"),
        (0.039, "$0.039"),
        (1_500.0, "$1,500.00"),
    ],
)
def test_price_in_words_is_exact(dollars: float | None, words: str) -> None:
    assert usd_per_mtok(dollars) == words


def test_page_can_tell_a_price_with_its_source() -> None:
    template = Template("{% load prices %}{% price who as it %}{{ it.output|usd_per_mtok }} ({{ it.source }})")
    shown = template.render(Context({"who": Contestant(model="o1", provider="openai")}, autoescape=False))
    assert shown == "$60.00 (OpenAI’s prices, as of 2026-10)"


def test_price_that_nobody_tells_is_not_known() -> None:
    template = Template("{% load prices %}{% price who as it %}{{ it.output|usd_per_mtok }}")
    assert template.render(Context({"who": Contestant(model="mystery", provider="openai")})) == "not known"
