"""How long a contestant is waited for, and when its server is asked again by itself. No Django here.

A busy server is asked again after a pause, a few times, and only while nothing of the response has come. Nobody is
billed twice without a word:

- A server that answers with an error in place of a 200, or that no connection could be made to, has not taken the
  request on: vendors bill none of these (RateLimited, Overloaded, ServerFailed, Unreachable with `was_refused`).
- Not so where a proxy gave up waiting (408, 504, 524), where the connection broke before an answer, and after a 200
  (Truncated, Garbage, an error in the stream): the model may have been at work, and its tokens are billed whether they
  arrived or not. Then only what is free is asked again; for all else a person decides, with the button in the pane.
- After the first text, or a count of output tokens, nobody is asked again: what was read would change under the
  readers' eyes.

The pauses are exponential with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015), so that the
contestants of many battles do not come back at the same moment. What the server itself names (Retry-After) is never
undercut; if that is longer than the arena will wait, the response fails at once and says when to try again.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from arena.contestants.deltas import Delta, Usage, Waiting, WaitReason
from arena.contestants.errors import ProviderError

TRIES_MAX = 5
FIRST_PAUSE_S = 1.0
PAUSE_MAX_S = 20.0


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """In seconds: until the first text, between two pieces of it, and for the whole response.

    All count from the first request, retries and their pauses included.
    """

    first_token_s: float
    silence_s: float
    deadline_s: float


def pause_before_retry(
    error: ProviderError,
    *,
    tries: int,
    elapsed_s: float,
    budget_s: float,
    is_free: bool,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """Seconds to wait before a response that has not begun is asked for again; None: it has failed.

    `tries` have been made, the first of them `elapsed_s` ago; after `budget_s` none is begun. `jitter` is in [0, 1).
    """
    left_s = budget_s - elapsed_s
    wish_s = error.retry_after_s or 0.0
    if tries >= TRIES_MAX or not _may_repeat(error, is_free=is_free) or left_s <= 0 or wish_s > left_s:
        return None
    pause_s = wish_s + jitter() * min(FIRST_PAUSE_S * 2.0 ** (tries - 1), PAUSE_MAX_S)
    return min(pause_s, left_s)


async def retrying(
    open_stream: Callable[[], AsyncGenerator[Delta, None]],
    *,
    budget_s: float,
    is_free: bool,
    told: Callable[[ProviderError, float], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
) -> AsyncGenerator[Delta, None]:
    """The deltas of the first try that begins, or the error of the last one.

    A pause opens with `Waiting(RETRYING)` and is taken back by `Waiting(None)`; `told(error, pause_s)` is for the log.
    """
    started_at = clock()
    tries = 0
    while True:
        has_begun = False
        tries += 1
        try:
            async with aclosing(open_stream()) as deltas:
                async for delta in deltas:
                    has_begun = has_begun or _is_begun_by(delta)
                    yield delta
            return
        except ProviderError as error:
            pause_s = pause_before_retry(
                error, tries=tries, elapsed_s=clock() - started_at, budget_s=budget_s, is_free=is_free, jitter=jitter
            )
            if has_begun or pause_s is None:
                raise
            told(error, pause_s)
        yield Waiting(WaitReason.RETRYING)
        await sleep(pause_s)
        yield Waiting(None)


def _may_repeat(error: ProviderError, *, is_free: bool) -> bool:
    return error.may_retry and (error.was_refused or is_free)


def _is_begun_by(delta: Delta) -> bool:
    match delta:
        case Waiting():
            return False
        case Usage():
            return bool(delta.output_tokens)
    return True
