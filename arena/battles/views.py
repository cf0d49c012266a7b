"""The pages around a battle: the form that starts one, and how the arena works.

The battle's own page lives in `arena/voting/views.py`, because it shows ballots too.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from arena.battles import doors
from arena.battles.budgets import Payer, kept_out, look_into_purse
from arena.battles.errors import BattleError
from arena.battles.forms import NewBattleForm
from arena.battles.models import MIN_SIZE, Battle, Turn
from arena.battles.queries import find_battle
from arena.contestants.models import Contestant
from arena.contestants.queries import in_play
from arena.contestants.retirement import may_take_part
from arena.problems.models import Problem
from arena.problems.queries import find_problem
from arena.teams import admission
from arena.teams.errors import AccountNeeded, InvitationNeeded
from arena.teams.limits import Deed
from arena.teams.models import Team, Voter
from arena.teams.networks import network_of
from arena.teams.queries import current_voter
from arena.teams.services import acting_voter

LISTED_BATTLES = 5
LISTED_PROBLEMS = 12


@require_safe
def new_battle(request: HttpRequest) -> HttpResponse:
    initial = None
    if slug := request.GET.get("problem"):
        initial = NewBattleForm.about(_problem_to_ask(slug))
    elif battle_id := request.GET.get("again"):
        initial = NewBattleForm.again(_battle_to_repeat(request, battle_id))
    return _new_battle_page(request, _form(request, initial=initial))


@require_POST
def start_battle(request: HttpRequest) -> HttpResponse:
    form = _form(request, request.POST)
    if not form.is_valid():
        return _new_battle_page(request, form, status=422)
    try:
        with acting_voter(request.user, request.session, Deed.ASK, network=form.payer.network) as voter:
            battle = doors.open_battle(voter, **form.options())
    except AccountNeeded:
        return redirect_to_login(reverse("new_battle"))
    except InvitationNeeded as error:
        form.add_error(None, str(error))
        return _new_battle_page(request, form, status=error.status)
    except BattleError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _new_battle_page(request, form, status=error.status)
    return redirect(battle)


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "about.html")


def _form(
    request: HttpRequest, data: Mapping[str, Any] | None = None, *, initial: dict[str, Any] | None = None
) -> NewBattleForm:
    payer = Payer(current_voter(request.user, request.session), network=network_of(request))
    return NewBattleForm(data, payer=payer, teams=list(Team.objects.active_for(request.user)), initial=initial)


def _new_battle_page(request: HttpRequest, form: NewBattleForm, *, status: int = 200) -> HttpResponse:
    today = timezone.localdate()
    active = list(in_play())
    out = kept_out(active, form.payer)
    playing = [one for one in active if one.slug not in out]
    slugs = {contestant.slug for contestant in playing}
    context = {
        "form": form,
        "barrier": admission.barrier(request.user, request.session),
        "problems": _offered_problems(form["problem"].value()),
        "playing": playing,
        "resting": [
            one for one in Contestant.objects.all() if one.slug not in {*slugs, *out} and may_take_part(one, today)
        ],
        "kept_out": [(one, out[one.slug]) for one in active if one.slug in out],
        "budget_notice": "" if form.errors else look_into_purse(form.payer).said_of_contents,
        "only_simulated": bool(playing) and all(contestant.simulated for contestant in playing),
        "enough": len(playing) >= MIN_SIZE,
        "battles": _latest_battles(form.payer.voter),
        "address": reverse("new_battle") if request.method == "POST" else "",
    }
    return render(request, "battles/new.html", context, status=status)


def _offered_problems(chosen: str | None) -> list[Problem]:
    """The shipped ones come first in time; one that was asked for by its link is always among them."""
    problems = list(Problem.objects.order_by("pk")[:LISTED_PROBLEMS])
    if chosen and chosen not in {problem.slug for problem in problems}:
        asked_for = find_problem(chosen)
        problems = [asked_for, *problems] if asked_for else problems
    return problems


def _latest_battles(voter: Voter | None) -> list[Battle]:
    first_turns = Prefetch("turns", Turn.objects.filter(index=0))
    return list(Battle.objects.listed_for(voter).prefetch_related(first_turns)[:LISTED_BATTLES])


def _problem_to_ask(slug: str) -> Problem:
    problem = find_problem(slug)
    if problem is None:
        raise Http404("There is no such problem.")
    return problem


def _battle_to_repeat(request: HttpRequest, battle_id: str) -> Battle:
    try:
        battle = find_battle(UUID(battle_id), current_voter(request.user, request.session))
    except ValueError:
        battle = None
    if battle is None:
        raise Http404("There is no such battle.")
    return battle
