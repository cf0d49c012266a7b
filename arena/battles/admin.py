"""What is spent today, in the admin. It is only looked at: limits are settings, a team's stands with the team."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from arena.battles.models import SpendingDay
from arena.battles.spending import spending_today


@admin.register(SpendingDay)
class SpendingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """One page, at the place of a list: the day's limits and sums."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SpendingDay | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SpendingDay | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Spending today",
            "opts": self.opts,
            "spending": spending_today(),
        }
        return TemplateResponse(request, "admin/battles/spending_today.html", context)
