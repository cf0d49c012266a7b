"""The books behind the budgets: what responses are expected to cost when they are asked, and did cost once they end."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from statistics import median_high

from django.db import transaction
from django.db.models import Exists, OuterRef, Sum
from django.db.models.functions import Length
from django.utils import timezone

from arena.battles.budgets import Purse, day_of
from arena.battles.costs import (
    TOKENS_PER_MESSAGE,
    Expected,
    cost_so_far,
    is_unbilled,
    known_price,
    nano_of,
    tokens_in,
)
from arena.battles.models import Battle, Charge, Response, ResponseStatus, SpendingDay
from arena.battles.running_costs import Meter, forget
from arena.battles.streaming import Outcome
from arena.contestants.models import Contestant
from arena.contestants.prices import cost_usd
from arena.contestants.rates import Price

# Earlier charges are of no use: what a response cost stands in its own row.
KEPT_DAYS = 7
# How long a contestant's answers usually are is the median of its newest, among the newest of the whole arena.
MEASURED_ANSWERS = 5_000
MEASURED_EACH = 100

# Of a response: whether a charge waits for its end.
HAS_OPEN_CHARGE = Exists(Charge.objects.filter(response=OuterRef("pk"), is_settled=False))


def charge(purse: Purse, responses: Iterable[Response], expected: Mapping[int, Expected]) -> None:
    """Take from the purse what these responses are expected to cost, by seat. At most one query.

    Done whether or not a budget is set, so that one set at noon knows what the morning cost.
    """
    visitor = purse.payer.voter if purse.visitor_digest else None
    charges = [
        Charge(
            day=purse.day,
            response=response,
            team=purse.payer.team,
            visitor=visitor,
            network=purse.visitor_digest,
            nano_usd=cost.nano,
            prompt_tokens=cost.prompt_tokens,
        )
        for response in responses
        if (cost := expected.get(response.seat_id)) and cost.nano
    ]
    if charges:
        Charge.objects.bulk_create(charges)


def meters(responses: Iterable[Response]) -> dict[int, Meter]:
    """What counts the running cost of those that cost anything, by response id. Their contestants must be loaded.
    One query, if there are any."""
    now = timezone.now()
    prices = {response.pk: known_price(response.seat.contestant, at=now) for response in responses}
    paid = {pk: price for pk, price in prices.items() if price is not None and not price.is_zero}
    if not paid:
        return {}
    charges = Charge.objects.filter(response__in=paid, is_settled=False)
    return {
        pk: Meter(charge_id, day, paid[pk], prompt_tokens)
        for pk, charge_id, day, prompt_tokens in charges.values_list("response_id", "pk", "day", "prompt_tokens")
        if pk is not None
    }


def settle(response: Response, outcome: Outcome) -> None:
    """Charge what the response did cost, in the transaction that ends it.

    Its price may have been changed since it was asked: where that is lost, what was expected stays.
    """
    taken = _open_charge(response) if response.may_be_charged else None
    if taken is None:
        return
    contestant, now = response.seat.contestant, timezone.now()
    cost = cost_usd(contestant, outcome.usage, at=now)
    _close(taken, _guess(taken, known_price(contestant, at=now), outcome) if cost is None else nano_of(cost))


def release(response: Response) -> None:
    """It was never asked."""
    taken = _open_charge(response)
    if taken is not None:
        _close(taken, 0)


def history_tokens(battle: Battle, *, before: int) -> dict[int, int]:
    """What each seat was asked and has answered before this turn, in tokens, about. One query, which reads no text."""
    earlier = Response.objects.filter(turn__battle=battle, turn__index__lt=before).order_by("seat_id")
    sums = earlier.values_list("seat_id").annotate(asked=Sum(Length("turn__prompt")), answered=Sum(Length("answer")))
    per_turn = before * 2 * TOKENS_PER_MESSAGE
    return {seat_id: tokens_in((asked or 0) + (answered or 0)) + per_turn for seat_id, asked, answered in sums}


def measure_answers() -> int:
    """Note how long the answers of each contestant usually are. Returns for how many that has changed."""
    newest = (
        Response.objects.filter(status=ResponseStatus.FINISHED, output_tokens__gt=0)
        .order_by("-pk")
        .values_list("seat__contestant_id", "output_tokens")[:MEASURED_ANSWERS]
    )
    lengths: dict[int, list[int]] = {}
    for contestant_id, tokens in newest:
        lengths.setdefault(contestant_id, []).append(tokens or 0)
    usual = {contestant_id: median_high(of_one[:MEASURED_EACH]) for contestant_id, of_one in lengths.items()}
    return sum(
        Contestant.objects.filter(pk=contestant_id)
        .exclude(usual_output_tokens=tokens)
        .update(usual_output_tokens=tokens)
        for contestant_id, tokens in usual.items()
    )


def forget_past_days() -> None:
    """Drop what is of no use any more: the salts of past days, so that no digest can be read, and old charges."""
    today = day_of(timezone.now())
    SpendingDay.objects.filter(day__lt=today).exclude(salt="").update(salt="")
    Charge.objects.filter(day__lt=today - timedelta(days=KEPT_DAYS)).delete()


def _guess(taken: Charge, price: Price | None, outcome: Outcome) -> int:
    """What a response cost whose server did not tell: nothing if it refused, else the prompt and what had arrived.
    A vendor bills what it wrote before a stop or a cut; what it thought in silence cannot be known."""
    chars = len(outcome.reasoning) + len(outcome.answer)
    if is_unbilled(outcome.failure_code) and not chars:
        return 0
    if price is None:
        return taken.nano_usd
    return cost_so_far(price, outcome.usage, prompt_tokens=taken.prompt_tokens, chars=chars)


def _open_charge(response: Response) -> Charge | None:
    return Charge.objects.filter(response=response.pk, is_settled=False).first()


def _close(taken: Charge, nano: int) -> None:
    Charge.objects.filter(pk=taken.pk, is_settled=False).update(nano_usd=nano, is_settled=True)
    transaction.on_commit(partial(forget, taken.pk, taken.day))
