"""Signing in, in this site's words and looks."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm

from arena.teams.limits import hold_back_account
from arena.teams.networks import network_of


class CountedSignIn(AuthenticationForm):
    """Looks at no password of an account on which too many were tried from there. Raises TooMany."""

    def clean(self) -> dict[str, Any]:
        if username := self.cleaned_data.get("username"):
            hold_back_account(username, network_of(self.request) if self.request else "")
        return super().clean()


class SignInForm(CountedSignIn):
    error_messages = {
        "invalid_login": "That name and password do not belong together. Capitals matter in both.",
        "inactive": "This account is closed.",
    }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as Django's view gives them
        for name, label in (("username", "Name"), ("password", "Password")):
            self.fields[name].label = label
            self.fields[name].widget.attrs["class"] = "field__input"
