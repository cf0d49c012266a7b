"""What asking a contestant costs: its price at a time, and the bill of a response. Unknown is None, never zero.

A price comes from the first of these that knows it:
1. the contestant's own row: the catalogue, ARENA_CATALOGUE or the admin have set both prices;
2. nobody asks for money: simulated, or an Ollama on one's own machine or network;
3. our own list with its sources (`price_list.toml`), by the server's host and the model's id;
4. genai-prices, by the same, at that time;
5. for an address that no list knows, such as a proxy's: what the vendor whose protocol it speaks asks for that model.
"""

from dataclasses import dataclass
from datetime import datetime

from arena.contestants.deltas import Usage
from arena.contestants.models import Contestant, Provider, Source
from arena.contestants.price_list import is_known_server, listed_price
from arena.contestants.rates import Price, Rates
from arena.contestants.servers import server_of

REPORTED = "reported by its server"
OWN_MACHINE = "runs on your own machine"
SIMULATED = "simulated"

_ENTERED: dict[str, str] = {
    Source.CATALOGUE: "from the catalogue",
    Source.SIMULATOR: "from the catalogue",
    Source.ADMIN: "entered by hand",
}
_VENDORS = {
    Provider.OPENAI: "https://api.openai.com/v1",
    Provider.OPENAI_RESPONSES: "https://api.openai.com/v1",
    Provider.ANTHROPIC: "https://api.anthropic.com",
}
# Open weights on OpenAI's list: whoever serves them elsewhere asks what they like.
_OPEN_WEIGHTS = "gpt-oss"


@dataclass(frozen=True, slots=True)
class Bill:
    """What a response cost, and how that is known; None and "" where it is not."""

    cost_usd: float | None = None
    source: str = ""


def price_of(contestant: Contestant, *, at: datetime) -> Price | None:
    """Reads no database and asks no server."""
    return _own_price(contestant) or _no_price(contestant) or _listed_price(contestant, at)


def cost_usd(contestant: Contestant, usage: Usage, *, at: datetime) -> float | None:
    return bill_for(contestant, usage, at=at).cost_usd


def bill_for(contestant: Contestant, usage: Usage, *, at: datetime) -> Bill:
    """What the server itself says that it bills is better than what we can compute."""
    if usage.cost_usd is not None and not contestant.simulated:
        return Bill(usage.cost_usd, REPORTED)
    price = price_of(contestant, at=at)
    cost = price.cost_usd(usage) if price else None
    return Bill() if price is None or cost is None else Bill(cost, price.source)


def _own_price(contestant: Contestant) -> Price | None:
    given, written = contestant.price_in_usd_per_mtok, contestant.price_out_usd_per_mtok
    if given is None or written is None:
        return None
    return Price(Rates(given, written), source=contestant.price_source or _ENTERED.get(contestant.source, "set here"))


def _no_price(contestant: Contestant) -> Price | None:
    if contestant.simulated:
        return Price(Rates(0.0, 0.0), source=SIMULATED)
    return Price(Rates(0.0, 0.0), source=OWN_MACHINE) if contestant.runs_here else None


def _listed_price(contestant: Contestant, at: datetime) -> Price | None:
    base_url = server_of(contestant).base_url
    if is_known_server(base_url):
        return listed_price(base_url, contestant.model, at=at)
    vendor = _VENDORS.get(Provider(contestant.provider))
    # What was found on such a server may be anything under a famous name; what somebody entered is what they meant.
    if vendor is None or contestant.source == Source.DISCOVERED or _OPEN_WEIGHTS in contestant.model.lower():
        return None
    return listed_price(vendor, contestant.model, at=at)
