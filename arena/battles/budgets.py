"""What may be spent on a UTC calendar day: by the arena, by a team, by a visitor without an account.

Spent is what responses asked today have cost, and what those that have not ended are expected to cost, or have cost so
far where that is more. A response counts for the day on which it was asked. What runs is never cut off: its place in
the budget was taken when it was started, and what it costs beyond that is missing for those that come after.

1. `open_purse` finds the budgets that bind whoever asks. If there are any it locks the day, until the transaction ends:
   of fifty battles started at once, each sees what the others have taken.
2. The purse says who may take part, and refuses what would exceed it.
3. `charges.charge` takes what the new responses are expected to cost, in the same transaction.
4. `charges.settle` puts what a response did cost in its place, together with the response's row.
"""

import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from math import ceil

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from arena.battles.costs import known_price, nano_of
from arena.battles.errors import BudgetSpent, NotNow
from arena.battles.models import Charge, SpendingDay
from arena.battles.running_costs import running_costs
from arena.contestants.models import Contestant
from arena.teams.models import Team, Voter

# From here on those who are about to start a battle are told.
NEARLY = Decimal("0.9")


class Whose(StrEnum):
    ARENA = "arena"
    TEAM = "team"
    VISITOR = "visitor"


_SPENT = {
    Whose.ARENA: "This arena’s budget is spent for today",
    Whose.TEAM: "The team’s budget is spent for today",
    Whose.VISITOR: "What a visitor may spend here is spent for today",
}
_EXCEEDED = {
    Whose.ARENA: "This would cost more than is left of this arena’s budget for today",
    Whose.TEAM: "This would cost more than is left of the team’s budget for today",
    Whose.VISITOR: "This would cost more than is left of what a visitor may spend here today",
}
_NEARLY_SPENT = {
    Whose.ARENA: "This arena’s budget is nearly spent for today",
    Whose.TEAM: "The team’s budget is nearly spent for today",
    Whose.VISITOR: "What a visitor may spend here is nearly spent for today",
}
_SPENDS_NOTHING = {
    Whose.ARENA: "this arena spends no money",
    Whose.TEAM: "the team spends no money",
    Whose.VISITOR: "only people with an account may spend money here",
}
PRICE_UNKNOWN = "Its price is not known, so it takes no part while there is a daily budget."


@dataclass(frozen=True, slots=True)
class Payer:
    """On whose account something is asked. `network` is where the request came from (`teams.networks`)."""

    voter: Voter | None
    team: Team | None = None
    network: str = ""

    @property
    def is_visitor(self) -> bool:
        return self.voter is None or self.voter.user_id is None


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget in nanodollars. `counted`: the fields of the charges that count against it."""

    whose: Whose
    nano: int
    counted: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Purse:
    """What a payer may still spend: `left` of the tightest of the budgets that bind them. Both None: nothing binds."""

    payer: Payer
    now: datetime
    limits: Sequence[Limit] = ()
    tightest: Limit | None = None
    left: int | None = None
    visitor_digest: str = ""

    @property
    def day(self) -> date:
        return day_of(self.now)

    @property
    def said_of_contents(self) -> str:
        """A sentence for who is about to spend; empty while there is enough, and where nothing may be spent anyway."""
        if self.tightest is None or self.left is None or not self.tightest.nano:
            return ""
        if self.left > self.tightest.nano * (1 - NEARLY):
            return ""
        said = _NEARLY_SPENT if self.left else _SPENT
        return f"{said[self.tightest.whose]}; {_anew(self.now)}."

    def why_not(self, contestant: Contestant) -> str:
        """Why it cannot take part, whatever is left, in a sentence; empty if it can."""
        return _why_not(contestant, self.limits, self.now)

    def require(self, nano: int) -> None:
        """Raises BudgetSpent, or NotNow where nothing may be spent. What costs nothing is never refused.

        The sentence does not depend on who would be asked.
        """
        if self.tightest is None or self.left is None or nano <= self.left:
            return
        whose = self.tightest.whose
        if not self.tightest.nano:
            raise NotNow(f"This would cost money, and {_SPENDS_NOTHING[whose]}.")
        said = _EXCEEDED if self.left else _SPENT
        raise BudgetSpent(
            f"{said[whose]}; {_anew(self.now)}.", retry_after_s=ceil(_until_anew(self.now).total_seconds())
        )


def open_purse(payer: Payer) -> Purse:
    """What this payer may still spend today; locks the day if a budget binds them. Call it in a transaction.

    No query where none does; else at most five, each by an index, and one look into Redis.
    """
    now = timezone.now()
    if not _limits(payer):
        return Purse(payer, now)
    told = running_costs(day_of(now))
    day, _ = SpendingDay.objects.select_for_update().get_or_create(
        day=day_of(now), defaults={"salt": secrets.token_hex(32)}
    )
    return _purse(payer, now, day.salt, told)


def look_into_purse(payer: Payer) -> Purse:
    """The same to show: nothing is locked, and nothing may be taken from it."""
    now = timezone.now()
    if not _limits(payer):
        return Purse(payer, now)
    day = SpendingDay.objects.filter(day=day_of(now)).first()
    return _purse(payer, now, day.salt if day else "", running_costs(day_of(now)))


def kept_out(contestants: Iterable[Contestant], payer: Payer) -> dict[str, str]:
    """By slug: those whom a budget keeps from taking part, and why. No query."""
    limits, now = _limits(payer), timezone.now()
    return {one.slug: why for one in contestants if (why := _why_not(one, limits, now))}


def overruns(day: date, told: Mapping[int, int]) -> list[tuple[dict[str, object], int]]:
    """By how much responses that still run have exceeded what was expected of them, each with its charge's fields."""
    if not told:
        return []
    rows = Charge.objects.filter(pk__in=told, day=day, is_settled=False).values(
        "pk", "nano_usd", "team_id", "visitor_id", "network"
    )
    return [(dict(row), excess) for row in rows if (excess := told[row["pk"]] - row["nano_usd"]) > 0]


def team_limit(team: Team) -> Decimal | None:
    return team.daily_budget_usd if team.daily_budget_usd is not None else settings.ARENA_TEAM_DAILY_BUDGET_USD


def day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _purse(payer: Payer, now: datetime, salt: str, told: Mapping[int, int]) -> Purse:
    digest = _digest(payer.network, salt) if _binds_visitor(payer) else ""
    limits = _limits(payer, digest)
    over = overruns(day_of(now), told)
    left = [max(0, limit.nano - _spent(day_of(now), limit.counted, over)) for limit in limits]
    least = min(range(len(limits)), key=lambda number: left[number])
    return Purse(payer, now, limits, limits[least], left[least], digest)


def _limits(payer: Payer, visitor_digest: str = "") -> list[Limit]:
    """The budgets that bind this payer. A visitor's holds for the cookie and for the network, so that another cookie
    does not come with another budget."""
    found: list[tuple[Whose, Decimal | None, dict[str, object]]] = [(Whose.ARENA, settings.ARENA_DAILY_BUDGET_USD, {})]
    if payer.team is not None:
        found.append((Whose.TEAM, team_limit(payer.team), {"team_id": payer.team.pk}))
    if _binds_visitor(payer):
        found.append((Whose.VISITOR, settings.ARENA_VISITOR_DAILY_BUDGET_USD, {"network": visitor_digest}))
        if payer.voter is not None:
            found.append((Whose.VISITOR, settings.ARENA_VISITOR_DAILY_BUDGET_USD, {"visitor_id": payer.voter.pk}))
    return [Limit(whose, nano_of(usd), counted) for whose, usd, counted in found if usd is not None]


def _binds_visitor(payer: Payer) -> bool:
    return payer.is_visitor and settings.ARENA_VISITOR_DAILY_BUDGET_USD is not None


def _spent(day: date, counted: Mapping[str, object], over: Iterable[tuple[dict[str, object], int]]) -> int:
    total = Charge.objects.filter(day=day, **counted).aggregate(total=Sum("nano_usd"))["total"] or 0
    return int(total) + sum(
        excess for row, excess in over if all(row[name] == value for name, value in counted.items())
    )


def _why_not(contestant: Contestant, limits: Iterable[Limit], now: datetime) -> str:
    limits = list(limits)
    if not limits:
        return ""
    price = known_price(contestant, at=now)
    if price is None:
        return PRICE_UNKNOWN
    frugal = next((limit.whose for limit in limits if not limit.nano), None)
    return f"It costs money, and {_SPENDS_NOTHING[frugal]}." if frugal and not price.is_zero else ""


def _digest(network: str, salt: str) -> str:
    """Of no use without the day's salt and the arena's secret key, and different every day."""
    return hmac.digest(settings.SECRET_KEY.encode(), f"{salt} {network}".encode(), "sha256").hex()[:32]


def _until_anew(now: datetime) -> timedelta:
    return datetime.combine(day_of(now) + timedelta(days=1), time(), tzinfo=UTC) - now


def _anew(now: datetime) -> str:
    minutes = ceil(_until_anew(now).total_seconds() / 60)
    count, unit = (round(minutes / 60), "hour") if minutes > 90 else (minutes, "minute")
    return f"it starts anew at 00:00 UTC, in {count} {unit}{'' if count == 1 else 's'}"
