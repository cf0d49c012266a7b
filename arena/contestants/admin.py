"""The contestants in the admin. Keys are never here: an entry names the variable that holds one."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from arena.contestants.models import Contestant, Source
from arena.contestants.services import check_availability

_FROM_FILE = (Source.CATALOGUE, Source.SIMULATOR)


@admin.register(Contestant)
class ContestantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    list_display = ["display_name", "provider", "model", "active", "is_available", "unavailable_because", "source"]
    list_editable = ["active"]
    list_filter = ["active", "is_available", "provider", "source", "simulated"]
    search_fields = ["slug", "name", "model"]
    readonly_fields = ["source", "is_available", "unavailable_because", "checked_at", "created_at"]
    actions = ["check_now"]

    @admin.action(description="Check availability now", permissions=["change"])
    def check_now(self, request: HttpRequest, queryset: QuerySet[Contestant]) -> None:
        check_availability()
        available = queryset.filter(active=True, is_available=True).count()
        messages.success(request, f"{available} of {queryset.count()} can be drawn.")

    def get_readonly_fields(self, request: HttpRequest, obj: Contestant | None = None) -> list[str]:
        """What comes from a file is changed there: only `active` is the operator's."""
        if obj is None or obj.source not in _FROM_FILE:
            return [*self.readonly_fields]
        fields = [field.name for field in Contestant._meta.fields]
        return [name for name in fields if name not in ("id", "active")]

    def has_delete_permission(self, request: HttpRequest, obj: Contestant | None = None) -> bool:
        """A contestant with a history is retired, not deleted; one from a file would come back."""
        return super().has_delete_permission(request, obj) and (
            obj is None or (obj.source not in _FROM_FILE and not obj.seats.exists())
        )
