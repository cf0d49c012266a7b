"""What asking a contestant costs, or is expected to: whole nanodollars (1e-9 USD). No database here."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import ceil

from arena.contestants import errors
from arena.contestants.deltas import Usage
from arena.contestants.models import Contestant, Provider
from arena.contestants.prices import price_of
from arena.contestants.rates import Price, Rates
from arena.contestants.servers import server_of
from arena.contestants.token_limits import own_limit

NANO_PER_USD = 1_000_000_000
# English has about four letters to the token. In bytes, other scripts come out about right as well.
LETTERS_PER_TOKEN = 4
# What a chat template puts around a message.
TOKENS_PER_MESSAGE = 8
# What an answer is expected to have before this arena has seen any from the contestant.
REASONERS_TOKENS = 6_000
PLAIN_TOKENS = 1_500

_NOT_BILLED = frozenset(
    kind.code
    for kind in (
        errors.Unreachable,
        errors.KeyMissing,
        errors.KeyRefused,
        errors.QuotaSpent,
        errors.RateLimited,
        errors.Overloaded,
        errors.ModelGone,
        errors.ContextTooLong,
        errors.ContentRefused,
        errors.BadRequest,
        errors.ServerFailed,
    )
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a response is expected to cost, and how long its prompt is, by our own count."""

    nano: int
    prompt_tokens: int


FREE = Price(Rates(0.0, 0.0), source="on one's own machine or network")


def nano_of(usd: float | Decimal) -> int:
    return round(usd * NANO_PER_USD)


def known_price(contestant: Contestant, *, at: datetime) -> Price | None:
    """What its tokens cost; None where nobody knows. What stands on this machine or its network costs nothing unless it
    has a price. An Ollama there may pass prompts on to Ollama's cloud."""
    price = price_of(contestant, at=at)
    if price is not None:
        return price
    is_ours = contestant.provider != Provider.OLLAMA and server_of(contestant).is_near
    return FREE if is_ours else None


def expected_cost(contestant: Contestant, price: Price, *, prompt_tokens: int) -> Expected:
    prompt_tokens += message_tokens(contestant.system) if contestant.system else 0
    return Expected(cost_of(price, prompt_tokens, expected_output_tokens(contestant)), prompt_tokens)


def cost_so_far(price: Price, usage: Usage, *, prompt_tokens: int, chars: int) -> int:
    """Of what has arrived: by the server's own count where it tells one, else by ours."""
    if usage.cost_usd is not None:
        return nano_of(usage.cost_usd)
    asked = prompt_tokens if usage.input_tokens is None else usage.input_tokens
    return cost_of(price, asked, max(usage.output_tokens or 0, tokens_in(chars)))


def cost_of(price: Price, prompt_tokens: int, output_tokens: int) -> int:
    return nano_of(price.cost_usd(Usage(input_tokens=prompt_tokens, output_tokens=output_tokens)) or 0.0)


def expected_output_tokens(contestant: Contestant) -> int:
    """As long as its answers usually are, else a guess; never longer than it may get."""
    usual = contestant.usual_output_tokens
    if usual is None:
        usual = REASONERS_TOKENS if _may_reason(contestant) else PLAIN_TOKENS
    limit = own_limit(contestant.options)
    return usual if limit is None else min(usual, limit)


def message_tokens(text: str) -> int:
    return tokens_in(len(text.encode(errors="replace"))) + TOKENS_PER_MESSAGE


def tokens_in(letters: int) -> int:
    return ceil(letters / LETTERS_PER_TOKEN)


def is_unbilled(failure_code: str) -> bool:
    """Whether the server refused before it did any work: then nobody pays."""
    return failure_code in _NOT_BILLED


def _may_reason(contestant: Contestant) -> bool:
    """Most that are entered here do; those count as plain whose options say that they are not to."""
    options = contestant.options
    thinking = options.get("thinking")
    is_off = isinstance(thinking, dict) and thinking.get("type") == "disabled"
    return not (is_off or options.get("think") is False or options.get("reasoning_effort") in ("none", "minimal"))
