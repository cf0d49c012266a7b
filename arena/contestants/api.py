"""`GET /contestants`: who answers here."""

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from ninja import Router, Schema

from arena.contestants.models import Contestant
from arena.contestants.queries import in_play

router = Router(tags=["contestants"])


class ContestantOut(Schema):
    slug: str
    name: str
    provider: str
    params_b: float | None
    license: str
    active: bool
    simulated: bool
    available: bool
    in_play: bool
    unavailable_because: str

    @staticmethod
    def resolve_name(contestant: Contestant) -> str:
        return contestant.display_name

    @staticmethod
    def resolve_available(contestant: Contestant) -> bool:
        return contestant.is_available


@router.get("/contestants", response=list[ContestantOut])
def contestants(request: HttpRequest) -> QuerySet[Contestant]:
    """Every contestant entered here. Those `in_play` may be drawn: simulated ones step back while real ones can."""
    return Contestant.objects.annotate(in_play=Exists(in_play().filter(pk=OuterRef("pk"))))
