"""Who votes: people with an account, and voters, who may be anonymous."""

import hashlib
import secrets

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person with an account."""


class Voter(models.Model):
    """Who starts battles and casts ballots: a user, or an anonymous visitor known by a session."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, null=True, blank=True, related_name="voter")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.user.get_username() if self.user else f"visitor {self.pk}"


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
