"""Signing in, and accepting an invitation. Signing out is Django's own view."""

from django.contrib import messages
from django.contrib.auth.views import LoginView, redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from arena.teams import admission
from arena.teams.errors import AccountNeeded, InvitationNeeded
from arena.teams.forms import SignInForm
from arena.teams.queries import current_voter
from arena.teams.services import accept_invitation

sign_in = LoginView.as_view(authentication_form=SignInForm, redirect_authenticated_user=True)


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, code: str) -> HttpResponse:
    """Opening the link changes nothing: programs that look at links in mails would use it up."""
    if admission.is_invited(request.user, current_voter(request.user, request.session)):
        messages.success(request, "You are in: start a battle, or vote on one.")
        return redirect("new_battle")
    found = admission.find_invitation(code)
    if found is None:
        return render(request, "teams/invitation.html", {"invitation": None}, status=404)
    if isinstance(barrier := admission.barrier(request.user, request.session), AccountNeeded):
        return redirect_to_login(found.get_absolute_url())
    if request.method != "POST":
        return render(request, "teams/invitation.html", {"invitation": found, "is_needed": barrier is not None})
    try:
        accept_invitation(found, request.user, request.session)
    except InvitationNeeded:
        return render(request, "teams/invitation.html", {"invitation": None}, status=404)
    messages.success(request, "You are in: start a battle, or vote on one.")
    return redirect("new_battle")
