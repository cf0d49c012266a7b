"""Whose ballots count, in the admin: what was noticed about a voter, leaving their ballots out, counting them again."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from arena.teams.models import Exclusion, Flag, User, Voter
from arena.teams.standing import exclude, take_back

View = Callable[..., HttpResponse]


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why: whoever looks at this later will want to know."},
    )


class StandingFilter(admin.SimpleListFilter):
    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("noticed", "something was noticed"), ("left-out", "ballots are left out")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Voter]) -> QuerySet[Voter]:
        if self.value() == "noticed":
            return queryset.filter(pk__in=Flag.objects.filter(dismissed_at=None).values("voter"))
        if self.value() == "left-out":
            return queryset.filter(pk__in=Exclusion.objects.in_force().values("voter"))
        return queryset


def _for_operators(view: View) -> View:
    """Only for staff who may change voters, and with the voters that the address names."""

    @wraps(view)
    def guarded(self: "StandingViews", request: HttpRequest) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        numbers = [number for number in request.GET.get("ids", "").split(",") if number.isascii() and number.isdigit()]
        voters = list(self.get_queryset(request).filter(pk__in=[int(number[:15]) for number in numbers]))
        if not voters:
            raise Http404("There is no such voter.")
        return view(self, request, voters)

    return guarded


class StandingViews(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """A ModelAdmin of voters with two pages of its own."""

    change_form_template = "admin/teams/voter/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        own = [("exclude", self.exclude_view), ("take_back", self.take_back_view)]
        pages = [
            path(f"{name.replace('_', '-')}/", self.admin_site.admin_view(view), name=f"teams_voter_{name}")
            for name, view in own
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        voter = self.get_object(request, object_id)
        own = {
            "flags": voter.flags.select_related("dismissed_by") if voter else [],
            "exclusions": _history(voter) if voter else [],
            "is_excluded": bool(voter and voter.is_excluded),
            "show_save": False,  # there is nothing to fill in
            "show_save_and_continue": False,
        }
        return super().change_view(request, object_id, form_url, own | (extra_context or {}))

    @_for_operators
    def exclude_view(self, request: HttpRequest, voters: list[Voter]) -> HttpResponse:
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            return self._show(request, voters, "Leave out ballots", form)
        assert isinstance(request.user, User)
        made = exclude(voters, by=request.user, reason=form.cleaned_data["reason"])
        self._note(request, made, "Left out its ballots.")
        messages.success(request, f"Left out: the ballots of {_names(made)}. The boards are being counted again.")
        return self._back(voters)

    @_for_operators
    def take_back_view(self, request: HttpRequest, voters: list[Voter]) -> HttpResponse:
        if request.method != "POST":
            return self._show(request, voters, "Count ballots again", None)
        assert isinstance(request.user, User)
        lifted = take_back(voters, by=request.user)
        self._note(request, lifted, "Took back in.")
        messages.success(
            request, f"Counted again: the ballots of {_names(lifted)}. The boards are being counted again."
        )
        return self._back(voters)

    @admin.action(description="Leave out the ballots of …", permissions=["change"])
    def exclude_chosen(self, request: HttpRequest, queryset: QuerySet[Voter]) -> HttpResponse:
        return self._decide("exclude", queryset)

    @admin.action(description="Count the ballots again of …", permissions=["change"])
    def take_back_chosen(self, request: HttpRequest, queryset: QuerySet[Voter]) -> HttpResponse:
        return self._decide("take_back", queryset)

    def _decide(self, page: str, voters: QuerySet[Voter]) -> HttpResponse:
        ids = ",".join(str(voter.pk) for voter in voters)
        return HttpResponseRedirect(f"{reverse(f'admin:teams_voter_{page}')}?ids={ids}")

    def _show(self, request: HttpRequest, voters: list[Voter], title: str, form: ReasonForm | None) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "opts": Voter._meta,
            "title": title,
            "voters": [(voter, voter.flags.all(), _history(voter)) for voter in voters],
            "form": form,
        }
        return TemplateResponse(
            request, "admin/teams/voter/decide.html", context, status=422 if form and form.errors else 200
        )

    def _note(self, request: HttpRequest, decisions: list[Exclusion], what: str) -> None:
        """In the admin's own log, beside the row that says why."""
        voters = [exclusion.voter for exclusion in decisions]
        if voters:
            LogEntry.objects.log_actions(request.user.pk, voters, CHANGE, what)  # type: ignore[arg-type]  # a list will do

    def _back(self, voters: list[Voter]) -> HttpResponse:
        if len(voters) == 1:
            return HttpResponseRedirect(reverse("admin:teams_voter_change", args=[voters[0].pk]))
        return HttpResponseRedirect(reverse("admin:teams_voter_changelist"))


def _history(voter: Voter) -> QuerySet[Exclusion]:
    return voter.exclusions.select_related("excluded_by", "lifted_by")


def _names(decisions: list[Exclusion]) -> str:
    return ", ".join(str(exclusion.voter) for exclusion in decisions) or "nobody, for nothing has changed"
