"""Voting on the page of a battle: the form, its refusals, the names."""

import pytest
from django.conf import LazySettings
from django.test import Client

from arena.battles.models import Battle, Response, ResponseStatus
from arena.teams.models import Voter
from arena.voting.models import Ballot
from tests.factories import make_battle, make_contestant, make_finished_battle

pytestmark = pytest.mark.django_db

BALLOT = {"verdict-A": "correct", "verdict-B": "flawed", "best": "A", "comment": "B guesses."}


@pytest.fixture
def battle() -> Battle:
    return make_finished_battle(
        contestants=[make_contestant("ada", name="Ada L."), make_contestant("bob", name="Bob K.")]
    )


def cast(client: Client, battle: Battle, **change: object) -> object:
    return client.post(f"/battles/{battle.pk}/ballot/", BALLOT | change)


def seen(client: Client, battle: Battle) -> str:
    return client.get(f"/battles/{battle.pk}/").content.decode()


def test_ballot_is_stored_and_leads_to_the_names(client: Client, battle: Battle) -> None:
    page = client.post(
        f"/battles/{battle.pk}/ballot/", BALLOT | {"first_flaw-B": "2", "tags-B": ["circular", "too-long"]}
    )
    assert (page.status_code, page["Location"]) == (302, f"/battles/{battle.pk}/#ballot")
    ballot = Ballot.objects.get()
    verdict = ballot.verdicts.get(seat__slot="B")
    assert (ballot.best, verdict.first_flaw, verdict.tags) == ("A", 2, ["circular", "too-long"])
    shown = seen(client, battle)
    assert all(words in shown for words in ("Ada L.", "Bob K.", "you: flawed at step 2", "circular", "B guesses."))
    assert "Cast and see the names" not in shown


def test_names_stay_hidden_from_those_who_have_not_voted(client: Client, battle: Battle) -> None:
    cast(client, battle)
    assert "Ada L." not in seen(Client(), battle)


def test_who_cannot_tell_still_sees_the_names(client: Client, battle: Battle) -> None:
    client.post(f"/battles/{battle.pk}/ballot/", {"unsure": "1"})
    ballot = Ballot.objects.get()
    assert ballot.best == ""
    assert set(ballot.verdicts.values_list("judgement", flat=True)) == {"unsure"}
    assert "Ada L." in seen(client, battle)


def test_flaws_of_a_slot_that_is_not_judged_flawed_are_dropped(client: Client, battle: Battle) -> None:
    client.post(f"/battles/{battle.pk}/ballot/", BALLOT | {"first_flaw-A": "1", "tags-A": ["circular"]})
    verdict = Ballot.objects.get().verdicts.get(seat__slot="A")
    assert (verdict.first_flaw, verdict.tags) == (None, [])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"verdict-B": ""}, "Say what you think of B."),
        ({"verdict-B": "splendid"}, "Say what you think of B."),
        ({"best": "Z"}, "Pick a slot or a tie."),
        ({"first_flaw-B": "99"}, "There is no step 99"),
        ({"first_flaw-B": "soon"}, "A step is a whole number."),
        ({"tags-B": ["ugly"]}, "ugly"),
        ({"comment": "x" * 5_001}, "5,001 characters"),
        ({"comment": "a\0b"}, "Null characters"),
    ],
)
def test_bad_ballot_is_refused_with_what_was_filled_in(
    client: Client, battle: Battle, change: dict[str, object], sentence: str
) -> None:
    page = client.post(f"/battles/{battle.pk}/ballot/", BALLOT | change)
    text = page.content.decode()
    assert page.status_code == 422
    assert sentence in text
    assert 'name="verdict-A" value="correct" required checked' in text
    assert "Ada L." not in text
    assert not Ballot.objects.exists() and not Voter.objects.exclude(pk=battle.started_by_id).exists()


def test_second_ballot_is_refused_and_the_first_one_shown(client: Client, battle: Battle) -> None:
    cast(client, battle)
    page = client.post(f"/battles/{battle.pk}/ballot/", BALLOT | {"best": "B"})
    assert page.status_code == 409
    assert "already voted" in page.content.decode() and "Ada L." in page.content.decode()
    assert Ballot.objects.get().best == "A"


def test_running_battle_takes_no_ballot(client: Client) -> None:
    page = client.post(f"/battles/{make_battle().pk}/ballot/", BALLOT)
    assert page.status_code == 409
    assert "still at work" in page.content.decode()
    assert not Ballot.objects.exists()


def test_running_battle_shows_no_names_to_who_cannot_tell(client: Client) -> None:
    page = client.post(f"/battles/{make_battle().pk}/ballot/", {"unsure": "1"})
    assert (page.status_code, Ballot.objects.exists()) == (409, False)


def test_voter_is_told_beforehand_that_the_ballot_will_not_count(client: Client, battle: Battle) -> None:
    Response.objects.filter(turn__battle=battle, seat__slot="B").update(
        status=ResponseStatus.FAILED, failure_code="silent", failure_message="It was silent for too long."
    )
    assert "B failed, so ballots on this battle are kept but not ranked." in seen(client, battle)


def test_unknown_measures_say_so(client: Client, battle: Battle) -> None:
    cast(client, battle)
    assert "not known" in seen(client, battle)


def test_reveal_tells_costs_with_their_source(client: Client, battle: Battle) -> None:
    Response.objects.filter(turn__battle=battle, seat__slot="A").update(
        cost_usd=0.35151,
        price_source="OpenAI’s prices, as of 2026-10",
        earlier_cost_usd=0.02,
        first_token_ms=61_000,
        duration_ms=83_000,
        tokens_per_second=76.3,
        input_tokens=1_234,
        cached_input_tokens=1_024,
    )
    cast(client, battle)
    page = seen(client, battle)
    for words in ("$0.35", "OpenAI’s prices, as of 2026-10", "76 tokens/s", "1,234, 1,024 of them from a cache"):
        assert words in page
    assert "and $0.020 for attempts before this one" in page
    assert "its server did not tell all token counts" in page  # of B


def test_tally_counts_everybody_else(client: Client, battle: Battle) -> None:
    cast(Client(), battle)
    cast(client, battle, best="tie")
    assert "1 other: 1 correct, 0 flawed, 0 can’t tell; best 1×" in seen(client, battle)


def test_where_accounts_are_needed_the_voter_is_asked_to_sign_in(
    client: Client, battle: Battle, settings: LazySettings
) -> None:
    settings.ARENA_ANONYMOUS_BATTLES = False
    page = client.post(f"/battles/{battle.pk}/ballot/", BALLOT)
    assert page["Location"] == f"/accounts/login/?next=/battles/{battle.pk}/"
    assert not Ballot.objects.exists()
