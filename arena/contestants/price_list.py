"""The lists of what model servers ask for: our own, cited one beside the code, then genai-prices. No database here.

genai-prices brings its figures with it and is only ever looked up: it could fetch newer ones, but that is an explicit
call (`UpdatePrices`) which nobody makes here. Importing it costs 0.05 s and its figures, read on the first look-up,
0.15 s and 10 MB.
"""

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

from arena.contestants.nearness import host_of
from arena.contestants.rates import Price, Rates, Tier

OURS = Path(__file__).with_name("price_list.toml")


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of our own list."""

    hosts: tuple[str, ...]
    models: tuple[str, ...]
    price: Price
    since: date | None = None

    def is_for(self, host: str, model: str | None = None) -> bool:
        """Whether it speaks of this host, and of this model if one is given."""
        is_host = any(fnmatchcase(host, pattern) for pattern in self.hosts)
        return is_host and (model is None or any(fnmatchcase(model.lower(), pattern) for pattern in self.models))


def listed_price(base_url: str, model: str, *, at: datetime) -> Price | None:
    """What the server at this address asked for the model at that time; None where no list tells."""
    return _our_price(base_url, model, at) or _library_price(base_url, model, at)


def is_known_server(base_url: str) -> bool:
    """Whether any list knows prices of this address."""
    host = host_of(base_url)
    return any(entry.is_for(host) for entry in our_list()) or _knows(base_url)


@cache
def our_list() -> tuple[Listed, ...]:
    entries = tomllib.loads(OURS.read_text(encoding="utf-8"))["price"]
    return tuple(
        Listed(
            hosts=tuple(entry["hosts"]),
            models=tuple(entry["models"]),
            price=Price(
                Rates(entry["input"], entry["output"], entry.get("cached_input"), entry.get("cache_write")),
                source=f"{entry['title']}, as of {entry['as_of']}",
                url=entry["url"],
            ),
            since=entry.get("since"),
        )
        for entry in entries
    )


def _our_price(base_url: str, model: str, at: datetime) -> Price | None:
    """Of several entries the latest that had begun by then."""
    host = host_of(base_url)
    day = at.astimezone(UTC).date()
    entries = [entry for entry in our_list() if entry.is_for(host, model) and (entry.since or date.min) <= day]
    return max(entries, key=lambda entry: entry.since or date.min).price if entries else None


def _library_price(base_url: str, model: str, at: datetime) -> Price | None:
    found = _found(base_url, model)
    if found is None:
        return None
    provider, info = found
    prices = info.get_prices(at)
    base = _rates(prices, 0)
    if base is None:
        return None
    return Price(
        base,
        source=f"{provider.name}, from genai-prices {genai_prices.__version__}",
        url=(provider.pricing_urls or [""])[0],
        request_usd=_request_usd(prices),
        tiers=_tiers(prices),
    )


@lru_cache(maxsize=1024)
def _found(base_url: str, model: str) -> tuple[Provider, ModelInfo] | None:
    try:
        return get_snapshot().find_provider_model(model, None, None, base_url)
    except LookupError:
        return None


@lru_cache(maxsize=1024)
def _knows(base_url: str) -> bool:
    try:
        get_snapshot().find_provider(None, None, base_url)
    except LookupError:
        return False
    return True


def _rates(prices: ModelPrice, input_tokens: int) -> Rates | None:
    """None unless both prices are there: the library has half of them, or none, where it does not know."""
    keys = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
    given, written, *cached = (_value_for(getattr(prices, key), input_tokens) for key in keys)
    return None if given is None or written is None else Rates(given, written, *cached)


def _value_for(price: Decimal | TieredPrices | None, input_tokens: int) -> float | None:
    """The price for a request with so many input tokens."""
    if isinstance(price, TieredPrices):
        passed = [tier.price for tier in price.tiers if input_tokens > tier.start]
        return float(passed[-1] if passed else price.base)
    return None if price is None else float(price)


def _request_usd(prices: ModelPrice) -> float:
    return (_value_for(prices.requests_kcount, 0) or 0.0) / 1000


def _tiers(prices: ModelPrice) -> tuple[Tier, ...]:
    starts = {tier.start for price in vars(prices).values() if isinstance(price, TieredPrices) for tier in price.tiers}
    return tuple(Tier(start, rates) for start in sorted(starts) if (rates := _rates(prices, start + 1)))
