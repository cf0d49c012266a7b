"""Who is asking the API: a bearer token, a session cookie or nobody, and no page of another site in their name."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from ninja import Router, Schema
from ninja.security.base import AuthBase

from arena.problem_json import Problem
from arena.teams import admission
from arena.teams.errors import AccountNeeded
from arena.teams.limits import Deed
from arena.teams.models import Voter
from arena.teams.networks import network_of
from arena.teams.queries import bearer_secret, current_voter, user_of_token
from arena.teams.services import accept_invitation, acting_voter, hold_back

router = Router(tags=["people"])

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
JSON = "application/json"


@dataclass(frozen=True)
class Asker:
    user: AbstractBaseUser | AnonymousUser
    session: SessionBase
    network: str

    @property
    def voter(self) -> Voter | None:
        return current_voter(self.user, self.session)

    def acting(self, deed: Deed) -> AbstractContextManager[Voter]:
        """The voter for one deed, made if need be, in one transaction. Raises a TeamError."""
        return acting_voter(self.user, self.session, deed, network=self.network)

    def hold_back(self, deed: Deed) -> None:
        """Counts a deed of a voter who is known already. Raises a TeamError."""
        hold_back(self.user, self.session, deed, network=self.network)


class Door(AuthBase):
    """What every call passes before its input is looked at. Puts an `Asker` at `request.auth`."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Asker:
        _refuse_nul(request)
        secret = bearer_secret(request.headers.get("Authorization", ""))
        if secret is not None:
            _require_json(request)
            return _asker_of_token(request, secret)
        if request.method not in SAFE_METHODS:
            _refuse_other_sites(request)
            _require_json(request)
        return Asker(request.user, request.session, network_of(request))


class InvitedOut(Schema):
    """`invited`: you may start battles and vote, wherever this arena asks for an invitation."""

    invited: bool


def asker(request: HttpRequest) -> Asker:
    """Who was let in at the Door."""
    who = getattr(request, "auth", None)
    if not isinstance(who, Asker):
        raise TypeError("this call is not behind the Door")
    return who


@router.post("/invitations/{str:code}/accept", response=InvitedOut, summary="Accept an invitation")
def accept(request: HttpRequest, code: str) -> InvitedOut:
    """Lets you take part where only those who were invited may. Accepting twice uses it up once."""
    who = asker(request)
    if not admission.is_invited(who.user, who.voter):
        invitation = admission.find_invitation(code)
        if invitation is None:
            raise Problem(404, "This invitation does not let anybody in (any more). Ask for a new one.")
        if isinstance(barrier := admission.barrier(who.user, who.session), AccountNeeded):
            raise barrier
        accept_invitation(invitation, who.user, who.session)
    return InvitedOut(invited=True)


def _asker_of_token(request: HttpRequest, secret: str) -> Asker:
    user = user_of_token(secret)
    if user is None:
        raise Problem(401, "This bearer token is not known here. `manage.py api_token USERNAME` makes one.")
    return Asker(user, request.session, network_of(request))


def _refuse_nul(request: HttpRequest) -> None:
    for name, values in request.GET.lists():
        if "\0" in name or any("\0" in value for value in values):
            raise Problem(422, "A parameter contains a NUL character.")


def _refuse_other_sites(request: HttpRequest) -> None:
    """A browser says where a request comes from; a page elsewhere must not act with our visitor's cookie.

    Programs that are no browsers send neither header, and hold no cookie that they did not get here.
    """
    origin = request.headers.get("Origin")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in {"same-origin", "none"} or (origin is not None and _host(origin) != request.get_host()):
        raise Problem(403, "Pages of other sites may not use this API in a visitor's name: send a bearer token.")


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _require_json(request: HttpRequest) -> None:
    if request.body and request.content_type != JSON:
        raise Problem(415, f"Send the body as {JSON}, and say so in the Content-Type header.")
