"""Who votes: people with an account, the teams they form, and voters, who may be anonymous.

And who may: invitations, what was noticed about voters, and whose ballots the operator leaves out.
"""

import hashlib
import secrets

from django.contrib.auth.models import AbstractUser
from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone


class User(AbstractUser):
    """A person with an account."""


class Voter(models.Model):
    """Who starts battles and casts ballots: a user, or an anonymous visitor known by a session."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, null=True, blank=True, related_name="voter")
    visit = models.CharField(
        max_length=64,
        null=True,
        blank=True,
        unique=True,
        editable=False,
        help_text="Digest of the cookie of a visitor's browser.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.user.get_username() if self.user else f"visitor {self.pk}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Those that still let somebody in."""
        now = timezone.now()
        is_left = models.Q(uses_left=None) | models.Q(uses_left__gt=0)
        is_in_time = models.Q(expires_at=None) | models.Q(expires_at__gt=now)
        return self.filter(is_left, is_in_time, revoked_at=None)


def new_invitation_code() -> str:
    return secrets.token_urlsafe(16)


class Invitation(models.Model):
    """A link that lets its reader take part where ARENA_INVITATION_ONLY is set.

    The code is kept as it is, so that the operator can send the link once more: all that it opens is a vote.
    """

    code = models.CharField(max_length=40, unique=True, default=new_invitation_code, editable=False)
    label = models.CharField(max_length=80, blank=True, help_text="For whom it is. Only the admin shows it.")
    uses_left = models.PositiveIntegerField(
        "people it may still let in", null=True, blank=True, help_text="Empty: as many as have the link."
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="In UTC. Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.label or f"invitation {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("invitation", args=[self.code])

    @property
    def state(self) -> str:
        """In a word for the admin."""
        if self.revoked_at:
            return "revoked"
        if self.expires_at and self.expires_at <= timezone.now():
            return "expired"
        return "used up" if self.uses_left == 0 else "open"


class Acceptance(models.Model):
    """Who was let in by an invitation. They stay in when it is revoked, expires or is deleted."""

    invitation = models.ForeignKey(Invitation, on_delete=models.SET_NULL, null=True, related_name="acceptances")
    voter = models.OneToOneField(Voter, on_delete=models.CASCADE, related_name="acceptance")
    accepted_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.voter} by {self.invitation}"


class Concern(models.TextChoices):
    """What may be noticed about a voter."""

    ONE_SIDE = "one-side", "favours one side"
    TOO_FAST = "too-fast", "faster than people read"
    SAME_PROMPT = "same-prompt", "asks the same again and again"


class Flag(models.Model):
    """Something about a voter that a person should look at. By itself it changes nothing."""

    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="flags")
    concern = models.CharField(max_length=20, choices=Concern)
    evidence = models.TextField(help_text="What was seen, in plain words.")
    raised_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)
    dismissed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-raised_at"]
        constraints = [models.UniqueConstraint(fields=["voter", "concern"], name="one_flag_per_voter_and_concern")]

    def __str__(self) -> str:
        return f"{self.voter} {self.get_concern_display()}"


class ExclusionQuerySet(models.QuerySet["Exclusion"]):
    def in_force(self) -> "ExclusionQuerySet":
        return self.filter(lifted_at=None)


class Exclusion(models.Model):
    """The operator's decision to leave a voter's ballots out of every count. Its row stays when it is lifted."""

    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="exclusions")
    reason = models.TextField()
    excluded_at = models.DateTimeField(auto_now_add=True)
    excluded_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = ExclusionQuerySet.as_manager()

    class Meta:
        ordering = ["-excluded_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["voter"], condition=models.Q(lifted_at=None), name="one_exclusion_in_force_per_voter"
            )
        ]

    def __str__(self) -> str:
        return f"exclusion of {self.voter}"


class Role(models.TextChoices):
    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


# Those who start a team's battles and judge them. Viewers only read.
ACTIVE_ROLES = (Role.OWNER, Role.MEMBER)


class TeamQuerySet(models.QuerySet["Team"]):
    def seen_by(self, user: object) -> "TeamQuerySet":
        """The teams this person belongs to, whatever their role."""
        return self.filter(memberships__user=user) if isinstance(user, User) else self.none()

    def active_for(self, user: object) -> "TeamQuerySet":
        """The teams in whose name this person may start battles, and on whose battles they may vote."""
        if not isinstance(user, User):
            return self.none()
        return self.filter(memberships__user=user, memberships__role__in=ACTIVE_ROLES)


class Team(models.Model):
    """People who judge the same battles. What they ask is seen by nobody else."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, unique=True)
    daily_budget_usd = models.DecimalField(
        "daily budget (USD)",
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Per UTC calendar day. Empty: as ARENA_TEAM_DAILY_BUDGET_USD says. 0: only what costs nothing.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name", "slug"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team_and_user")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class ApiToken(models.Model):
    """A bearer token for scripts. Only its digest is kept, so a copied database opens nothing."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"token {self.pk} of {self.user}"

    @staticmethod
    def new_secret() -> str:
        return "arena_" + secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(secret: str) -> str:
        """SHA-256, unsalted: the secret has 256 random bits, there is nothing to guess."""
        return hashlib.sha256(secret.encode()).hexdigest()
