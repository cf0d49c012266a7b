"""Playing a battle's waiting responses in a worker, and what becomes of those that are cut off.

A run claims waiting responses by a guarded update: a response belongs to the run named in its row. That the run
is alive is told by its lease in Redis. So however often a battle is enqueued, each response is played once.
"""

import logging
import queue
import random
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar
from uuid import UUID

import httpx
import redis
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from arena.battles.blindness import names_to_mask, shown_texts, still_named, where_named
from arena.battles.charges import HAS_OPEN_CHARGE, meters, settle
from arena.battles.event_log import publish
from arena.battles.events import (
    Event,
    NamedItself,
    ResponseFailed,
    ResponseFinished,
    ResponseSnapshot,
    ResponseStopped,
)
from arena.battles.leases import LEASE_S, OPEN_RUNS, RELEASE_SCRIPT, lease_key
from arena.battles.lending import give_connection_back, take_connection
from arena.battles.models import TERMINAL, Pacing, Response, ResponseQuerySet, ResponseStatus
from arena.battles.pace import tokens_per_second
from arena.battles.panes import Ended, Kept, News, Part, Run, Shown
from arena.battles.running_costs import Meter
from arena.battles.services import finish_if_ended, finish_locked, lock_by_id
from arena.battles.steps import split_steps
from arena.battles.streaming import BROKEN, Outcome, end_event
from arena.battles.worker_loop import WorkerLoop
from arena.battles.workers import new_run_id
from arena.contestants.deltas import AnswerDelta, Delta, Finish, FinishReason, ReasoningDelta, Usage
from arena.contestants.models import Contestant
from arena.contestants.prices import bill_for
from arena.contestants.providers.call import Message
from arena.contestants.providers.registry import provider_for
from arena.contestants.queries import call_for, time_limits
from arena.contestants.servers import server_of
from arena.contestants.services import note_outcome

logger = logging.getLogger(__name__)

T = TypeVar("T")

# A response whose worker died is played again by itself at most so often; what people ask for does not count.
REPLAYS_MAX = 2
# Between two tries to save a response.
SAVE_AGAIN_MIN_S = 0.1
SAVE_AGAIN_MAX_S = 5.0
UNKNOWN = Usage()
INTERRUPTED = ("interrupted", "The arena was interrupted while this contestant was at work.")

# What was shown of a response that was stopped, if that is not all: reasoning and answer.
Cut = tuple[str, str] | None


def enqueued_key(battle_id: UUID) -> str:
    """There while a message of the sweep is in the queue that asks for the battle to be played."""
    return f"arena:battle:{battle_id}:enqueued"


def play_waiting(battle_id: UUID, client: redis.Redis) -> bool:
    """Claim and play the battle's waiting responses; return when all have ended and are saved.

    True if some of them wait again, for another worker: this one leaves.
    """
    run_id = new_run_id()
    lease = lease_key(run_id)
    with client.pipeline(transaction=False) as pipe:
        pipe.set(lease, "0", px=int(LEASE_S * 1000))
        pipe.sadd(OPEN_RUNS, run_id)
        pipe.delete(enqueued_key(battle_id))
        pipe.execute()
    take_connection()
    claimed = _claim(battle_id, run_id)
    if not claimed:
        client.eval(RELEASE_SCRIPT, 2, lease, OPEN_RUNS, run_id)
        finish_if_ended(battle_id)
        give_connection_back()
        return False
    metered = meters(claimed.values())
    parts = [_part(response, metered.get(response.pk)) for response in claimed.values()]
    give_connection_back()
    news: queue.SimpleQueue[News] = queue.SimpleQueue()
    loop = WorkerLoop.running()
    run = loop.start_run(
        run_id,
        battle_id,
        parts,
        pacing=_pacing(claimed.values()),
        deliver=news.put,
        still_ours=partial(_responses_of, run_id),
    )
    playing = _Playing(run, claimed)
    try:
        while playing.left:
            latest = news.get()
            take_connection()
            events = playing.take(latest)
            give_connection_back()
            if events:
                loop.append(run, *events)
    except BaseException:
        loop.abandon_run(run)  # or its lease would be renewed for ever, and nobody could take it over
        raise
    if not loop.close_run(run):
        for response in claimed.values():
            _tell_past_the_run(response, client)
    return playing.handed_over


class _Playing:
    """What a run's thread does with the news of its parts."""

    def __init__(self, run: Run, claimed: dict[int, Response]) -> None:
        self.left = len(claimed)
        self.handed_over = False
        self._run = run
        self._claimed = claimed

    def take(self, news: News) -> list[Event]:
        """Save what there is to save; the events that tell of it."""
        match news:
            case Kept(part, outcome):
                response = self._claimed[part.response_id]
                _saved(partial(keep, response, outcome), partial(keep, response, _broken()))
                return []
            case Shown(parts):
                self.left -= len(parts)
                return _shown([(self._claimed[part.response_id], cut) for part, cut in parts])
            case Ended(part, outcome):
                self.left -= 1
                return self._end(part, outcome)

    def _end(self, part: Part, outcome: Outcome | None) -> list[Event]:
        response = self._claimed[part.response_id]
        if outcome is not None and response.ended_as:  # it was kept before, by another run
            return _shown([(response, None)])
        if outcome is not None:
            event = _ended(response, partial(save_outcome, response, outcome, may_be_last=not self.left))
        else:
            so_far = self._run.so_far(part)
            event = _ended(response, partial(hand_over, response, (so_far.reasoning, so_far.answer), so_far.usage))
            self.handed_over |= event is None
        return [] if event is None else [event]


def save_outcome(response: Response, outcome: Outcome, *, may_be_last: bool = True) -> Event | None:
    """Save how a response ended, and the battle's end if it was the last.

    It need not be looked for where another response of the same run still plays (`may_be_last`). Returns the event that
    tells of it; None if the response does not belong to the run it was claimed by any more.
    """
    fields = _ended_fields(outcome, response.seat.contestant)
    with transaction.atomic():  # both or neither: what is tried again must find the response as it was
        if not lock_by_id(response.turn.battle_id):
            return None
        if not _still_ours(response).update(**fields):
            return _end_saved_before(response, outcome)
        if may_be_last:
            finish_locked(response.turn.battle_id)
        settle(response, outcome)
        if outcome.status != ResponseStatus.STOPPED:
            note_outcome(response.seat.contestant, failure_code=outcome.failure_code, why=outcome.failure_message)
    return end_event(response.seat.slot, response.turn.index, outcome)


def keep(response: Response, outcome: Outcome) -> None:
    """Save how a paced response ended, before it is shown: to readers it still plays. Nothing that was paid for is lost
    with the worker, and budgets know at once."""
    fields = _ended_fields(outcome, response.seat.contestant)
    fields |= {"status": ResponseStatus.STREAMING, "ended_as": outcome.status, "finished_at": None}
    with transaction.atomic():
        if not lock_by_id(response.turn.battle_id) or not _still_ours(response).filter(ended_as="").update(**fields):
            return  # not ours any more, or it was kept before
        settle(response, outcome)
        if outcome.status != ResponseStatus.STOPPED:
            note_outcome(response.seat.contestant, failure_code=outcome.failure_code, why=outcome.failure_message)


@transaction.atomic
def show(responses: Sequence[tuple[Response, Cut]]) -> list[Event]:
    """End kept responses of one run for everybody, in one moment; and the battle, if they were the last.

    Of one that was stopped, what was shown is what it has written; `raw` keeps all that had arrived. Returns the events
    that tell of the ends, as far as the responses still belong to the run.
    """
    first, _ = responses[0]
    shown: dict[str, object] = {"ended_as": "", "finished_at": timezone.now()}
    if not lock_by_id(first.turn.battle_id):
        return []
    for response, cut in responses:
        kept = _still_ours(response).exclude(ended_as="")
        kept.update(**({"status": F("ended_as")} if cut is None else _cut_fields(kept, cut)), **shown)
    finish_locked(first.turn.battle_id)
    ours = Response.objects.filter(pk__in=[response.pk for response, _ in responses], run=first.run)
    ended = ours.filter(status__in=TERMINAL).only(
        "status", "failure_code", "failure_message", "seat__slot", "turn__index"
    )
    in_order = ended.select_related("turn", "seat").order_by("turn__index", "seat__slot")
    return [_end_of(response, response.seat.slot, response.turn.index) for response in in_order]


def _cut_fields(kept: ResponseQuerySet, cut: tuple[str, str]) -> dict[str, object]:
    reasoning, answer = cut
    *whole, named_itself = kept.values_list("raw", "reasoning", "answer", "named_itself").first() or ("", "", "", [])
    return {
        "status": ResponseStatus.STOPPED,
        "reasoning": reasoning,
        "answer": answer,
        "raw": whole[0] or "\n\n".join(filter(None, whole[1:])),
        "steps": split_steps(reasoning or answer),
        "named_itself": still_named(named_itself, reasoning, answer),
        "is_truncated": bool(reasoning or answer),
        "failure_code": "",
        "failure_message": "",
    }


def _end_saved_before(response: Response, outcome: Outcome) -> Event | None:
    """A save that is tried again may have succeeded the first time: the connection was lost before anybody was told."""
    saved = Response.objects.filter(pk=response.pk, run=response.run, status=outcome.status)
    return end_event(response.seat.slot, response.turn.index, outcome) if saved.exists() else None


def hand_over(
    response: Response, text: tuple[str, str], usage: Usage = UNKNOWN, *, is_text_known: bool = True
) -> Event | None:
    """A run was cut off: have the response played again, or end it as interrupted with what had arrived.

    It is played again only where that costs nobody twice: it is certain that nothing had arrived yet, or the contestant
    is free. Returns the event that tells of an end; None if it will be played again, or belongs to another run by now.
    """
    if _is_kept(response):
        return _hand_over_kept(response, text)
    is_unheard = is_text_known and not any(text)
    may_repeat = response.replays < REPLAYS_MAX and (is_unheard or response.seat.contestant.is_free)
    if may_repeat and _still_ours(response).filter(stop_requested_at=None).update(
        status=ResponseStatus.WAITING, run="", attempt=F("attempt") + 1, replays=F("replays") + 1
    ):
        return None
    is_stopped = Response.objects.filter(pk=response.pk, stop_requested_at__isnull=False).exists()
    named_at = where_named(response, *text)
    return save_outcome(response, replace(_cut_off(text, usage, is_stopped=is_stopped), named_at=named_at))


def _is_kept(response: Response) -> bool:
    return _still_ours(response).exclude(ended_as="").exists()


def _hand_over_kept(response: Response, shown: tuple[str, str]) -> Event | None:
    """It is asked no more: the next run shows it from its beginning, beside those that begin anew."""
    waiting = {"status": ResponseStatus.WAITING, "run": "", "attempt": F("attempt") + 1}
    if _still_ours(response).filter(stop_requested_at=None).update(**waiting):
        return None
    return next(iter(show([(response, shown)])), None)


def _cut_off(text: tuple[str, str], usage: Usage, *, is_stopped: bool, why: tuple[str, str] = INTERRUPTED) -> Outcome:
    code, message = ("", "") if is_stopped else why
    return Outcome(
        status=ResponseStatus.STOPPED if is_stopped else ResponseStatus.FAILED,
        reasoning=text[0],
        answer=text[1],
        raw="",
        usage=usage,
        first_token_ms=None,
        duration_ms=None,
        is_truncated=any(text),
        failure_code=code,
        failure_message=message,
    )


def _broken() -> Outcome:
    return _cut_off(("", ""), UNKNOWN, is_stopped=False, why=BROKEN)


def _still_ours(response: Response) -> ResponseQuerySet:
    """The response, if it still plays in the run that it was read with."""
    return Response.objects.filter(pk=response.pk, run=response.run, status=ResponseStatus.STREAMING)


def interrupt(response: Response, text: tuple[str, str], *, is_log_lost: bool) -> None:
    """Its worker has died: hand it over with the text that its log tells, which of a paced one is not all there was."""
    is_live = response.turn.battle.pacing == Pacing.LIVE
    _ended(response, partial(hand_over, response, text, is_text_known=is_live and not is_log_lost))


@transaction.atomic
def tell_end(response: Response, client: redis.Redis) -> None:
    """Tell how a response has ended that this run saved, with its whole text: its own log cannot, or may not, any more.

    The battle is locked, so that nobody asks it again meanwhile: what is told would land in the newer text. Raises
    RedisError.
    """
    lock_by_id(response.turn.battle_id)
    ended = Response.objects.filter(pk=response.pk, run=response.run, status__in=TERMINAL).first()
    if ended is not None:
        publish(client, response.turn.battle_id, _whole_end(ended, response.seat.slot, response.turn.index))


def _whole_end(ended: Response, slot: str, turn: int) -> list[Event]:
    named = [NamedItself(slot, turn)] if ended.named_itself else []
    snapshot = ResponseSnapshot(slot, turn, *shown_texts(ended), ended.status)
    return [*named, snapshot, _end_of(ended, slot, turn)]


def _end_of(ended: Response, slot: str, turn: int) -> Event:
    match ended.status:
        case ResponseStatus.FINISHED:
            return ResponseFinished(slot, turn)
        case ResponseStatus.STOPPED:
            return ResponseStopped(slot, turn)
    return ResponseFailed(slot, turn, ended.failure_code, ended.failure_message)


def _tell_past_the_run(response: Response, client: redis.Redis) -> None:
    """The run was taken for dead, and may append nothing. What it had saved by then is told all the same."""
    try:
        tell_end(response, client)
    except (redis.RedisError, OperationalError, InterfaceError) as error:
        logger.warning("the end of response %s is told late: %s", response.pk, error)


def _responses_of(run_id: str) -> set[int]:
    """Those that the run plays, or played, and nobody else since. For threads that keep no connection."""
    try:
        return set(Response.objects.filter(run=run_id).values_list("pk", flat=True))
    finally:
        connection.close()


def messages_for(response: Response) -> tuple[Message, ...]:
    """The conversation of one slot up to this response's prompt. Reasoning is not sent back, as vendors advise.

    A turn this slot did not answer leaves its prompt to be joined with the next one: many chat templates refuse
    two user messages in a row.
    """
    battle = response.turn.battle
    messages: list[Message] = [{"role": "system", "content": battle.system}] if battle.system else []
    unanswered = ""
    for past in _earlier(response):
        unanswered = f"{unanswered}\n\n{past.turn.prompt}".strip()
        if past.answer:
            messages += [{"role": "user", "content": unanswered}, {"role": "assistant", "content": past.answer}]
            unanswered = ""
    messages.append({"role": "user", "content": f"{unanswered}\n\n{response.turn.prompt}".strip()})
    return tuple(messages)


def _earlier(response: Response) -> Iterable[Response]:
    """The same slot's responses to the turns before. No query for a first turn, and of the texts only what is read."""
    if not response.turn.index:
        return ()
    same_slot = Response.objects.filter(seat=response.seat_id, turn__index__lt=response.turn.index)
    return same_slot.select_related("turn").only("answer", "turn__prompt").order_by("turn__index")


@transaction.atomic
def _claim(battle_id: UUID, run_id: str) -> dict[int, Response]:
    """Locks the battle, or two runs might claim the same responses."""
    if not lock_by_id(battle_id):
        return {}
    waiting = Response.objects.filter(turn__battle=battle_id, status=ResponseStatus.WAITING)
    whole = waiting.select_related("turn__battle", "seat__contestant").annotate(
        may_be_charged=HAS_OPEN_CHARGE  # type: ignore[no-redef]  # what else is its default
    )
    claimed: dict[int, Response] = {}
    for response in whole.order_by("turn__index", "seat__slot"):
        response.status, response.run = ResponseStatus.STREAMING, run_id
        claimed[response.pk] = response
    Response.objects.filter(pk__in=claimed).update(status=ResponseStatus.STREAMING, run=run_id)
    return claimed


def _pacing(responses: Iterable[Response]) -> str:
    return next(response.turn.battle.pacing for response in responses)


def _part(response: Response, meter: Meter | None) -> Part:
    contestant = response.seat.contestant
    messages = messages_for(response) if not response.ended_as else ()

    def open_stream(client: httpx.AsyncClient, simulator_url: str) -> AsyncGenerator[Delta, None]:
        if response.ended_as:
            return _kept_stream(response.reasoning, response.answer)
        call = call_for(contestant, messages, simulator_url=simulator_url)
        return provider_for(contestant.provider)(client, call)

    return Part(
        response_id=response.pk,
        slot=response.seat.slot,
        turn=response.turn.index,
        is_restart=response.attempt > 1,
        is_simulated=contestant.simulated,
        is_free=contestant.is_free,
        open=open_stream,
        limits=time_limits(contestant),
        contestant=contestant.slug,
        provider=contestant.provider,
        server=server_of(contestant).address,
        meter=meter,
        names=names_to_mask(response),
    )


async def _kept_stream(reasoning: str, answer: str) -> AsyncGenerator[Delta, None]:
    """What an earlier run has kept and not shown."""
    if reasoning:
        yield ReasoningDelta(reasoning)
    if answer:
        yield AnswerDelta(answer)
    yield Finish(FinishReason.STOP, reasoning, answer, raw=answer)


def _ended_fields(outcome: Outcome, contestant: Contestant) -> dict[str, object]:
    usage = outcome.usage
    now = timezone.now()
    bill = bill_for(contestant, usage, at=now)
    return {
        "status": outcome.status,
        "reasoning": outcome.reasoning,
        "answer": outcome.answer,
        "raw": outcome.raw,
        "steps": split_steps(outcome.reasoning or outcome.answer),
        "named_itself": [list(at) for at in outcome.named_at],
        "is_split_inferred": outcome.is_split_inferred,
        "is_truncated": outcome.is_truncated,
        "failure_code": outcome.failure_code,
        "failure_message": outcome.failure_message,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "cost_usd": bill.cost_usd,
        "price_source": bill.source[:300],
        "first_token_ms": outcome.first_token_ms,
        "duration_ms": outcome.duration_ms,
        "tokens_per_second": tokens_per_second(
            usage.output_tokens,
            usage.reasoning_tokens,
            first_token_ms=outcome.first_token_ms,
            duration_ms=outcome.duration_ms,
            shares_reasoning=bool(outcome.reasoning),
        ),
        "finished_at": now,
        "ended_as": "",
    }


def _ended(response: Response, save: "partial[Event | None]") -> Event | None:
    """Save how a response ended. One that cannot be saved as it is ends without its text: it must not run for ever."""
    return _saved(save, partial(save_outcome, response, _broken()))


def _shown(responses: Sequence[tuple[Response, Cut]]) -> list[Event]:
    return _saved(partial(show, responses), partial(show, [(response, ("", "")) for response, _ in responses]))


def _saved(save: "partial[T]", instead: "partial[T]") -> T:
    try:
        return _persist(save)
    except Exception:
        logger.exception("what came of a response cannot be saved as it is")
    return _persist(instead)


def _persist(save: "partial[T]") -> T:
    """Save, waiting for a database that is away or busy as long as it takes: the text is nowhere else but in the log,
    which expires. Meanwhile the run keeps its lease, and is not taken for dead."""
    pause_s = SAVE_AGAIN_MIN_S
    while True:
        try:
            return save()
        except (OperationalError, InterfaceError) as error:
            logger.warning("the database does not take a response: %s; trying again in %.1f s", error, pause_s)
            connection.close()  # it may be broken; the next try makes another
        time.sleep(pause_s * random.uniform(0.5, 1.0))  # not all threads at once
        pause_s = min(pause_s * 2, SAVE_AGAIN_MAX_S)
