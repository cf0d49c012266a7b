"""`GET /contestants`: who answers here."""

from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema

from arena.contestants.models import Contestant
from arena.contestants.prices import price_of
from arena.contestants.queries import in_play
from arena.contestants.retirement import may_take_part

router = Router(tags=["contestants"])

_PRICE = "USD per million tokens; null where it is not known"


class BenchmarkOut(Schema):
    """A figure that somebody else has published."""

    name: str
    score: float
    unit: str = Field("", description="`%` for a share of a hundred")
    source: str = Field(description="who published it")
    url: str = Field(description="where")


class ContestantOut(Schema):
    slug: str
    name: str
    provider: str = Field(description="the protocol of its server: ollama, openai, openai-responses or anthropic")
    params_b: float | None = Field(description="billions of parameters")
    license: str
    active: bool = Field(description="false: never drawn, for it is retired or switched off")
    simulated: bool
    available: bool = Field(description="whether it could be asked when that was last checked")
    in_play: bool = Field(description="whether it may take part now")
    unavailable_because: str
    vendor: str
    family: str
    context_tokens: int | None
    released_on: date | None
    retired_on: date | None = Field(description="when its vendor stopped, or will stop, serving it")
    price_in: float | None = Field(description=_PRICE)
    price_out: float | None = Field(description=f"{_PRICE}; reasoning counts as output")
    benchmarks: list[BenchmarkOut]

    @staticmethod
    def resolve_name(contestant: Contestant) -> str:
        return contestant.display_name

    @staticmethod
    def resolve_active(contestant: Contestant) -> bool:
        return may_take_part(contestant, timezone.localdate())

    @staticmethod
    def resolve_available(contestant: Contestant) -> bool:
        return contestant.is_available

    @staticmethod
    def resolve_price_in(contestant: Contestant) -> float | None:
        price = price_of(contestant, at=timezone.now())
        return price.input if price else None

    @staticmethod
    def resolve_price_out(contestant: Contestant) -> float | None:
        price = price_of(contestant, at=timezone.now())
        return price.output if price else None

    @staticmethod
    def resolve_benchmarks(contestant: Contestant) -> list[dict[str, Any]]:
        return list(contestant.benchmarks)


@router.get("/contestants", response=list[ContestantOut])
def contestants(request: HttpRequest) -> QuerySet[Contestant]:
    """Every contestant entered here. Those `in_play` may take part: simulated ones step back while real ones can."""
    return Contestant.objects.annotate(in_play=Exists(in_play().filter(pk=OuterRef("pk"))))
