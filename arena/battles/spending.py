"""What has been spent today and by whom, for the operator."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypedDict

from django.conf import settings
from django.db.models import Q, Sum
from django.utils import timezone

from arena.battles.budgets import Payer, day_of, kept_out, team_limit
from arena.battles.costs import NANO_PER_USD
from arena.battles.models import Charge
from arena.battles.running_costs import running_costs
from arena.contestants.models import Contestant
from arena.contestants.queries import in_play
from arena.teams.models import Team

TOP_VISITORS = 10
SHOWN_OF_DIGEST = 8


class _Open(TypedDict):
    """A charge that is not settled, in nanodollars: what has run up, and what is still expected to."""

    team_id: int | None
    visitor_id: int | None
    network: str
    running: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Account:
    """In US dollars. `running` is what responses that have not ended have cost so far, `reserved` what more they are
    expected to cost. All three count against the limit; None: there is none."""

    name: str
    limit: Decimal | None
    settled: float
    running: float
    reserved: float

    @property
    def used(self) -> float:
        return self.settled + self.running + self.reserved

    @property
    def left(self) -> float | None:
        return None if self.limit is None else max(0.0, float(self.limit) - self.used)


@dataclass(frozen=True, slots=True)
class Spending:
    """`visitors` are those who spent most, by cookie and by network; `kept_out` whom a budget keeps out."""

    day: date
    arena: list[Account]
    teams: list[Account]
    visitors: list[Account]
    kept_out: list[tuple[Contestant, str]]


def spending_today() -> Spending:
    """Seven queries, however much was spent."""
    day = day_of(timezone.now())
    open_charges = _open_charges(day)
    visitors_limit = settings.ARENA_VISITOR_DAILY_BUDGET_USD
    by_team = _by(day, open_charges, "team_id")
    teams = Team.objects.filter(Q(pk__in=by_team) | Q(daily_budget_usd__isnull=False))
    by_cookie = {f"visitor {pk}": sums for pk, sums in _by(day, open_charges, "visitor_id").items()}
    by_network = {
        f"network {str(digest)[:SHOWN_OF_DIGEST]}…": sums for digest, sums in _by(day, open_charges, "network").items()
    }
    playing = list(in_play())
    out = kept_out(playing, Payer(voter=None))
    return Spending(
        day=day,
        arena=[_account("All responses", settings.ARENA_DAILY_BUDGET_USD, _all(day, open_charges))],
        teams=[_account(team.name, team_limit(team), by_team.get(team.pk, (0, 0, 0))) for team in teams],
        visitors=[_account(name, visitors_limit, sums) for name, sums in [*_largest(by_cookie), *_largest(by_network)]],
        kept_out=[(one, out[one.slug]) for one in playing if one.slug in out],
    )


Sums = tuple[int, int, int]  # settled, running, reserved


def _open_charges(day: date) -> list[_Open]:
    told = running_costs(day)
    rows = Charge.objects.filter(day=day, is_settled=False).values("pk", "nano_usd", "team_id", "visitor_id", "network")
    return [
        _Open(
            team_id=row["team_id"],
            visitor_id=row["visitor_id"],
            network=row["network"],
            running=told.get(row["pk"], 0),
            reserved=max(0, row["nano_usd"] - told.get(row["pk"], 0)),
        )
        for row in rows
    ]


def _all(day: date, open_charges: Iterable[_Open]) -> Sums:
    settled = Charge.objects.filter(day=day, is_settled=True).aggregate(total=Sum("nano_usd"))["total"]
    return _add((int(settled or 0), 0, 0), open_charges)


def _by(day: date, open_charges: Iterable[_Open], of: str) -> dict[object, Sums]:
    """The sums of each team, visitor or network that has any charge."""
    settled = Charge.objects.filter(day=day, is_settled=True).order_by().values_list(of).annotate(total=Sum("nano_usd"))
    sums: dict[object, Sums] = {key: (int(total), 0, 0) for key, total in settled if key}
    for one in open_charges:
        if key := one[of]:  # type: ignore[literal-required]  # one of its fields
            sums[key] = _add(sums.get(key, (0, 0, 0)), [one])
    return sums


def _add(sums: Sums, open_charges: Iterable[_Open]) -> Sums:
    settled, running, reserved = sums
    for one in open_charges:
        running, reserved = running + one["running"], reserved + one["reserved"]
    return settled, running, reserved


def _largest(by_name: Mapping[str, Sums]) -> list[tuple[str, Sums]]:
    return sorted(by_name.items(), key=lambda item: -sum(item[1]))[:TOP_VISITORS]


def _account(name: str, limit: Decimal | None, sums: Sums) -> Account:
    settled, running, reserved = (nano / NANO_PER_USD for nano in sums)
    return Account(name, limit, settled, running, reserved)
