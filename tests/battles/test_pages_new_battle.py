"""The form at `/`: what it offers, what it starts, what it refuses."""

import pytest
from django.conf import LazySettings
from django.test import Client

from arena.battles.models import Battle
from arena.contestants.models import Contestant
from arena.problems.models import Problem
from arena.teams.models import User, Voter
from tests.factories import make_battle, make_contestant, make_finished_battle

pytestmark = pytest.mark.django_db

FORM = {"prompt": "Why is 91 not prime?", "problem": "", "size": "2", "draw": "random", "names": "blind", "system": ""}


def make_problem(slug: str = "ones", statement: str = "Is 111 prime?") -> Problem:
    return Problem.objects.create(slug=slug, title=f"About {slug}", statement=statement, category="numbers")


@pytest.fixture
def three() -> list[str]:
    return [make_contestant(slug, name=slug.title()).slug for slug in ("ada", "bob", "cyd")]


def test_page_offers_the_form(client: Client, three: list[str]) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert b'id="new-battle"' in page.content


def test_problem_in_the_address_is_chosen_and_written_out(client: Client, three: list[str]) -> None:
    make_problem()
    form = client.get("/?problem=ones").context["form"]
    assert (form["problem"].value(), form["prompt"].value()) == ("ones", "Is 111 prime?")


@pytest.mark.parametrize(
    "query",
    [
        "problem=nothing",
        "problem=%00",
        "problem=a%00",
        "again=%00",
        "again=nothing",
        "again=00000000-0000-4000-8000-000000000000",
    ],
)
def test_unknown_problem_or_battle_in_the_address_is_not_found(client: Client, query: str) -> None:
    assert client.get(f"/?{query}").status_code == 404


def test_question_of_an_earlier_battle_can_be_put_again(client: Client, three: list[str]) -> None:
    battle = make_finished_battle(3)
    form = client.get(f"/?again={battle.pk}").context["form"]
    assert (form["prompt"].value(), form["size"].value()) == ("What is 2 + 2?", 3)


def test_start_leads_to_the_battle_of_a_new_voter(client: Client, three: list[str]) -> None:
    page = client.post("/battles/", FORM | {"size": "3"})
    battle = Battle.objects.get()
    assert (page.status_code, page["Location"]) == (302, f"/battles/{battle.pk}/")
    assert battle.blind and battle.seats.count() == 3
    assert battle.started_by_id == client.session["voter"]


def test_chosen_contestants_take_part_with_names_from_the_start(client: Client, three: list[str]) -> None:
    client.post("/battles/", FORM | {"draw": "chosen", "contestants": ["ada", "cyd"], "names": "open"})
    battle = Battle.objects.get()
    assert not battle.blind
    assert set(battle.seats.values_list("contestant__slug", flat=True)) == {"ada", "cyd"}


@pytest.mark.parametrize(
    ("posted", "pacing"),
    [({"pacing": "together"}, "together"), ({}, "even"), ({"names": "open", "pacing": "together"}, "live")],
)
def test_text_is_shown_as_chosen_or_as_the_arena_is_set(
    client: Client, three: list[str], settings: LazySettings, posted: dict[str, str], pacing: str
) -> None:
    settings.ARENA_PACING = "even"
    client.post("/battles/", FORM | posted)
    assert Battle.objects.get().pacing == pacing


def test_form_begins_with_the_pacing_that_the_arena_has_set(
    client: Client, three: list[str], settings: LazySettings
) -> None:
    settings.ARENA_PACING = "together"
    page = client.get("/").content.decode()
    assert 'name="pacing" value="together" checked' in page
    assert 'name="pacing" value="even">' in page


def test_ticks_do_not_matter_when_contestants_are_drawn(client: Client) -> None:
    for slug in ("ada", "bob", "cyd"):
        make_contestant(slug)
    client.post("/battles/", FORM | {"contestants": ["ada", "bob", "cyd"]})
    assert Battle.objects.get().seats.count() == 2


def test_problem_alone_is_enough(client: Client, three: list[str]) -> None:
    make_problem()
    client.post("/battles/", FORM | {"prompt": "", "problem": "ones"})
    battle = Battle.objects.get()
    assert (battle.problem and battle.problem.slug, battle.turns.get().prompt) == ("ones", "Is 111 prime?")


def test_edited_statement_is_a_question_of_ones_own(client: Client, three: list[str]) -> None:
    make_problem()
    client.post("/battles/", FORM | {"prompt": "Is 1111 prime?", "problem": "ones"})
    battle = Battle.objects.get()
    assert (battle.problem, battle.turns.get().prompt) == (None, "Is 1111 prime?")


def test_other_problem_chosen_without_scripts_wins_over_the_text_of_the_first(client: Client, three: list[str]) -> None:
    make_problem()
    make_problem("twos", "Is 222 prime?")
    client.post("/battles/", FORM | {"prompt": "Is 111 prime?", "problem": "twos"})
    assert Battle.objects.get().turns.get().prompt == "Is 222 prime?"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompt": " "}, "Write a question first"),
        ({"prompt": "a\0b"}, "Null characters are not allowed"),
        ({"prompt": "x" * 50_001}, "The prompt has 50,001 characters; at most 50,000 are allowed."),
        ({"size": "1"}, "A battle has 2 to 6 contestants"),
        ({"size": "99"}, "A battle has 2 to 6 contestants"),
        ({"size": "many"}, "A battle has 2 to 6 contestants"),
        ({"problem": "nothing"}, "There is no such problem"),
        ({"problem": "a\0b"}, "Null characters are not allowed"),
        ({"problem": "two words"}, "There is no such problem"),
        ({"draw": "chosen"}, "Choose at least one contestant"),
        ({"draw": "chosen", "contestants": ["nobody"]}, "no longer available"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_stored(
    client: Client, three: list[str], change: dict[str, str], sentence: str
) -> None:
    page = client.post("/battles/", FORM | {"system": "Think aloud."} | change)
    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert "Think aloud." in page.content.decode()
    assert not Battle.objects.exists() and not Voter.objects.exists()


def test_too_large_a_battle_keeps_what_was_typed_and_makes_no_voter(client: Client, three: list[str]) -> None:
    page = client.post("/battles/", FORM | {"size": "6"})
    assert page.status_code == 409
    assert "A battle of 6 needs 6 available contestants" in page.content.decode()
    assert FORM["prompt"] in page.content.decode()
    assert not Voter.objects.exists() and "voter" not in client.session


def test_a_megabyte_is_refused_in_plain_words(client: Client, three: list[str]) -> None:
    page = client.post("/battles/", FORM | {"prompt": "x" * 1_000_001}, "application/x-www-form-urlencoded")
    assert page.status_code in {400, 422}
    assert not Battle.objects.exists()


def test_hostile_prompt_comes_back_escaped(client: Client, three: list[str]) -> None:
    page = client.post("/battles/", FORM | {"prompt": "</textarea><script>alert(1)</script>", "size": "6"})
    assert b"<script>alert" not in page.content


def test_start_is_a_post(client: Client) -> None:
    assert client.get("/battles/").status_code == 405


def test_fewer_than_two_available_contestants_are_explained(client: Client) -> None:
    make_contestant("ada", name="Ada")
    page = client.get("/").content.decode()
    assert "Only Ada is available" in page and 'id="new-battle"' not in page


def test_simulated_contestants_are_announced_with_how_to_connect_real_ones(client: Client) -> None:
    make_contestant(simulated=True)
    make_contestant(simulated=True)
    page = client.get("/").content.decode()
    assert all(words in page for words in ("Only simulated contestants", "ollama pull qwq", "ARENA_CATALOGUE"))


def test_real_contestants_need_no_announcement(client: Client, three: list[str]) -> None:
    assert "Only simulated contestants" not in client.get("/").content.decode()


def test_unavailable_contestants_are_listed_with_the_reason(client: Client, three: list[str]) -> None:
    make_contestant("dan", is_available=False, unavailable_because="Its server does not answer.")
    assert "Its server does not answer." in client.get("/").content.decode()


def test_own_battles_are_listed_and_others_are_not(client: Client, three: list[str]) -> None:
    client.post("/battles/", FORM)
    other = make_battle()
    page = client.get("/").content.decode()
    assert FORM["prompt"] in page and str(other.pk) not in page


def test_where_accounts_are_needed_visitors_are_asked_to_sign_in(
    client: Client, three: list[str], settings: LazySettings
) -> None:
    settings.ARENA_ANONYMOUS_BATTLES = False
    assert "Sign in to start a battle" in client.get("/").content.decode()
    page = client.post("/battles/", FORM)
    assert (page.status_code, page["Location"]) == (302, "/accounts/login/?next=/")
    assert not Battle.objects.exists()


def test_where_accounts_are_needed_users_start_battles(
    client: Client, three: list[str], settings: LazySettings
) -> None:
    settings.ARENA_ANONYMOUS_BATTLES = False
    client.force_login(User.objects.create_user("ada"))
    assert client.post("/battles/", FORM)["Location"].startswith("/battles/")


@pytest.mark.usefixtures("three")
def test_system_prompt_that_is_too_long_is_refused_beside_its_field(client: Client, settings: LazySettings) -> None:
    settings.ARENA_PROMPT_MAX_CHARS = 100
    page = client.post("/battles/", FORM | {"system": "x" * 101})
    assert page.status_code == 422
    assert page.context["form"].errors == {"system": ["The system prompt has 101 characters; at most 100 are allowed."]}


def test_form_says_which_of_the_chosen_never_meet_and_keeps_what_was_typed(client: Client, three: list[str]) -> None:
    Contestant.objects.get(slug="ada").never_meets.add(Contestant.objects.get(slug="bob"))
    page = client.post("/battles/", FORM | {"draw": "chosen", "contestants": ["ada", "bob"]})
    assert page.status_code == 422
    assert "Ada and Bob never meet here: choose another for one." in page.content.decode()
    assert FORM["prompt"] in page.content.decode()
    assert not Battle.objects.exists()
