"""What operators say of the draw: weights, and pairs that never meet; and where they see what it aims at."""

import pytest
from django.test import Client

from arena.contestants.models import Contestant, DrawAim
from arena.contestants.services import load_catalogue
from tests.factories import make_contestant

pytestmark = pytest.mark.django_db

AIM = "/admin/contestants/drawaim/"


def change(admin_client: Client, contestant: Contestant, **fields: object) -> str:
    """The page that answers, or where it sends to."""
    page = admin_client.post(f"/admin/contestants/contestant/{contestant.pk}/change/", {"active": "on", **fields})
    return page.content.decode() if page.status_code == 200 else str(page["Location"])


def test_weight_and_pairs_of_a_catalogues_entry_are_the_operators(admin_client: Client) -> None:
    load_catalogue()
    o1, qwq = Contestant.objects.get(slug="o1"), Contestant.objects.get(slug="qwq-32b")
    assert change(admin_client, o1, weight="0.5", never_meets=[qwq.pk]).endswith("/contestant/")
    o1.refresh_from_db()
    assert (o1.weight, list(o1.never_meets.all()), list(qwq.never_meets.all())) == (0.5, [qwq], [o1])
    load_catalogue()
    o1.refresh_from_db()
    assert (o1.weight, list(o1.never_meets.all())) == (0.5, [qwq])


def test_empty_weight_is_that_of_the_others(admin_client: Client) -> None:
    load_catalogue()
    o1 = Contestant.objects.get(slug="o1")
    change(admin_client, o1, weight="")
    o1.refresh_from_db()
    assert o1.weight == 1


@pytest.mark.parametrize("weight", ["-1", "101", "heavy", "nan", "inf"])
def test_weight_that_is_none_is_refused(admin_client: Client, weight: str) -> None:
    load_catalogue()
    o1 = Contestant.objects.get(slug="o1")
    assert "errorlist" in change(admin_client, o1, weight=weight)
    o1.refresh_from_db()
    assert o1.weight == 1


def test_nobody_is_kept_apart_from_itself(admin_client: Client) -> None:
    load_catalogue()
    o1 = Contestant.objects.get(slug="o1")
    change(admin_client, o1, never_meets=[o1.pk])
    assert not o1.never_meets.exists()


def test_new_contestant_may_have_both_from_the_start(admin_client: Client) -> None:
    other = make_contestant("other")
    form = {"slug": "a", "name": "A", "provider": "openai", "model": "m", "weight": "2", "never_meets": [other.pk]}
    lists = dict.fromkeys(("options", "strategy", "benchmarks", "sources"), "")
    assert admin_client.post("/admin/contestants/contestant/add/", form | lists).status_code == 302
    row = Contestant.objects.get(slug="a")
    assert (row.weight, list(row.never_meets.all())) == (2, [other])


def test_operators_see_what_the_draw_aims_at(admin_client: Client) -> None:
    ann, bob = make_contestant(name="Ann"), make_contestant(name="Bob")
    DrawAim.objects.create(pairs=[[ann.pk, bob.pk, 0.625], [ann.pk, 9999, 0.375]], newcomers=[bob.pk, 9999])
    page = admin_client.get(AIM).content.decode()
    assert "<td>Ann</td><td>Bob</td><td>62.5 %</td>" in page
    assert f'/contestant/{bob.pk}/change/">Bob</a>' in page


def test_page_says_so_while_there_is_nothing_to_aim_at(admin_client: Client) -> None:
    page = admin_client.get(AIM).content.decode()
    assert "have not been looked at yet" in page
    assert "All battles are drawn uniformly" in page


def test_aim_is_looked_at_only_and_by_operators_only(admin_client: Client, client: Client) -> None:
    assert admin_client.post(f"{AIM}add/").status_code == 403
    client.logout()
    assert client.get(AIM).status_code == 302
