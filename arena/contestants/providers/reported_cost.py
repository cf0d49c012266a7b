"""What a server itself says that a response costs, as a few vendors do beside the token counts.

OpenRouter: `cost`, and for a key of one's own (`is_byok`) the upstream vendor's bill comes on top of it
(https://openrouter.ai/docs/use-cases/usage-accounting). Perplexity: `cost.total_cost`, 0 until the last chunk, since it
bills the search as well (https://docs.perplexity.ai/api-reference). xAI: `cost_in_usd_ticks`
(https://docs.x.ai/developers/cost-tracking). DeepInfra's `estimated_cost` is none: the vendor calls it an estimate.
"""

from arena.contestants.providers.values import as_dict

USD_PER_TICK = 1e-10
# A response that costs more is a mistake of somebody's.
MAX_USD = 100_000.0


def reported_cost_usd(usage: dict[str, object]) -> float | None:
    """None where the server does not tell, or tells nonsense."""
    if (ticks := _amount(usage.get("cost_in_usd_ticks"), MAX_USD / USD_PER_TICK)) is not None:
        return ticks * USD_PER_TICK
    cost = usage.get("cost")
    billed = _amount(cost.get("total_cost")) or None if isinstance(cost, dict) else _amount(cost)
    if billed is None or usage.get("is_byok") is not True:
        return billed
    upstream = _amount(as_dict(usage.get("cost_details")).get("upstream_inference_cost"))
    return None if upstream is None else billed + upstream


def _amount(value: object, high: float = MAX_USD) -> float | None:
    is_amount = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= high
    return float(value) if is_amount else None  # type: ignore[arg-type]  # a number, by the line above
