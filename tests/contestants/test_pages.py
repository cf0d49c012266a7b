"""The public list of contestants and their facts."""

import re
from datetime import date

import pytest
from django.test import Client

from arena.contestants.services import check_availability, load_catalogue
from arena.leaderboard.services import refresh_leaderboard
from arena.voting.services import cast_ballot
from tests.factories import make_battle, make_contestant, make_finished_battle, make_voter

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
        "Switched off: not drawn",
        "Sim (simulated)",
        "Steps back",
    ):
        assert words in page


def test_empty_list_says_how_to_enter_one(visitor: Client) -> None:
    assert "Nobody has been entered yet" in visitor.get("/contestants/").content.decode()


FIGURE = {"name": "MATH-500", "score": 90.6, "unit": "%", "source": "Qwen", "url": "https://example.org/figure"}


def page_of(visitor: Client, path: str) -> str:
    return visitor.get(path).content.decode()


def test_facts_of_a_contestant(visitor: Client) -> None:
    make_contestant(
        "ada",
        name="Ada",
        model="ada:32b",
        vendor="Lovelace & Co",
        family="Engines",
        params_b=32.5,
        context_tokens=32768,
        license="MIT",
        price_in_usd_per_mtok=0.6,
        price_out_usd_per_mtok=1.25,
        price_source="Her bill, January 2026",
        released_on=date(2025, 3, 6),
        benchmarks=[FIGURE],
        sources=[{"title": "Her notes", "url": "https://example.org/notes"}],
        system="Be brief.",
        options={"num_ctx": 16384},
        silence_timeout_s=90,
    )
    page = page_of(visitor, "/contestants/ada/")
    for words in ("ada:32b", "Lovelace &amp; Co", "Engines", "32.5 billion", "32,768 tokens", "MIT", "6 March 2025"):
        assert words in page
    for words in ("$0.60", "$1.25", "Her bill, January 2026", "90.6", "Be brief.", "num_ctx = 16384"):
        assert words in page
    assert "90 seconds, a limit of its own" in page
    assert "within 1 hour" in page
    for address in ("figure", "notes"):
        assert f'<a href="https://example.org/{address}" rel="noopener nofollow external">' in page


def test_own_address_and_key_variable_are_for_the_operator(visitor: Client, admin_client: Client) -> None:
    make_contestant("ada", base_url="http://10.0.0.7:1234/v1", api_key_env="HER_KEY")
    for words in ("10.0.0.7", "HER_KEY"):
        assert words not in page_of(visitor, "/contestants/ada/")
        assert words in page_of(admin_client, "/contestants/ada/")


def test_what_is_not_known_is_said_to_be_so(visitor: Client) -> None:
    make_contestant("ada", base_url="https://models.example.org/v1")
    page = page_of(visitor, "/contestants/ada/")
    assert page.count('<span class="muted">not known</span>') == 4
    assert "None that we know a source for." in page
    assert "Nobody has judged it in a ranked battle yet." in page


def test_own_record_stands_beside_the_published_figures(visitor: Client) -> None:
    ada, bob = make_contestant("ada", benchmarks=[FIGURE]), make_contestant("bob")
    battle = make_finished_battle(contestants=[ada, bob])
    cast_ballot(battle, make_voter(), verdicts={"A": "correct", "B": "flawed"}, best="A")
    refresh_leaderboard()
    page = page_of(visitor, "/contestants/ada/")
    assert 'href="/leaderboard/?board=reasoning">Reasoning</a>' in page
    assert "100%" in page


def test_everything_shipped_has_a_page(visitor: Client) -> None:
    for row in load_catalogue():
        assert visitor.get(f"/contestants/{row.slug}/").status_code == 200


def test_resting_one_says_what_to_do(visitor: Client) -> None:
    load_catalogue()
    check_availability(today=date(2026, 11, 21))
    page = page_of(visitor, "/contestants/")
    assert "Set <code>ANTHROPIC_API_KEY</code> in the environment" in page
    assert "Set <code>OPENROUTER_API_KEY</code> in the environment" in page
    assert "Start Ollama, or say in <code>OLLAMA_HOST</code> where it runs." in page
    assert "name that server in <code>OPENAI_BASE_URL</code>" in page


def test_code_in_a_reason_is_marked_and_nothing_else_is(visitor: Client) -> None:
    because = "Ollama does not have <b>gemma2</b>: run `ollama pull <b>gemma2</b>`."
    make_contestant("ada", provider="ollama", is_available=False, unavailable_because=because)
    make_contestant(), make_contestant()
    for path in ("/contestants/", "/contestants/ada/", "/"):
        page = page_of(visitor, path)
        assert "run <code>ollama pull &lt;b&gt;gemma2&lt;/b&gt;</code>." in page
        assert "<b>gemma2" not in page


def test_retired_ones_stand_apart(visitor: Client) -> None:
    make_contestant("old", name="Old one", retired_on=date(2025, 7, 28), is_available=False)
    make_contestant("new", name="New one", retired_on=date(2999, 1, 14))
    page = page_of(visitor, "/contestants/")
    before, retired = page.split(">Retired ")
    assert "Will be retired on 14 January 2999." in before
    assert "Retired: api.openai.com stopped offering it on 28 July 2025." in retired
    assert "It will be retired on 14 January 2999" in page_of(visitor, "/contestants/new/")
    assert "Old one" not in page_of(visitor, "/")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"Local", "Hosted", "Sim"}),
        ("?where=own", {"Local"}),
        ("?where=hosted", {"Hosted"}),
        ("?where=simulated", {"Sim"}),
        ("?protocol=ollama", {"Local", "Sim"}),
        ("?protocol=ollama&where=hosted", set()),
        ("?where=nonsense&protocol=%00", {"Local", "Hosted", "Sim"}),
    ],
)
def test_list_can_be_narrowed(visitor: Client, query: str, shown: set[str]) -> None:
    make_contestant("local", name="Local", provider="ollama")
    make_contestant("hosted", name="Hosted", api_key_env="K")
    make_contestant("sim", name="Sim", provider="ollama", simulated=True)
    page = page_of(visitor, f"/contestants/{query}")
    assert set(re.findall(r'class="roster__name"[^>]*>(\w+)', page)) == shown
    assert ("Nobody is both" in page) is (not shown)


def test_unknown_contestant_is_not_found(visitor: Client) -> None:
    assert visitor.get("/contestants/nobody/").status_code == 404


def test_battles_whose_names_are_hidden_are_not_counted(visitor: Client) -> None:
    ada, bob = make_contestant("ada"), make_contestant("bob")
    make_battle(contestants=[ada, bob])
    make_finished_battle(contestants=[ada, bob])
    assert '0<span class="facts__note">counting those' in visitor.get("/contestants/ada/").content.decode()
