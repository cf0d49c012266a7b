"""What every door does when a person acts on a battle: the service, then the workers and the browsers are told."""

from typing import Unpack

from arena.battles import services, tasks
from arena.battles.models import Battle, Response, Turn
from arena.battles.services import BattleOptions
from arena.teams.models import Voter


def open_battle(voter: Voter, **options: Unpack[BattleOptions]) -> Battle:
    battle = services.start_battle(voter, **options)
    tasks.enqueue(battle.pk)
    return battle


def ask_on(battle: Battle, voter: Voter | None, *, prompt: str, network: str = "") -> Turn:
    turn = services.add_turn(battle, voter, prompt=prompt, network=network)
    tasks.announce_turn(turn)
    tasks.enqueue(turn.battle_id)
    return turn


def halt(battle: Battle, voter: Voter | None) -> None:
    stop = services.stop_battle(battle, voter)
    tasks.announce_stop(battle, stop)


def ask_again(battle: Battle, voter: Voter | None, *, slot: str, network: str = "") -> Response:
    response = services.retry_response(battle, voter, slot=slot, network=network)
    tasks.enqueue(battle.pk)
    return response
