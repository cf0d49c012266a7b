"""People, teams, voters, invitations and tokens in the admin. A token's secret is kept nowhere: none can be shown."""

from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import UserAdmin
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from arena.teams.admin_standing import StandingFilter, StandingViews
from arena.teams.forms import CountedSignIn
from arena.teams.models import ApiToken, Exclusion, Flag, Invitation, Membership, Team, User, Voter
from arena.teams.standing import dismiss, reopen

admin.site.register(User, UserAdmin)


class AdminSignInForm(CountedSignIn, AdminAuthenticationForm):
    """The admin's own page has the same door as ours."""


admin.site.login_form = AdminSignInForm


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]  # no generic at run time
    model = Membership
    autocomplete_fields = ("user",)
    extra = 1


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    list_display = ("name", "slug", "daily_budget_usd", "created_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembershipInline,)


@admin.register(Voter)
class VoterAdmin(StandingViews):
    """Who votes; what was noticed about them; and whose ballots are left out."""

    list_display = ("__str__", "noticed", "counts", "created_at", "invited_by")
    list_filter = (StandingFilter, "created_at")
    list_select_related = ("user", "acceptance__invitation")
    search_fields = ("=id", "user__username")
    readonly_fields = ("user", "invited_by", "created_at")
    fields = ("user", "invited_by", "created_at")
    actions = ("exclude_chosen", "take_back_chosen")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Voter]:
        in_force = Exclusion.objects.in_force().filter(voter=OuterRef("pk"))
        open_flags = Count("flags", filter=Q(flags__dismissed_at=None))
        voters: QuerySet[Voter] = super().get_queryset(request).prefetch_related("flags")
        return voters.annotate(is_excluded=Exists(in_force), open_flags=open_flags)

    @admin.display(ordering="open_flags")
    def noticed(self, voter: Voter) -> str:
        flags = [flag.get_concern_display() for flag in voter.flags.all() if not flag.dismissed_at]
        return ", ".join(flags) or "nothing"

    @admin.display(description="ballots count", ordering="is_excluded", boolean=True)
    def counts(self, voter: Voter) -> bool:
        return not voter.is_excluded  # type: ignore[attr-defined]  # annotated above

    @admin.display(description="invited by")
    def invited_by(self, voter: Voter) -> str:
        acceptance = getattr(voter, "acceptance", None)
        return str(acceptance.invitation or "an invitation since deleted") if acceptance else "nobody"


@admin.register(Flag)
class FlagAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """What was noticed, newest first. A flag changes nothing: whoever reads it decides."""

    list_display = ("who", "concern", "evidence", "raised_at", "dismissed")
    list_filter = (("dismissed_at", admin.EmptyFieldListFilter), "concern")
    list_select_related = ("voter__user", "dismissed_by")
    list_display_links = None
    actions = ("dismiss_chosen", "reopen_chosen")

    class Media:
        css = {"all": ["admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Flag | None = None) -> bool:
        return False

    @admin.display(description="voter", ordering="voter")
    def who(self, flag: Flag) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:teams_voter_change", args=[flag.voter_id]), flag.voter)

    @admin.display(ordering="dismissed_at")
    def dismissed(self, flag: Flag) -> str:
        if not flag.dismissed_at:
            return "no"
        return f"{flag.dismissed_at:%d %b %Y}" + (f" by {flag.dismissed_by}" if flag.dismissed_by else "")

    @admin.action(description="Dismiss: nothing is wrong", permissions=["change"])
    def dismiss_chosen(self, request: HttpRequest, queryset: QuerySet[Flag]) -> None:
        assert isinstance(request.user, User)
        messages.success(request, f"{dismiss(queryset, request.user)} dismissed.")

    @admin.action(description="Raise again", permissions=["change"])
    def reopen_chosen(self, request: HttpRequest, queryset: QuerySet[Flag]) -> None:
        messages.success(request, f"{reopen(queryset)} raised again.")


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """Links that let people take part where ARENA_INVITATION_ONLY is set."""

    change_form_template = "admin/teams/invitation/change_form.html"

    list_display = ("__str__", "state", "let_in", "uses_left", "expires_at", "created_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("label",)
    fields = ("label", "uses_left", "expires_at", "state", "created_by", "created_at")
    readonly_fields = ("state", "created_by", "created_at")
    actions = ("revoke", "restore")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        invitations: QuerySet[Invitation] = super().get_queryset(request)
        return invitations.annotate(accepted=Count("acceptances"))

    def save_model(self, request: HttpRequest, obj: Invitation, form: ModelForm, change: bool) -> None:  # type: ignore[type-arg]  # no generic at run time
        if not change and isinstance(request.user, User):
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    @admin.display(description="people let in", ordering="accepted")
    def let_in(self, invitation: Invitation) -> int:
        return int(invitation.accepted)  # type: ignore[attr-defined]  # annotated above

    @admin.action(description="Revoke: let nobody in any more", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        messages.success(request, f"{count} revoked. Who is in stays in.")

    @admin.action(description="Take the revocation back", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        messages.success(request, f"{queryset.exclude(revoked_at=None).update(revoked_at=None)} open again.")


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """To see who has one and to revoke it; `manage.py api_token` issues them."""

    list_display = ("__str__", "user", "created_at")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    readonly_fields = ("user", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
