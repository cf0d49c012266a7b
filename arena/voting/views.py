"""The page of a battle and what can be done on it.

It lives here and not with the battles because it shows the ballot, the tally and the names. What is refused is shown
on the same page, beside what was typed.
"""

from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from arena.battles import doors
from arena.battles.errors import BattleError
from arena.battles.forms import FollowUpForm
from arena.battles.models import Battle
from arena.battles.queries import blind_battle, edition_of, find_battle
from arena.teams import admission
from arena.teams.errors import AccountNeeded, InvitationNeeded
from arena.teams.limits import Deed
from arena.teams.networks import network_of
from arena.teams.queries import current_voter
from arena.teams.services import acting_voter, hold_back
from arena.voting.doors import vote
from arena.voting.errors import VotingError
from arena.voting.forms import BallotForm, unsure_ballot
from arena.voting.queries import battle_for
from arena.voting.record import record_of


@require_safe
def battle(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    return _battle_page(request, _visible_battle(request, battle_id))


@require_POST
def cast_ballot(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = _visible_battle(request, battle_id)
    blind = blind_battle(battle)
    form = BallotForm(blind, request.POST)
    cannot_tell = "unsure" in request.POST
    if not cannot_tell and not form.is_valid():
        return _battle_page(request, battle, ballot_form=form, status=422)
    try:
        with acting_voter(request.user, request.session, Deed.VOTE, network=network_of(request)) as voter:
            vote(battle, voter, **(unsure_ballot(blind.slots) if cannot_tell else form.options()))
    except AccountNeeded:
        return redirect_to_login(battle.get_absolute_url())
    except (VotingError, InvitationNeeded) as error:
        if cannot_tell:
            return _battle_page(request, battle, notice=str(error), status=error.status)
        form.refuse(str(error), error.field)
        return _battle_page(request, battle, ballot_form=form, status=error.status)
    return HttpResponseRedirect(f"{battle.get_absolute_url()}#ballot")


@require_POST
def add_turn(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = _visible_battle(request, battle_id)
    form = FollowUpForm(request.POST)
    if not form.is_valid():
        return _battle_page(request, battle, follow_up=form, status=422)
    try:
        hold_back(request.user, request.session, Deed.ASK, network=network_of(request))
        turn = doors.ask_on(
            battle,
            current_voter(request.user, request.session),
            prompt=form.cleaned_data["prompt"],
            network=network_of(request),
        )
    except BattleError as error:
        form.add_error("prompt", str(error))
        return _battle_page(request, battle, follow_up=form, status=error.status)
    return HttpResponseRedirect(f"{battle.get_absolute_url()}#turn-{turn.index}")


@require_POST
def stop_battle(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = _visible_battle(request, battle_id)
    try:
        doors.halt(battle, current_voter(request.user, request.session))
    except BattleError as error:
        return _battle_page(request, battle, notice=str(error), status=error.status)
    return redirect(battle)


@require_POST
def retry_response(request: HttpRequest, battle_id: UUID, slot: str) -> HttpResponse:
    battle = _visible_battle(request, battle_id)
    try:
        hold_back(request.user, request.session, Deed.ASK, network=network_of(request))
        response = doors.ask_again(
            battle, current_voter(request.user, request.session), slot=slot, network=network_of(request)
        )
    except BattleError as error:
        return _battle_page(request, battle, notice=str(error), status=error.status)
    return HttpResponseRedirect(f"{battle.get_absolute_url()}#turn-{response.turn.index}-{slot}")


def _visible_battle(request: HttpRequest, battle_id: UUID) -> Battle:
    battle = find_battle(battle_id, current_voter(request.user, request.session))
    if battle is None:
        raise Http404("There is no such battle.")
    return battle


def _battle_page(
    request: HttpRequest,
    battle: Battle,
    *,
    ballot_form: BallotForm | None = None,
    follow_up: FollowUpForm | None = None,
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    """`notice` is a refusal that belongs to no field."""
    battle.refresh_from_db(fields=["status", "revealed_at"])
    edition = edition_of(battle.pk)  # before the texts: it must not name later ones
    voter = current_voter(request.user, request.session)
    voters_battle = battle_for(battle, voter)
    context = {
        "voters_battle": voters_battle,
        "battle": voters_battle.battle,
        "edition": edition,
        "problem": battle.problem,
        "record": record_of(voter) if voters_battle.my_ballot else None,
        "ballot_form": ballot_form or BallotForm(voters_battle.battle),
        "follow_up": follow_up or FollowUpForm(),
        "notice": notice,
        "may_ask_on": voters_battle.may_steer and not voters_battle.battle.is_running,
        "barrier": admission.barrier(request.user, request.session),
        "share_path": battle.get_absolute_url(),
        "share_url": request.build_absolute_uri(battle.get_absolute_url()),
        "address": battle.get_absolute_url() if request.method == "POST" else "",
    }
    return render(request, "battles/battle.html", context, status=status)
