"""What contestants cost. The sums were worked out by hand, from the vendors' prices."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from django.conf import LazySettings, settings
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, TieredPrices

from arena.contestants import price_list
from arena.contestants.deltas import Usage
from arena.contestants.models import Contestant, Provider, Source
from arena.contestants.price_list import Listed, listed_price, our_list
from arena.contestants.prices import OWN_MACHINE, REPORTED, SIMULATED, Bill, bill_for, cost_usd, price_of
from arena.contestants.rates import Price, Rates, Tier
from arena.contestants.services import load_catalogue
from tests.factories import make_contestant

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
# 4,000 of the 5,678 are reasoning, and billed like the rest.
USED = Usage(input_tokens=1_234, output_tokens=5_678, reasoning_tokens=4_000)

OWN = 0.0
SHIPPED = {
    "o1": 0.35919,  # 1,234 x $15 + 5,678 x $60
    "o1-preview": 0.35919,
    "o1-mini": 0.0263406,  # 1,234 x $1.10 + 5,678 x $4.40
    "gpt-4o": 0.059865,  # 1,234 x $2.50 + 5,678 x $10
    "claude-3-5-sonnet": 0.088872,  # 1,234 x $3 + 5,678 x $15
    "claude-3-5-haiku": 0.0236992,  # 1,234 x $0.80 + 5,678 x $4
    "claude-haiku-4-5": 0.029624,  # 1,234 x $1 + 5,678 x $5
    "o1-summaries": 0.35919,
    "gpt-4o-responses": 0.059865,
    "qwq-32b-openrouter": 0.0013207,  # 1,234 x $0.15 + 5,678 x $0.20
    "qwq-32b-preview-ubicloud": 0.0041472,  # 6,912 x $0.60
    "gemma-2-27b-openrouter": 0.0044928,  # 6,912 x $0.65
    "llama-3-3-70b-groq": 0.00521368,  # 1,234 x $0.59 + 5,678 x $0.79
    "qwq-32b": OWN,
    "qwq-32b-preview": OWN,
    "gemma-2-27b": OWN,
    "gemma-2-9b": OWN,
    "llama-3-3-70b": OWN,
    "marco-o1": OWN,
    "sim-chatty": 0.0,
    "sim-terse": 0.0,
    "sim-formal": 0.0,
    "sim-hasty": 0.0,
}
# Wherever somebody has set them up.
NOBODY_TELLS = {"qwq-32b-vllm", "qwq-32b-preview-transformers"}
HOSTED = [
    ("https://qwq-32b-preview.ai.ubicloud.com/v1", "qwq-32b-preview", 0.0041472),  # 6,912 x $0.60
    ("https://openrouter.ai/api/v1", "qwen/qwq-32b", 0.0013207),  # 1,234 x $0.15 + 5,678 x $0.20
    ("https://openrouter.ai/api/v1", "google/gemma-2-27b-it", 0.0044928),  # 6,912 x $0.65
    ("https://api.groq.com/openai/v1", "gemma2-9b-it", 0.0013824),  # 6,912 x $0.20
    ("https://api.groq.com/openai/v1", "llama-3.3-70b-versatile", 0.00521368),  # 1,234 x $0.59 + 5,678 x $0.79
    ("https://openrouter.ai/api/v1", "qwen/qwq-32b:free", 0.0),
]


def hosted(base_url: str = "", model: str = "gpt-4o", provider: str = Provider.OPENAI, **fields: Any) -> Contestant:
    return Contestant(slug="x", name="X", provider=provider, base_url=base_url, model=model, **fields)


@pytest.fixture
def proxied(request: pytest.FixtureRequest, settings: LazySettings) -> None:
    if request.param:
        settings.OPENAI_BASE_URL = "http://127.0.0.1:4000/v1"
        settings.ANTHROPIC_BASE_URL = "http://gateway.internal:8080"


@pytest.mark.django_db
@pytest.mark.parametrize("proxied", [False, True], indirect=True, ids=["at the vendor", "through a proxy"])
def test_shipped_contestants_cost_what_was_worked_out_by_hand(proxied: None) -> None:
    load_catalogue()
    costs = {row.slug: cost_usd(row, USED, at=NOW) for row in Contestant.objects.all()}
    assert costs == {slug: None if slug in NOBODY_TELLS else pytest.approx(SHIPPED[slug], abs=1e-12) for slug in costs}
    assert {"o1", "o1-preview", "o1-mini", "gpt-4o", "claude-3-5-sonnet", "qwq-32b", "sim-chatty"} <= set(costs)


@pytest.mark.django_db
def test_lists_agree_with_what_the_catalogue_says_of_its_own() -> None:
    load_catalogue()
    Contestant.objects.update(price_in_usd_per_mtok=None, price_out_usd_per_mtok=None)
    costs = {row.slug: cost_usd(row, USED, at=NOW) for row in Contestant.objects.exclude(slug__in=NOBODY_TELLS)}
    assert costs == {slug: pytest.approx(SHIPPED[slug], abs=1e-12) for slug in costs}
    assert costs


@pytest.mark.parametrize(("base_url", "model", "cost"), HOSTED)
def test_hosted_open_models_cost_what_was_worked_out_by_hand(base_url: str, model: str, cost: float) -> None:
    assert cost_usd(hosted(base_url, model), USED, at=NOW) == pytest.approx(cost, abs=1e-12)


@pytest.mark.parametrize(
    "contestant",
    [
        pytest.param(hosted("https://api.openai.com/v1", "gpt-unheard-of"), id="a model that no list has"),
        pytest.param(hosted("http://192.168.1.7:8000/v1", "Qwen/QwQ-32B"), id="a vLLM of one's own"),
        pytest.param(hosted("http://127.0.0.1:8000/v1", "gpt-oss-20b"), id="open weights of a vendor with a list"),
        pytest.param(hosted("https://llm.example.org/v1", "qwq-32b-preview"), id="a host that no list has"),
        pytest.param(hosted("https://api.groq.com/openai/v1", "gpt-4o"), id="another host's model"),
        pytest.param(
            hosted("http://127.0.0.1:8080/v1", "gpt-4o", source=Source.DISCOVERED), id="found under that name"
        ),
        pytest.param(hosted("https://ollama.com", "gpt-oss:120b", Provider.OLLAMA), id="an Ollama far away"),
        pytest.param(hosted("http://127.0.0.1:11434", "gpt-oss:120b-cloud", Provider.OLLAMA), id="a cloud model"),
        pytest.param(hosted("http://[broken", "gpt-unheard-of"), id="an address that is none"),
        pytest.param(hosted(model="unheard-of", price_in_usd_per_mtok=1.0), id="half a price"),
    ],
)
def test_unknown_price_is_none_and_so_is_the_cost(contestant: Contestant) -> None:
    assert price_of(contestant, at=NOW) is None
    assert bill_for(contestant, USED, at=NOW) == Bill(None, "")
    assert not contestant.is_free


@pytest.mark.parametrize("usage", [Usage(), Usage(input_tokens=25), Usage(output_tokens=25)])
def test_cost_without_both_counts_is_unknown(usage: Usage) -> None:
    for contestant in (hosted(), hosted(simulated=True)):
        assert bill_for(contestant, usage, at=NOW) == Bill(None, "")


@pytest.mark.parametrize(
    "address", ["", "http://localhost:11434", "http://10.0.0.5:11434", "http://ollama:11434", "http://gpu.lan:11434"]
)
def test_ollama_nearby_costs_nothing(address: str) -> None:
    contestant = hosted(address, "qwq:32b", Provider.OLLAMA)
    assert bill_for(contestant, USED, at=NOW) == Bill(0.0, OWN_MACHINE)
    assert contestant.is_free


def test_ollama_that_is_configured_far_away_is_not_free(settings: LazySettings) -> None:
    settings.OLLAMA_HOST = "https://ollama.com"
    contestant = hosted(model="gpt-oss:120b", provider=Provider.OLLAMA)
    assert price_of(contestant, at=NOW) is None
    assert not contestant.is_free


def test_simulated_contestant_costs_nothing_whatever_it_reports() -> None:
    assert bill_for(hosted(simulated=True), Usage(1, 1, cost_usd=3.0), at=NOW) == Bill(0.0, SIMULATED)


def test_own_price_comes_before_every_list() -> None:
    own = {"price_in_usd_per_mtok": 2.0, "price_out_usd_per_mtok": 3.0}
    for contestant in (hosted(**own), hosted(provider=Provider.OLLAMA, **own), hosted(simulated=True, **own)):
        price = price_of(contestant, at=NOW)
        assert price
        assert (price.input, price.output, price.source) == (2.0, 3.0, "entered by hand")
        assert not contestant.is_free
    said = price_of(hosted(price_source="Our contract, 2026-03", source=Source.CATALOGUE, **own), at=NOW)
    assert said and said.source == "Our contract, 2026-03"


def test_our_list_comes_before_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Listed(("api.openai.com",), ("gpt-4o",), Price(Rates(7.0, 8.0), source="ours"))
    monkeypatch.setattr(price_list, "our_list", lambda: (ours,))
    price = price_of(hosted(), at=NOW)
    assert price and (price.input, price.source) == (7.0, "ours")
    other = price_of(hosted(model="gpt-4o-mini"), at=NOW)
    assert other
    assert (other.input, other.output) == (0.15, 0.6)
    assert other.source == f"OpenAI, from genai-prices {genai_prices.__version__}"
    assert other.url.startswith("https://")


def test_what_the_server_itself_bills_comes_before_what_we_compute() -> None:
    assert bill_for(hosted(), Usage(1_234, 5_678, cost_usd=0.0421), at=NOW) == Bill(0.0421, REPORTED)
    unknown = hosted("https://llm.example.org/v1", "mystery")
    assert bill_for(unknown, Usage(cost_usd=0.0421), at=NOW) == Bill(0.0421, REPORTED)


def test_cost_is_of_the_day_of_the_response() -> None:
    """OpenRouter asked $0.10 and $0.32 for Llama 3.3 70B from 2026-10-19 and $0.59 and $0.79 from 2026-11-09."""
    llama = hosted("https://openrouter.ai/api/v1", "meta-llama/llama-3.3-70b-instruct")
    before, after = datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)
    assert cost_usd(llama, USED, at=before) == pytest.approx(0.00194036)
    assert cost_usd(llama, USED, at=after) == pytest.approx(0.00521368)


def test_cost_is_of_the_hour_where_nights_are_cheaper() -> None:
    """DeepSeek's reasoner cost half from 16:30 to 0:30 UTC."""
    deepseek = hosted("https://api.deepseek.com/v1", "deepseek-reasoner")
    day, night = (datetime(2025, 6, 1, hour, tzinfo=UTC) for hour in (12, 18))
    rates = [(price.input, price.output) for at in (day, night) if (price := price_of(deepseek, at=at))]
    assert rates == [(0.55, 2.19), (0.135, 0.55)]


def test_our_list_keeps_earlier_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = tuple(
        Listed(("api.openai.com",), ("o9",), Price(Rates(usd, usd), source=str(since)), since)
        for usd, since in ((3.0, date(2026, 3, 1)), (1.0, None), (2.0, date(2026, 2, 1)))
    )
    monkeypatch.setattr(price_list, "our_list", lambda: entries)
    days = [datetime(2026, month, day, tzinfo=UTC) for month, day in ((1, 31), (2, 1), (2, 28), (3, 1))]
    assert [price.input for day in days if (price := price_of(hosted(model="o9"), at=day))] == [1, 2, 2, 3]


def test_what_came_from_the_vendors_cache_is_priced_as_that() -> None:
    cached = Usage(1_234, 5_678, 4_000, cached_input_tokens=1_024)
    # 210 x $15 + 1,024 x $7.50 + 5,678 x $60
    assert cost_usd(hosted(model="o1"), cached, at=NOW) == pytest.approx(0.35151)
    claude = hosted(model="claude-haiku-4-5-20251001", provider=Provider.ANTHROPIC)
    both = Usage(1_234, 5_678, cached_input_tokens=1_000, cache_write_tokens=34)
    # 200 x $1 + 1,000 x $0.10 + 34 x $1.25 + 5,678 x $5
    assert cost_usd(claude, both, at=NOW) == pytest.approx(0.0287325)


def test_what_came_from_a_cache_costs_as_any_other_token_where_its_price_is_not_known() -> None:
    price = Price(Rates(2.0, 8.0), source="")
    assert price.cost_usd(Usage(1_000, 0, cached_input_tokens=900, cache_write_tokens=50)) == pytest.approx(0.002)


def test_more_cached_than_sent_is_never_a_negative_cost() -> None:
    price = Price(Rates(10.0, 0.0, cached_input=1.0, cache_write=12.0), source="")
    assert price.cost_usd(Usage(100, 5, cached_input_tokens=9_999, cache_write_tokens=9_999)) == pytest.approx(0.0001)


def test_reasoning_that_a_server_counts_apart_is_billed() -> None:
    price = Price(Rates(0.0, 1.0), source="")
    assert price.cost_usd(Usage(10, 9, 300)) == pytest.approx(0.000309)
    assert price.cost_usd(Usage(10, 300, 300)) == pytest.approx(0.0003)


def test_dearer_rates_of_a_long_prompt_hold_for_all_its_tokens() -> None:
    price = Price(Rates(1.0, 2.0), source="", tiers=(Tier(1_000, Rates(2.0, 4.0)), Tier(5_000, Rates(3.0, 6.0))))
    costs = [price.cost_usd(Usage(tokens, 100)) for tokens in (1_000, 1_001, 5_001)]
    assert costs == [pytest.approx(usd) for usd in (0.0012, 0.002402, 0.015603)]
    assert not price.is_zero


def test_fee_for_each_request_is_added() -> None:
    assert Price(Rates(1.0, 1.0), source="", request_usd=0.012).cost_usd(Usage(500, 500)) == pytest.approx(0.013)


# Of these a request of ours has no part, or they are asked for at an hour that the library's sum does not know.
NOT_OURS = ("audio", "image", "video", "search", "document", "citation", "reasoning", "hours", "mchars", "messages")


def library_models() -> list[tuple[Any, Any, ModelPrice]]:
    return [
        (provider, model, model.get_prices(NOW)) for provider in get_snapshot().providers for model in provider.models
    ]


def test_our_sums_are_those_of_the_library() -> None:
    compared = 0
    for provider, model, prices in library_models():
        ours = price_list._rates(prices, 0)
        if ours is None or any(word in key for key in vars(prices) for word in NOT_OURS):
            continue
        price = Price(ours, source="", tiers=price_list._tiers(prices), request_usd=price_list._request_usd(prices))
        for tokens in (100, 150_000, 900_000):
            usage = {"input_tokens": tokens, "output_tokens": 5_678}
            cached = usage | ({"cache_read_tokens": tokens // 2} if price.cached_input is not None else {})
            theirs = model.calc_price(genai_prices.Usage(**cached), provider, genai_request_timestamp=NOW).total_price
            mine = price.cost_usd(Usage(tokens, 5_678, cached_input_tokens=cached.get("cache_read_tokens")))
            assert mine == pytest.approx(float(theirs), rel=1e-9), (provider.id, model.id)
            compared += 1
    assert compared > 1_000


def test_every_model_of_the_library_has_two_prices_or_none() -> None:
    for provider, model, prices in library_models():
        rates = price_list._rates(prices, 0)
        assert rates is None or min(rates.input, rates.output) >= 0, (provider.id, model.id)
    assert price_list._rates(ModelPrice(), 0) is None
    assert price_list._rates(ModelPrice(input_mtok=Decimal(1)), 0) is None
    tiered = TieredPrices(base=Decimal(1), tiers=[])
    assert price_list._rates(ModelPrice(input_mtok=tiered, output_mtok=Decimal(2)), 9) == Rates(1.0, 2.0)


def test_our_list_cites_every_price() -> None:
    for entry in our_list():
        assert entry.price.url.startswith("https://")
        assert ", as of 202" in entry.price.source
        assert entry.hosts and entry.models
        assert all(pattern == pattern.lower() for pattern in (*entry.hosts, *entry.models))
        assert min(entry.price.input, entry.price.output) >= 0


@pytest.mark.django_db
def test_price_is_found_without_the_database(django_assert_num_queries: Any) -> None:
    contestant = make_contestant(model="o1")
    with django_assert_num_queries(0):
        assert bill_for(contestant, USED, at=NOW).cost_usd


OFFLINE = """
import socket, sys
def refuse(*arguments, **options):
    sys.exit(f"asked the network: {arguments}")
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket, "socket", type("Refusing", (socket.socket,), {name: refuse}))
socket.getaddrinfo = socket.create_connection = refuse
from datetime import datetime, UTC
from arena.contestants.price_list import listed_price
for model in ("o1", "gpt-4o-mini", "gpt-unheard-of"):
    print(listed_price("https://api.openai.com/v1", model, at=datetime.now(UTC)) is not None)
import threading
print(threading.active_count())
"""


def test_looking_up_a_price_asks_no_network() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["True", "True", "False", "1"]


def test_unknown_model_of_a_known_server_is_looked_up_once() -> None:
    price_list._found.cache_clear()
    for _ in range(3):
        assert listed_price("https://api.openai.com/v1", "gpt-unheard-of", at=NOW) is None
    assert price_list._found.cache_info().misses == 1
