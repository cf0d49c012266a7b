"""How a battle's texts are laid out by the server alone, as they are read with scripts off."""

import re
from datetime import timedelta
from types import SimpleNamespace

from django.template.loader import render_to_string
from django.test import override_settings
from django.urls import path
from django.utils import timezone

from arena.battles.queries import BlindResponse, BlindTurn, Failure
from arena.battles.templatetags.battle_text import next_turn, steps

urlpatterns = [path("battles/<uuid:battle_id>/responses/<str:slot>/retry/", steps, name="retry_response")]
BATTLE_ID = "7f2c1f8e-1111-4222-8333-0123456789ab"


def response(slot: str = "A", status: str = "finished", **fields: object) -> BlindResponse:
    values = {"reasoning": "", "answer": "", "failure": None, "is_truncated": False, "steps": ()} | fields
    return BlindResponse(slot, 0, status, **values)  # type: ignore[arg-type]  # a test's shorthand


def rendered(*responses: BlindResponse, may_steer: bool = False, reveal: object = None) -> str:
    turn = BlindTurn(0, "Why is <b>1 < 2</b>?", responses)
    battle = SimpleNamespace(id=BATTLE_ID, slots=("A", "B"), turns=(turn,))
    context = {"turn": turn, "voters_battle": SimpleNamespace(battle=battle, may_steer=may_steer, reveal=reveal)}
    with override_settings(ROOT_URLCONF=__name__):
        return render_to_string("battles/_turn.html", context)


def test_reasoning_is_shown_in_numbered_steps_with_addresses() -> None:
    html = rendered(response(reasoning="One.\n\nTwo.", answer="So."))
    assert re.findall(r'id="(turn-0-A-step-\d)"', html) == ["turn-0-A-step-1", "turn-0-A-step-2"]
    assert "Reasoning" in html and "4 words" not in html and "2 words" in html


def test_steps_of_an_answer_are_numbered_where_no_reasoning_is_shared() -> None:
    html = rendered(response(answer="One.\n\nTwo."))
    assert "turn-0-A-step-2" in html
    assert "not shared" in html


def test_stored_steps_are_shown_as_they_were_stored() -> None:
    pieces = [step.text for step in steps(response(reasoning="One. Two.", steps=((0, 4), (5, 9))))]
    assert pieces == ["One.", "Two."]


def test_texts_are_escaped() -> None:
    html = rendered(response(reasoning="<script>a</script>", answer="<img src=x>"))
    assert "<script" not in html and "<img" not in html and "<b>1" not in html


def test_failure_is_told_in_its_sentence_and_may_be_retried_by_the_starter() -> None:
    failed = response(status="failed", failure=Failure("deadline", "It took too long."))
    html = rendered(failed, may_steer=True)
    assert "It took too long." in html
    assert f'action="/battles/{BATTLE_ID}/responses/A/retry/"' in html
    assert "retry" not in rendered(failed)


def test_only_a_finished_response_can_have_reached_its_length_limit() -> None:
    def notes(status: str, **fields: object) -> list[str]:
        html = rendered(response(status=status, is_truncated=True, **fields))
        return re.findall(r'<p class="response__note">([^<]+)</p>', html)

    assert notes("finished", answer="So") == ["Cut off: this response reached its length limit."]
    assert notes("stopped", answer="So") == ["Stopped before it had finished."]
    assert notes("stopped") == ["Stopped before it wrote anything."]
    assert notes("failed", answer="So", failure=Failure("deadline", "It took too long.")) == []


def test_running_response_tells_how_long_ago_it_was_asked_and_an_ended_one_does_not() -> None:
    asked_at = timezone.now() - timedelta(hours=2)
    assert 'data-elapsed="72' in rendered(response(status="streaming", asked_at=asked_at))
    assert 'data-elapsed="0"' in rendered(response(status="waiting", asked_at=asked_at + timedelta(hours=3)))
    assert "data-elapsed" not in rendered(response(asked_at=asked_at))


def test_retry_of_a_running_response_is_there_for_scripts_but_hidden() -> None:
    html = rendered(response(status="streaming"), may_steer=True)
    assert re.search(r'data-part="retry"\s+hidden', html)
    assert 'aria-busy="true"' in html


def test_names_are_shown_once_revealed() -> None:
    revealed = {"A": SimpleNamespace(name="Reasoner One")}
    assert "Reasoner One" in rendered(response(answer="x"), reveal=revealed)


def test_turn_to_come_has_a_waiting_pane_for_each_slot() -> None:
    turn = next_turn(SimpleNamespace(slots=("A", "B"), turns=(1, 2)))  # type: ignore[arg-type]  # only these are read
    assert turn.index == 2
    assert [(one.slot, one.turn, one.status) for one in turn.responses] == [("A", 2, "waiting"), ("B", 2, "waiting")]
