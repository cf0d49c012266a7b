"""Who votes: people with an account, the teams they form, and voters, who may be anonymous."""

import hashlib
import secrets

from django.contrib.auth.models import AbstractUser
from django.core.validators import MinValueValidator
from django.db import models


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
