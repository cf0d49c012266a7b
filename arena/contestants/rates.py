"""What a model server asks for, and the arithmetic of a bill. No Django here."""

from dataclasses import dataclass

from arena.contestants.deltas import Usage

_MTOK = 1_000_000
# Far below what anybody is billed, far above what floating point gets wrong.
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens. Reasoning is output. None: what the cache gave has no price of its own that we know."""

    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """Holds for all tokens of a request with more input tokens than `above_input_tokens`."""

    above_input_tokens: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class Price:
    """`source` says in one line where it is from, `url` where that can be read. `tiers`: the lowest first."""

    rates: Rates
    source: str
    url: str = ""
    request_usd: float = 0.0
    tiers: tuple[Tier, ...] = ()

    @property
    def input(self) -> float:
        return self.rates.input

    @property
    def output(self) -> float:
        return self.rates.output

    @property
    def cached_input(self) -> float | None:
        return self.rates.cached_input

    @property
    def is_zero(self) -> bool:
        return not any((self.input, self.output, self.request_usd, self.tiers))

    def rates_for(self, input_tokens: int) -> Rates:
        passed = [tier.rates for tier in self.tiers if input_tokens > tier.above_input_tokens]
        return passed[-1] if passed else self.rates

    def cost_usd(self, usage: Usage) -> float | None:
        """None where the server has not told both counts.

        Where the price of cached tokens is not known they count as any others. A server that reports more reasoning
        than output has counted the reasoning apart, as xAI does.
        """
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        rates = self.rates_for(usage.input_tokens)
        cached = min(usage.cached_input_tokens or 0, usage.input_tokens)
        stored = min(usage.cache_write_tokens or 0, usage.input_tokens - cached)
        reasoning = usage.reasoning_tokens or 0
        written = usage.output_tokens + (reasoning if reasoning > usage.output_tokens else 0)
        per_mtok = (
            (usage.input_tokens - cached - stored) * rates.input
            + cached * (rates.input if rates.cached_input is None else rates.cached_input)
            + stored * (rates.input if rates.cache_write is None else rates.cache_write)
            + written * rates.output
        )
        return round(per_mtok / _MTOK + self.request_usd, _DIGITS)
