import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from arena.leaderboard.services import refresh_leaderboard
from arena.voting.services import cast_ballot
from tests.factories import make_contestant, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db


def vote(best: str | None = "A") -> None:
    contestants = [make_contestant(name="Ann <b>"), make_contestant(name="Bob", simulated=True)]
    battle = make_finished_battle(contestants=contestants)
    cast_ballot(battle, make_voter(), verdicts={"A": "correct", "B": "flawed"}, best=best)
    refresh_leaderboard()


def text(client: Client, query: str = "") -> str:
    page = client.get(f"/leaderboard/{query}")
    assert page.status_code == 200
    return page.content.decode()


def test_empty_board_tells_how_to_get_the_first_vote(client: Client) -> None:
    page = text(client)
    assert "No votes on this board yet" in page
    assert 'href="/"' in page
    assert '<svg class="interval-plot' not in page


def test_board_shows_plot_table_and_pairs(client: Client) -> None:
    vote()
    page = text(client)
    assert page.count('class="interval-plot__dot"') == 2
    assert "Bob (simulated)" in page
    assert "Ann &lt;b&gt;" in page and "Ann <b>" not in page
    assert "1 ballot on 1 battle." in page
    assert "too few battles" in page
    assert "Head to head" in page


def test_boards_are_separate(client: Client) -> None:
    vote(best=None)
    assert "Ratings" in text(client, "?board=reasoning")
    assert "No votes on this board yet" in text(client, "?board=preference")


def test_unknown_board_is_not_found(client: Client) -> None:
    assert client.get("/leaderboard/?board=beauty").status_code == 404


def test_leaderboard_is_only_read(client: Client) -> None:
    assert client.post("/leaderboard/").status_code == 405


def test_contestants_without_comparison_have_no_rating(client: Client) -> None:
    battle = make_finished_battle()
    cast_ballot(battle, make_voter(), verdicts={"A": "correct", "B": "correct"})
    refresh_leaderboard()
    page = text(client)
    assert "Not yet compared" in page
    assert '<svg class="interval-plot' not in page


def test_page_has_no_inline_style_or_script(client: Client) -> None:
    vote()
    page = text(client)
    assert not re.search(r"\sstyle=|<style|<script(?![^>]*\ssrc=)", page)


def test_page_computes_nothing(client: Client) -> None:
    vote()
    with CaptureQueriesContext(connection) as captured:
        text(client)
    assert [query["sql"].count("leaderboard_snapshot") > 0 for query in captured] == [True]
