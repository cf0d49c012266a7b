"""What the draw aims at, in the admin. It is only looked at: the ballots decide it."""

from dataclasses import dataclass

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from arena.contestants.models import Contestant, DrawAim


@dataclass(frozen=True, slots=True)
class AimedPair:
    """`percent` of the aimed battles."""

    one: Contestant
    other: Contestant
    percent: float


class AimAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """One page, at the place of a list."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DrawAim | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DrawAim | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        aim = DrawAim.objects.first() or DrawAim()
        contestants = Contestant.objects.without_facts().in_bulk()
        context = {
            **self.admin_site.each_context(request),
            "title": "What the draw aims at",
            "opts": self.opts,
            "aim": aim,
            "pairs": _pairs(aim, contestants),
            "newcomers": [contestants[pk] for pk in aim.newcomers if pk in contestants],
        }
        return TemplateResponse(request, "admin/contestants/aim_of_the_draw.html", context)


def _pairs(aim: DrawAim, contestants: dict[int, Contestant]) -> list[AimedPair]:
    """The most wanted first; those of contestants that are gone are left out."""
    pairs = [
        AimedPair(contestants[one], contestants[other], 100 * share)
        for one, other, share in aim.pairs
        if one in contestants and other in contestants
    ]
    return sorted(pairs, key=lambda pair: -pair.percent)
