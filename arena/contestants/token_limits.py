"""How many tokens a contestant may write at most, as far as its own options say. No Django here."""

from collections.abc import Mapping

from arena.contestants.providers.values import as_count

# The protocols, and servers of one protocol, have different names for it.
LIMIT_OPTIONS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict")


def own_limit(options: Mapping[str, object]) -> int | None:
    """The lowest that is set. Ollama's -1 and -2 are none."""
    limits = (as_count(options.get(name)) for name in LIMIT_OPTIONS)
    return min(filter(None, limits), default=None)
