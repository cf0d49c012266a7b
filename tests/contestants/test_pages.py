"""The public list of contestants and their facts."""

import pytest
from django.test import Client

from tests.factories import make_battle, make_contestant, make_finished_battle

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor() -> Client:
    return Client()


def test_list_gives_reasons(visitor: Client) -> None:
    make_contestant("ada", name="Ada")
    make_contestant("bob", name="Bob", is_available=False, unavailable_because="Its server does not answer.")
    make_contestant("cyd", name="Cyd", active=False)
    make_contestant("sim", name="Sim", simulated=True)
    page = visitor.get("/contestants/").content.decode()
    for words in (
        "Ada",
        "Its server does not answer.",
        "Retired: not drawn any more.",
        "Sim (simulated)",
        "Steps back",
    ):
        assert words in page


def test_empty_list_says_how_to_enter_one(visitor: Client) -> None:
    assert "Nobody has been entered yet" in visitor.get("/contestants/").content.decode()


def test_facts_of_a_contestant(visitor: Client) -> None:
    make_contestant("ada", name="Ada", model="ada:32b", params_b=32.5, license="MIT", price_in_usd_per_mtok=0.6)
    page = visitor.get("/contestants/ada/").content.decode()
    for words in ("ada:32b", "32.5 billion", "MIT", "$0.60 per million tokens", "not known"):
        assert words in page


def test_unknown_contestant_is_not_found(visitor: Client) -> None:
    assert visitor.get("/contestants/nobody/").status_code == 404


def test_battles_whose_names_are_hidden_are_not_counted(visitor: Client) -> None:
    ada, bob = make_contestant("ada"), make_contestant("bob")
    make_battle(contestants=[ada, bob])
    make_finished_battle(contestants=[ada, bob])
    assert "0, counting those" in visitor.get("/contestants/ada/").content.decode()
