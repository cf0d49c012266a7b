"""When a busy server is asked again, and when not: the rule by itself, and the stream around it. No clock runs here."""

from collections.abc import AsyncGenerator

import pytest

from arena.contestants.deltas import AnswerDelta, Delta, Finish, FinishReason, Usage, Waiting, WaitReason
from arena.contestants.errors import (
    Garbage,
    KeyRefused,
    Overloaded,
    ProviderError,
    QuotaSpent,
    RateLimited,
    ServerFailed,
    Truncated,
    Unreachable,
)
from arena.contestants.providers.patience import (
    FIRST_PAUSE_S,
    PAUSE_MAX_S,
    TRIES_MAX,
    pause_before_retry,
    retrying,
)

FOUR = (AnswerDelta("4"), Finish(FinishReason.STOP, "", "4", "4"))
MOST = 0.999999


def refused(kind: type[ProviderError], *, retry_after_s: float | None = None) -> ProviderError:
    error = kind("not now", retry_after_s=retry_after_s)
    error.was_refused = True
    return error


def pause(
    error: ProviderError,
    *,
    tries: int = 1,
    elapsed_s: float = 0.0,
    budget_s: float = 90.0,
    is_free: bool = False,
    jitter: float = MOST,
) -> float | None:
    return pause_before_retry(
        error, tries=tries, elapsed_s=elapsed_s, budget_s=budget_s, is_free=is_free, jitter=lambda: jitter
    )


# --- The rule ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [RateLimited, Overloaded, ServerFailed, Unreachable])
def test_server_that_did_not_take_the_request_on_is_asked_again(kind: type[ProviderError]) -> None:
    assert pause(refused(kind)) is not None


@pytest.mark.parametrize("kind", [Unreachable, ServerFailed, Overloaded, Truncated, Garbage])
def test_what_may_have_been_billed_is_asked_again_only_where_it_is_free(kind: type[ProviderError]) -> None:
    assert pause(kind("after the 200")) is None
    assert pause(kind("after the 200"), is_free=True) is not None


@pytest.mark.parametrize("kind", [QuotaSpent, KeyRefused])
def test_what_will_not_change_by_itself_is_not_asked_again(kind: type[ProviderError]) -> None:
    assert pause(refused(kind), is_free=True) is None


def test_pauses_grow_and_are_spread_over_their_whole_length() -> None:
    longest = [pause(refused(Overloaded), tries=tries) for tries in range(1, TRIES_MAX)]
    assert longest == pytest.approx([min(FIRST_PAUSE_S * 2**number, PAUSE_MAX_S) for number in range(4)], rel=1e-4)
    assert pause(refused(Overloaded), tries=3, jitter=0.0) == 0.0


def test_number_of_tries_is_bounded() -> None:
    assert pause(refused(Overloaded), tries=TRIES_MAX) is None


def test_time_for_trying_is_bounded() -> None:
    assert pause(refused(Overloaded), elapsed_s=89.5, tries=4) == pytest.approx(0.5)
    assert pause(refused(Overloaded), elapsed_s=90.0) is None
    assert pause(refused(Overloaded), budget_s=0.0, jitter=0.0) is None


def test_wish_of_the_server_is_never_undercut() -> None:
    assert pause(refused(RateLimited, retry_after_s=30.0), jitter=0.0) == 30.0
    assert pause(refused(RateLimited, retry_after_s=30.0)) == pytest.approx(30.0 + FIRST_PAUSE_S, rel=1e-4)
    assert pause(refused(RateLimited, retry_after_s=90.0), jitter=0.7) == 90.0


def test_wish_beyond_the_budget_fails_at_once_and_is_named() -> None:
    error = refused(RateLimited, retry_after_s=115.0)
    assert pause(error) is None
    assert error.sentence == "This contestant's server is busy; try again in about 2 minutes."


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "in a while"),
        (0.0, "in a while"),
        (0.3, "in about 10 seconds"),
        (42.0, "in about 50 seconds"),
        (51.0, "in about 1 minute"),
        (61.0, "in about 2 minutes"),
        (5400.0, "in about 90 minutes"),
        (5401.0, "in about 2 hours"),
        (86400.0, "in about 24 hours"),
    ],
)
def test_time_to_try_again_is_said_in_words(seconds: float | None, words: str) -> None:
    assert RateLimited("", retry_after_s=seconds).sentence.endswith(f"busy; try again {words}.")
    assert Overloaded("", retry_after_s=seconds).sentence.endswith(f"overloaded; try again {words}.")
    assert Truncated("", retry_after_s=seconds).sentence == Truncated.message


# --- The stream around it ---------------------------------------------------------------------------


class Server:
    """Answers each request with the next script. Time passes only in pauses, and where a script says so."""

    def __init__(self, *scripts: tuple[Delta | ProviderError, ...], takes_s: float = 0.0) -> None:
        self.scripts = list(scripts)
        self.takes_s = takes_s
        self.now = 100.0
        self.asked_at: list[float] = []
        self.closed = 0
        self.told: list[tuple[str, float]] = []

    async def open(self) -> AsyncGenerator[Delta, None]:
        script = self.scripts[min(len(self.asked_at), len(self.scripts) - 1)]
        self.asked_at.append(self.now)
        self.now += self.takes_s
        try:
            for item in script:
                if isinstance(item, ProviderError):
                    raise item
                yield item
        finally:
            self.closed += 1

    async def sleep(self, pause_s: float) -> None:
        self.now += pause_s

    def stream(self, *, is_free: bool = False) -> AsyncGenerator[Delta, None]:
        return retrying(
            self.open,
            budget_s=60.0,
            is_free=is_free,
            told=lambda error, pause_s: self.told.append((error.code, pause_s)),
            clock=lambda: self.now,
            sleep=self.sleep,
            jitter=lambda: MOST,
        )


async def all_of(server: Server, **options: bool) -> tuple[list[Delta], ProviderError | None]:
    deltas: list[Delta] = []
    try:
        async for delta in server.stream(**options):  # type: ignore[arg-type]
            deltas.append(delta)
    except ProviderError as error:
        return deltas, error
    return deltas, None


async def test_deltas_of_a_first_try_pass_untouched() -> None:
    server = Server(FOUR)
    assert await all_of(server) == (list(FOUR), None)
    assert (len(server.asked_at), server.closed, server.told) == (1, 1, [])


async def test_pause_is_shown_and_taken_back() -> None:
    server = Server((refused(RateLimited, retry_after_s=7.0),), FOUR)
    deltas, error = await all_of(server)
    assert deltas == [Waiting(WaitReason.RETRYING), Waiting(None), *FOUR]
    assert error is None
    assert server.asked_at[1] - server.asked_at[0] == pytest.approx(7.0 + FIRST_PAUSE_S, rel=1e-4)
    assert server.told == [("busy", pytest.approx(8.0, rel=1e-4))]


async def test_last_error_is_raised_when_all_tries_have_failed() -> None:
    server = Server(*[(refused(Overloaded),)] * (TRIES_MAX - 1), (refused(ServerFailed),))
    deltas, error = await all_of(server)
    assert isinstance(error, ServerFailed)
    assert len(server.asked_at) == server.closed == TRIES_MAX
    assert deltas == [Waiting(WaitReason.RETRYING), Waiting(None)] * (TRIES_MAX - 1)


async def test_time_that_the_tries_take_counts() -> None:
    server = Server((refused(Unreachable),), takes_s=25.0)
    _, error = await all_of(server)
    assert isinstance(error, Unreachable)
    assert len(server.asked_at) == 3


@pytest.mark.parametrize("begun", [AnswerDelta("4"), Usage(3, 1)])
async def test_what_has_begun_is_never_asked_again(begun: Delta) -> None:
    server = Server((begun, refused(Overloaded)), FOUR)
    deltas, error = await all_of(server, is_free=True)
    assert (deltas, type(error)) == ([begun], Overloaded)


@pytest.mark.parametrize("nothing", [Waiting(WaitReason.LOADING), Usage(input_tokens=3), Usage(3, 0)])
async def test_waiting_and_counts_of_the_prompt_are_no_beginning(nothing: Delta) -> None:
    server = Server((nothing, Truncated("cut")), FOUR)
    assert (await all_of(server, is_free=True))[0][-1] == FOUR[-1]
    assert len(server.asked_at) == 2


async def test_closing_it_in_a_pause_asks_nobody() -> None:
    server = Server((refused(Overloaded),), FOUR)
    stream = server.stream()
    assert await anext(stream) == Waiting(WaitReason.RETRYING)
    await stream.aclose()
    assert len(server.asked_at) == server.closed == 1
