"""Where the voter knows, or may know, who answered: the ballot is kept, not ranked, and this is said before."""

import pytest
from django.test import Client

from arena.battles.models import Battle, Pacing, Response, Turn
from arena.battles.queries import blind_battle
from arena.battles.services import retry_response
from arena.contestants.identity.screen import MASK
from arena.voting.models import Uncounted
from arena.voting.queries import battle_for, unranked_sentence
from arena.voting.services import cast_ballot
from tests.api.asking import visitor
from tests.factories import make_finished_battle, make_voter
from tests.voting.test_battle_page import become, url

pytestmark = pytest.mark.django_db

VERDICTS = {"A": "correct", "B": "flawed"}
TEXT = "I am Claude.\n\nTwo and two makes four."


def name_itself(battle: Battle, slot: str = "B") -> None:
    spans = [["r", 5, 11]]
    steps = [[0, 12], [14, 37]]
    of_slot = Response.objects.filter(turn__battle=battle, seat__slot=slot)
    of_slot.update(reasoning=TEXT, named_itself=spans, steps=steps)


def ask_who(battle: Battle) -> None:
    Turn.objects.filter(battle=battle).update(asks_for_identity=True, prompt="Who are you?")


def test_ballot_on_a_battle_in_which_one_named_itself_is_kept_but_not_counted() -> None:
    battle = make_finished_battle()
    name_itself(battle)
    assert cast_ballot(battle, make_voter(), verdicts=VERDICTS).uncounted_because == Uncounted.NAMED_ITSELF


def test_ballot_on_a_question_for_the_identity_is_kept_but_not_counted() -> None:
    battle = make_finished_battle()
    ask_who(battle)
    assert cast_ballot(battle, make_voter(), verdicts=VERDICTS).uncounted_because == Uncounted.ASKED_WHO


def test_the_voter_is_told_before_voting(client: Client) -> None:
    battle = make_finished_battle(voter=become(client))
    name_itself(battle)
    page = client.get(url(battle)).content.decode()
    assert "B named itself, so ballots on this battle are kept but not ranked." in page
    assert "B named itself: the name is masked" in page
    assert "Claude" not in page and f"I am {MASK}." in page


def test_after_the_ballot_the_true_text_is_shown_with_a_note(client: Client) -> None:
    battle = make_finished_battle(voter=become(client))
    name_itself(battle)
    client.post(url(battle, "ballot/"), {"unsure": "1"})
    page = client.get(url(battle)).content.decode()
    assert "I am Claude." in page and MASK not in page.replace("masked with ▮", "")
    assert "its name was masked with ▮ until the reveal" in page


def test_who_asks_for_the_identity_is_told_at_once(client: Client) -> None:
    battle = make_finished_battle(voter=become(client))
    ask_who(battle)
    page = client.get(url(battle)).content.decode()
    assert "This question asks the contestants who they are." in page
    assert "The question asks the contestants who they are, so ballots on this battle are kept but not ranked." in page


def test_all_reasons_are_given_in_one_sentence() -> None:
    battle = make_finished_battle(3)
    ask_who(battle)
    name_itself(battle, "A")
    name_itself(battle, "B")
    Response.objects.filter(seat__slot="C").update(status="failed", failure_code="silent")
    assert unranked_sentence(battle_for(battle, None).battle) == (
        "A and B named themselves, the question asks the contestants who they are, and C failed, "
        "so ballots on this battle are kept but not ranked."
    )


def test_the_api_masks_until_the_ballot() -> None:
    api, voter = visitor()
    battle = make_finished_battle(voter=voter)
    name_itself(battle)
    before = api.get(f"/battles/{battle.pk}").json()
    a, b = before["turns"][0]["responses"]
    assert (a["named_itself"], b["named_itself"]) == (False, True)
    assert [b["reasoning"][start:end] for start, end in b["steps"]] == [f"I am {MASK}.", "Two and two makes four."]
    assert before["unranked_because"].startswith("B named itself")
    after = api.put(f"/battles/{battle.pk}/ballot", {"verdicts": VERDICTS}).json()
    assert after["turns"][0]["responses"][1]["reasoning"] == TEXT
    assert after["status"] == "revealed"


def test_ballot_where_a_paced_slot_was_asked_again_alone_is_kept_but_not_counted() -> None:
    """Whoever plays alone is shown at its own speed."""
    battle = make_finished_battle()
    battle.pacing = Pacing.EVEN
    battle.save()
    Response.objects.filter(turn__battle=battle, seat__slot="A").update(status="stopped")
    retry_response(battle, battle.started_by, slot="A")
    Response.objects.filter(turn__battle=battle).update(status="finished", answer="4")
    Battle.objects.update(status="finished")
    battle.refresh_from_db()
    told = "A was asked again alone, where speed can be seen, so ballots on this battle are kept but not ranked."
    assert unranked_sentence(blind_battle(battle)) == told
    assert cast_ballot(battle, make_voter(), verdicts=VERDICTS).uncounted_because == Uncounted.ASKED_ALONE


def test_ballot_counts_where_text_was_live_and_a_slot_was_asked_again() -> None:
    battle = make_finished_battle()
    Response.objects.filter(turn__battle=battle, seat__slot="A").update(asked_alone=True)
    assert cast_ballot(battle, make_voter(), verdicts=VERDICTS).uncounted_because == ""
