"""How a refusal looks to people and programs, and what the operator sees."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.test import Client

from arena.battles.models import Battle, Charge, Response, ResponseStatus
from arena.contestants.models import Contestant
from arena.teams.models import User
from tests.api.asking import Api, visitor
from tests.budgets.spending import charged_usd, make_paid, make_team, make_user, start, visit
from tests.contestants.servers import Asked, Connection, serving_aside
from tests.factories import make_contestant, make_finished_battle
from tests.live import WorkerProcess, wait_until

pytestmark = pytest.mark.django_db

FORM = {
    "prompt": "Why is 91 not prime?",
    "problem": "",
    "size": "2",
    "draw": "random",
    "names": "open",
    "system": "Be brief.",
}


@pytest.fixture
def spent(settings: LazySettings) -> list[Contestant]:
    """Two contestants, and a budget that one battle has used up."""
    two = [make_paid("ada", name="Ada"), make_paid("bob", name="Bob")]
    settings.ARENA_DAILY_BUDGET_USD = Decimal(2)
    start()
    return two


def test_form_says_so_and_keeps_what_was_typed(client: Client, spent: list[Contestant]) -> None:
    page = client.post("/battles/", FORM)
    assert page.status_code == 429
    text = page.content.decode()
    assert "This arena’s budget is spent for today; it starts anew at 00:00 UTC, in " in text
    for typed in ("Why is 91 not prime?", "Be brief.", 'value="open" checked'):
        assert typed in text
    assert "sessionid" not in client.cookies  # nothing was done: nobody is remembered


def test_program_is_told_when_to_come_back(spent: list[Contestant]) -> None:
    answer = Api().post("/battles", {"prompt": "Why?"})
    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert 0 < int(answer.headers["Retry-After"]) <= 86_400
    body = answer.json()
    assert (body["type"], body["title"], body["status"]) == ("/about/#budgets", "Today's budget is spent", 429)
    assert body["detail"].startswith("This arena’s budget is spent for today;")


def test_about_page_explains_what_the_problem_points_to(client: Client) -> None:
    assert b'id="budgets"' in client.get("/about/").content


def test_follow_up_and_retry_are_refused_on_the_battles_page(
    client: Client, settings: LazySettings, spent: list[Contestant]
) -> None:
    api, voter = visitor()
    battle = make_finished_battle(contestants=spent, voter=voter)
    assert api.post(f"/battles/{battle.pk}/turns", {"prompt": "And then?"}).status_code == 429
    Response.objects.filter(turn__battle=battle).update(status=ResponseStatus.FAILED)
    assert api.post(f"/battles/{battle.pk}/responses/A/retry").status_code == 429
    client.cookies = api.client.cookies
    page = client.post(f"{battle.get_absolute_url()}turns/", {"prompt": "And then?"})
    assert page.status_code == 429
    assert "is spent for today" in page.content.decode()
    assert "And then?" in page.content.decode()
    page = client.post(f"{battle.get_absolute_url()}responses/A/retry/")
    assert (page.status_code, "is spent for today" in page.content.decode()) == (429, True)


def test_visitors_budget_holds_for_the_address_whatever_the_cookie(settings: LazySettings) -> None:
    for _ in range(2):
        make_paid()
    settings.ARENA_VISITOR_DAILY_BUDGET_USD = Decimal(3)
    assert Client(REMOTE_ADDR="192.0.2.1").post("/battles/", FORM).status_code == 302
    assert Client(REMOTE_ADDR="192.0.2.1").post("/battles/", FORM).status_code == 429
    forged = {"X-Forwarded-For": "203.0.113.1"}
    assert Client(REMOTE_ADDR="192.0.2.1", headers=forged).post("/battles/", FORM).status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.2").post("/battles/", FORM).status_code == 302


def test_page_warns_when_the_budget_is_nearly_spent(client: Client, settings: LazySettings) -> None:
    for _ in range(2):
        make_paid()
    settings.ARENA_DAILY_BUDGET_USD = Decimal(20)
    for _ in range(8):
        start()
    assert "nearly spent" not in client.get("/").content.decode()
    start()
    assert "This arena’s budget is nearly spent for today" in client.get("/").content.decode()


def test_page_says_whom_a_budget_keeps_out(client: Client, settings: LazySettings) -> None:
    settings.ARENA_DAILY_BUDGET_USD = Decimal(20)
    for _ in range(2):
        make_paid()
    make_contestant("far", base_url="https://llm.example.org/v1", model="unheard-of")
    text = client.get("/").content.decode()
    assert "Its price is not known, so it takes no part while there is a daily budget." in text
    assert 'value="far"' not in text
    settings.ARENA_DAILY_BUDGET_USD = Decimal(0)
    assert "Too few contestants fit the budget" in client.get("/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_server_is_not_asked_when_the_budget_refuses(worker: WorkerProcess, settings: LazySettings) -> None:
    """A real worker is waiting: only what is allowed reaches the model server."""

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.reply({"error": {"message": "not today"}}, 401)

    settings.ARENA_DAILY_BUDGET_USD = Decimal(1)
    with serving_aside(answer) as server:
        slugs = [make_paid(base_url=f"{server.url}/v1").slug for _ in range(2)]
        wanted = {"prompt": "Why?", "contestants": slugs}
        assert Api().post("/battles", wanted).status_code == 429
        assert not Battle.objects.exists()
        settings.ARENA_DAILY_BUDGET_USD = Decimal(2)
        assert Api().post("/battles", wanted).status_code == 201
        wait_until(lambda: not Battle.objects.get().is_running, "the battle that was allowed")
        assert len(server.asked) == 2
    assert charged_usd() == 0.0  # both were refused by the server


# --- The operator ----------------------------------------------------------------------------------


def test_operator_sees_what_is_spent_and_by_whom(admin_client: Client, settings: LazySettings) -> None:
    for _ in range(2):
        make_paid()
    settings.ARENA_DAILY_BUDGET_USD = Decimal(20)
    settings.ARENA_VISITOR_DAILY_BUDGET_USD = Decimal(5)
    settings.ARENA_TEAM_DAILY_BUDGET_USD = Decimal(7)
    ann = make_user("ann")
    start(ann, team=make_team(member=ann))
    visit(network="192.0.2.1")
    Charge.objects.filter(team=None).update(is_settled=True, nano_usd=250_000_000)
    make_contestant("far", name="Faraway", base_url="https://llm.example.org/v1", model="unheard-of")
    spending = admin_client.get("/admin/battles/spendingday/").context["spending"]
    arena, team = spending.arena[0], spending.teams[0]
    assert (arena.limit, arena.settled, arena.running, arena.reserved, arena.left) == (20, 0.5, 0.0, 2.0, 17.5)
    assert (team.name, team.limit, team.settled, team.reserved) == ("Owls", 7, 0.0, 2.0)
    by_cookie, by_network = spending.visitors
    assert by_cookie.used == by_network.used == 0.5
    assert by_network.name.startswith("network ")
    assert "192.0.2.1" not in by_network.name
    assert [one.slug for one, _ in spending.kept_out] == ["far"]


def test_page_of_spending_opens_without_any_and_to_staff_only(admin_client: Client, client: Client) -> None:
    page = admin_client.get("/admin/battles/spendingday/")
    assert page.status_code == 200
    assert "All responses" in page.content.decode()
    assert b"Spending today" in admin_client.get("/admin/").content
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.get("/admin/battles/spendingday/").status_code == 403


def test_page_of_spending_costs_the_same_for_many(
    admin_client: Client, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    for _ in range(2):
        make_paid()
    for _ in range(12):
        visit()
    with django_assert_max_num_queries(12):
        admin_client.get("/admin/battles/spendingday/")
