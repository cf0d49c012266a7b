"""Trying a contestant: one short request outside any battle, bounded in tokens, text and time, and paid once.

Nothing is asked a second time: the operator is to see what the server did.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import httpx
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from arena.contestants.deltas import AnswerDelta, Delta, Finish, FinishReason, ReasoningDelta, Relabel, Usage, Waiting
from arena.contestants.discovery import names_a_reasoner
from arena.contestants.errands import Interrupted, State, Stopped, carry_out, claim, end
from arena.contestants.errors import DeadlinePassed, ProviderError, TooLarge
from arena.contestants.models import UNDER_WAY, Contestant, ErrandStatus, Provider, Trial
from arena.contestants.prices import bill_for, price_of
from arena.contestants.providers.call import Message
from arena.contestants.providers.http import make_client
from arena.contestants.providers.openai_models import is_reasoner
from arena.contestants.providers.registry import provider_for
from arena.contestants.providers.values import as_count, as_dict
from arena.contestants.queries import call_for
from arena.contestants.simulator.server import start_simulator
from arena.contestants.token_limits import LIMIT_OPTIONS, own_limit

QUESTION = "What is 17 × 23? Answer briefly."
PROMPT_MAX_CHARS = 2000
MAX_TOKENS = 500
# Reasoning is counted too, also where it is not shown: with too few tokens nothing is left for the answer.
REASONER_MAX_TOKENS = 2000
LEAST_THINKING_TOKENS = 1024  # Anthropic asks for so many at least
LIMIT_S = 300.0
# A server that does not keep to the limit is not read for ever.
MAX_CHARS = 100_000
SHOWN_CHARS = 20_000

_INTERRUPTED = ("interrupted", "The worker was stopped while it waited for the answer. Try again.")
_BROKEN = ("failed", "Something went wrong in the arena itself; its log tells what.")
_CHARS_PER_TOKEN = 3  # rather too many tokens than too few: what is shown is the most that it may cost


class AlreadyTrying(Exception):
    """This contestant is being tried."""


def start_trial(contestant: Contestant, *, prompt: str = QUESTION, asked_by: int | None = None) -> Trial:
    """The trial, which waits for a worker. Raises AlreadyTrying."""
    if Trial.objects.filter(contestant=contestant, status__in=UNDER_WAY).exists():
        raise AlreadyTrying
    try:
        with transaction.atomic():
            return Trial.objects.create(
                contestant=contestant, prompt=prompt, max_tokens=token_limit(contestant), asked_by_id=asked_by
            )
    except IntegrityError as error:
        raise AlreadyTrying from error


def token_limit(contestant: Contestant) -> int:
    """How many tokens it may write in a trial: fewer if its own options say so."""
    ours = REASONER_MAX_TOKENS if _reasons(contestant) else MAX_TOKENS
    return min(ours, own_limit(contestant.options) or ours)


def most_usd(contestant: Contestant, prompt: str = QUESTION) -> float | None:
    """What a trial may cost if every token is used; None where no price is known."""
    asked = len(f"{contestant.system}{prompt}") // _CHARS_PER_TOKEN + 20
    price = price_of(contestant, at=timezone.now())
    return price.cost_usd(Usage(asked, token_limit(contestant))) if price else None


def limited_options(contestant: Contestant, limit: int) -> dict[str, object]:
    """Its options with the limit, under the name that its protocol has for it."""
    options = {name: value for name, value in contestant.options.items() if name not in LIMIT_OPTIONS}
    match contestant.provider:
        case Provider.OLLAMA:
            return options | {"num_predict": limit}
        case Provider.OPENAI_RESPONSES:
            return options | {"max_output_tokens": limit}
        case Provider.ANTHROPIC:
            return _within(options, limit) | {"max_tokens": limit}
    takes_new_name = is_reasoner(contestant.model) or "max_completion_tokens" in contestant.options
    return options | {"max_completion_tokens" if takes_new_name else "max_tokens": limit}


def play_trial(pk: int) -> None:
    """Ask, and save how it went. A trial that is over, or another worker's, is left alone."""
    trial = claim(Trial, pk)
    if trial is None:
        return
    attempt = Attempt(trial)
    try:
        asyncio.run(carry_out(trial, attempt.play(), attempt.state))
    except ProviderError as error:
        story = "\n".join([str(error), *getattr(error, "__notes__", ())])
        _end(trial, attempt, ErrandStatus.FAILED, error.code, error.message, story)
    except Stopped:
        _end(trial, attempt, ErrandStatus.STOPPED)
    except Interrupted:
        _end(trial, attempt, ErrandStatus.FAILED, *_INTERRUPTED)
    except BaseException:
        _end(trial, attempt, ErrandStatus.FAILED, *_BROKEN)
        raise
    else:
        _end(trial, attempt, ErrandStatus.DONE)


def interrupt(trial: Trial) -> None:
    """Its worker died. It is not asked again by itself: that would be paid twice."""
    end(trial, ErrandStatus.FAILED, failure_code=_INTERRUPTED[0], failure_message=_INTERRUPTED[1])


class Attempt:
    """A trial while it runs: what has come, and when."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._contestant = trial.contestant
        self.reasoning = ""
        self.answer = ""
        self.usage = Usage()
        self.is_truncated = False
        self._why = ""
        self._started_at = time.monotonic()
        self._first_at: float | None = None

    @property
    def first_token_ms(self) -> int | None:
        return None if self._first_at is None else round((self._first_at - self._started_at) * 1000)

    @property
    def duration_ms(self) -> int:
        return round((time.monotonic() - self._started_at) * 1000)

    def state(self) -> State:
        return {
            "reasoning": self.reasoning[-SHOWN_CHARS:],
            "answer": self.answer[-SHOWN_CHARS:],
            "why": self._why,
            "first_token_ms": self.first_token_ms,
            "duration_ms": self.duration_ms,
        }

    async def play(self) -> None:
        """Raises ProviderError."""
        try:
            async with asyncio.timeout(LIMIT_S), make_client() as client, _simulator(self._contestant) as url:
                self._started_at = time.monotonic()
                async with aclosing(self._open(client, url)) as deltas:
                    async for delta in deltas:
                        self._take(delta)
        except TimeoutError:
            raise DeadlinePassed(f"a trial ends after {LIMIT_S:g} s") from None

    def _take(self, delta: Delta) -> None:
        match delta:
            case Waiting(reason):
                self._why = reason or ""
            case ReasoningDelta(text):
                self.reasoning += self._heard(text)
            case AnswerDelta(text):
                self.answer += self._heard(text)
            case Relabel():
                self.reasoning, self.answer = self.reasoning + self.answer, ""
            case Usage():
                self.usage = delta
            case Finish():
                self.reasoning, self.answer = delta.reasoning, delta.answer
                self.is_truncated = delta.reason == FinishReason.LENGTH

    def _open(self, client: httpx.AsyncClient, simulator_url: str) -> AsyncGenerator[Delta, None]:
        contestant = self._contestant
        contestant.options = limited_options(contestant, self._trial.max_tokens)  # of this object: it is not saved
        messages: list[Message] = [{"role": "user", "content": self._trial.prompt}]
        call = call_for(contestant, messages, simulator_url=simulator_url)
        return provider_for(contestant.provider)(client, call)

    def _heard(self, text: str) -> str:
        self._first_at = self._first_at or time.monotonic()
        if len(self.reasoning) + len(self.answer) + len(text) > MAX_CHARS:
            raise TooLarge(f"it does not keep to the limit of tokens: more than {MAX_CHARS} characters came")
        return text


_OPTIONS_OF_REASONERS = ("think", "thinking", "reasoning", "reasoning_effort")


def _reasons(contestant: Contestant) -> bool:
    return bool(
        contestant.opens_with_reasoning
        or any(contestant.options.get(name) for name in _OPTIONS_OF_REASONERS)
        or is_reasoner(contestant.model)
        or names_a_reasoner(contestant.model)
    )


def _within(options: dict[str, object], limit: int) -> dict[str, object]:
    """Anthropic refuses a budget for thinking that is not below the limit."""
    thinking = as_dict(options.get("thinking"))
    budget = as_count(thinking.get("budget_tokens"))
    if budget is None or budget < limit:
        return options
    if limit <= LEAST_THINKING_TOKENS:
        return {name: value for name, value in options.items() if name != "thinking"}
    return options | {"thinking": thinking | {"budget_tokens": max(LEAST_THINKING_TOKENS, limit // 2)}}


@asynccontextmanager
async def _simulator(contestant: Contestant) -> AsyncGenerator[str, None]:
    """Where a simulated contestant is served, for as long as the trial takes."""
    if not contestant.simulated or settings.SIMULATOR_URL:
        yield str(settings.SIMULATOR_URL)
        return
    async with await start_simulator() as simulator:
        yield simulator.url


def _end(
    trial: Trial, attempt: Attempt, status: ErrandStatus, code: str = "", message: str = "", story: str = ""
) -> None:
    usage = attempt.usage
    bill = bill_for(trial.contestant, usage, at=trial.created_at)
    end(
        trial,
        status,
        failure_code=code,
        failure_message=message,
        story=story,
        reasoning=attempt.reasoning,
        answer=attempt.answer,
        is_truncated=attempt.is_truncated,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cost_usd=bill.cost_usd,
        cost_source=bill.source[:300],
        first_token_ms=attempt.first_token_ms,
        duration_ms=attempt.duration_ms,
    )
