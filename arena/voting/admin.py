"""Ballots in the admin, to be read. Nobody edits what somebody else said."""

from django.contrib import admin
from django.http import HttpRequest

from arena.voting.models import Ballot, Verdict


class ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class VerdictInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # no generic at run time
    model = Verdict
    fields = ["slot", "judgement", "first_flaw", "tags"]
    readonly_fields = ["slot"]
    extra = 0

    @admin.display
    def slot(self, verdict: Verdict) -> str:
        return verdict.seat.slot


@admin.register(Ballot)
class BallotAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    list_display = ["id", "battle", "voter", "best", "uncounted_because", "cast_at"]
    list_filter = ["uncounted_because", "cast_at"]
    list_select_related = ["battle", "voter__user"]
    search_fields = ["battle__id"]
    date_hierarchy = "cast_at"
    inlines = [VerdictInline]
