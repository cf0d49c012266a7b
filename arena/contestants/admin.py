"""The contestants in the admin. Keys are never here: an entry names the variable that holds one."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from arena.contestants.admin_drawing import AimAdmin
from arena.contestants.admin_forms import ActiveForm, ContestantForm
from arena.contestants.admin_pulling import PullingViews, may_be_pulled
from arena.contestants.admin_trying import TryingViews
from arena.contestants.catalogue import CatalogueError
from arena.contestants.models import Contestant, DrawAim, Errand, Pull, Source, Trial
from arena.contestants.services import check_availability

# The operator's, whatever its file says of the rest.
_OPERATORS = ("active", "weight", "never_meets")
_FROM_FILE = (Source.CATALOGUE, Source.SIMULATOR)
_FIELDSETS = [
    (None, {"fields": ["name", "slug", "active", "state", "source"]}),
    (
        "How it is drawn",
        {
            "fields": ["weight", "never_meets"],
            "description": "Voters are told of neither. Who is chosen by name takes part whatever its weight.",
        },
    ),
    (
        "How it is asked",
        {
            "fields": ["provider", "model", "base_url", "api_key_env", "opens_with_reasoning", "system", "options"],
            "description": "What is sent to its model server. The key itself is never entered here.",
        },
    ),
    (
        "Time limits",
        {
            "fields": [("first_token_timeout_s", "silence_timeout_s", "deadline_s")],
            "description": "In seconds. Empty: the arena’s own limits.",
        },
    ),
    (
        "What it costs",
        {
            "fields": [("price_in_usd_per_mtok", "price_out_usd_per_mtok"), "price_source"],
            "description": "US dollars per million tokens, reasoning as output. Empty: looked up by server and model.",
        },
    ),
    (
        "What is known of it",
        {
            "fields": [
                ("vendor", "family"),
                "description",
                ("params_b", "context_tokens", "license"),
                ("released_on", "retired_on"),
                "sources",
            ]
        },
    ),
    ("Published figures", {"fields": ["benchmarks"]}),
    ("More", {"fields": ["strategy", "simulated", "created_at"], "classes": ["collapse"]}),
]


@admin.register(Contestant)
class ContestantAdmin(TryingViews, PullingViews, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    form = ContestantForm
    fieldsets = _FIELDSETS  # type: ignore[assignment]  # lists where Django's types want tuples
    list_display = ["display_name", "provider", "model", "active", "weight", "state", "source"]
    list_editable = ["active"]
    list_filter = ["active", "is_available", "provider", "source", "simulated"]
    search_fields = ["slug", "name", "model", "vendor", "family"]
    readonly_fields = ["source", "state", "simulated", "created_at"]
    autocomplete_fields = ["never_meets"]
    prepopulated_fields = {"slug": ["name"]}
    actions = ["check_now", "try_chosen"]
    change_form_template = "admin/contestants/contestant/change_form.html"
    change_list_template = "admin/contestants/contestant/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        return [*self.trying_urls(), *self.pulling_urls(), *super().get_urls()]

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[ModelForm]:  # type: ignore[type-arg]  # no generic at run time
        return ActiveForm

    @admin.display(description="availability", ordering="is_available")
    def state(self, contestant: Contestant) -> str | SafeString:
        """Whether it can be asked, why not, and what may be done about it."""
        if not contestant.checked_at and not contestant.simulated:
            return "Not looked at yet."
        if contestant.is_available and contestant.is_passed_over:
            until = f"{localtime(contestant.passed_over_until):%H:%M %Z}"
            return f"Answers, but others are drawn before it until {until}: {contestant.passed_over_because}"
        if contestant.is_available:
            return "Can be asked."
        if not may_be_pulled(contestant) or "does not have" not in contestant.unavailable_because:
            return contestant.unavailable_because or "Not looked at, since it is switched off."
        page = f"{reverse('admin:contestants_pull')}?contestant={contestant.pk}"
        return format_html('{} <a href="{}">Pull it</a>', contestant.unavailable_because, page)

    @admin.action(description="Check availability now", permissions=["change"])
    def check_now(self, request: HttpRequest, queryset: QuerySet[Contestant]) -> None:
        try:
            check_availability()
        except CatalogueError as error:  # it is being edited
            messages.error(request, f"Nothing was checked: {error}")
            return
        available = queryset.filter(active=True, is_available=True).count()
        messages.success(request, f"{available} of {queryset.count()} can be drawn.")

    def get_readonly_fields(self, request: HttpRequest, obj: Contestant | None = None) -> list[str]:
        """What comes from a file is changed there, but for what is the operator's."""
        if obj is None or obj.source not in _FROM_FILE:
            return [*self.readonly_fields]
        fields = [field.name for field in Contestant._meta.fields]
        return [*(name for name in fields if name not in ("id", *_OPERATORS)), "state"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Contestant | None = None) -> dict[str, Sequence[str]]:
        """A slug is an address: once it is there it stays as it is."""
        return {} if obj else {"slug": ["name"]}

    def has_delete_permission(self, request: HttpRequest, obj: Contestant | None = None) -> bool:
        """A contestant with a history is retired, not deleted; one from a file would come back."""
        return super().has_delete_permission(request, obj) and (
            obj is None or (obj.source not in _FROM_FILE and not obj.seats.exists())
        )


admin.site.register(DrawAim, AimAdmin)


class ErrandAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """To be read: what operators had workers do."""

    list_filter = ["status"]
    date_hierarchy = "created_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Errand | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Errand | None = None) -> bool:
        """What runs is stopped first."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.is_over)


@admin.register(Trial)
class TrialAdmin(ErrandAdmin):
    list_display = ["created_at", "contestant", "status", "first_token_ms", "duration_ms", "output_tokens", "cost_usd"]
    list_select_related = ["contestant"]
    search_fields = ["contestant__slug", "contestant__name"]
    exclude = ["run", "queued_at"]


@admin.register(Pull)
class PullAdmin(ErrandAdmin):
    list_display = ["created_at", "model", "server", "status", "total_bytes", "failure_message"]
    search_fields = ["model"]
    exclude = ["run", "queued_at"]
