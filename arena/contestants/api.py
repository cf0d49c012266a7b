"""`GET /contestants`: who answers here."""

from django.http import HttpRequest
from ninja import Router, Schema

from arena.contestants.models import Contestant, ContestantQuerySet

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
    unavailable_because: str

    @staticmethod
    def resolve_name(contestant: Contestant) -> str:
        return contestant.display_name

    @staticmethod
    def resolve_available(contestant: Contestant) -> bool:
        return contestant.is_available


@router.get("/contestants", response=list[ContestantOut])
def contestants(request: HttpRequest) -> ContestantQuerySet:
    """Every contestant entered here. Those that are not `active` and `available` are not drawn for new battles."""
    return Contestant.objects.all()
