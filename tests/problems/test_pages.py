import pytest
from django.contrib.auth import get_user_model
from django.template.loader import render_to_string
from django.test import Client

from arena.problems.models import Problem
from arena.problems.queries import problems_by_category
from arena.problems.services import load_collection

pytestmark = pytest.mark.django_db


def test_problems_are_grouped_by_category_in_the_order_of_entry() -> None:
    load_collection()
    groups = problems_by_category()
    assert [category for category, _ in groups][:3] == ["Proofs", "Puzzles", "Counting"]
    assert groups[0][1][0].slug == "repunit-primes"
    assert sum(len(problems) for _, problems in groups) == Problem.objects.count()


def test_unknown_problem_is_not_found(client: Client) -> None:
    assert client.get("/problems/nothing/").status_code == 404


def test_pages_are_only_read(client: Client) -> None:
    assert client.post("/problems/").status_code == 405
    assert client.head("/problems/").status_code == 200


def test_list_offers_a_battle_with_each(client: Client) -> None:
    load_collection()
    text = client.get("/problems/").content.decode()
    for problem in Problem.objects.all():
        assert f'href="/?problem={problem.slug}"' in text
        assert f'href="/problems/{problem.slug}/"' in text


def test_problem_page_keeps_the_answer_closed_and_formulas_as_text(client: Client) -> None:
    load_collection()
    text = client.get("/problems/repunit-primes/").content.decode()
    assert "$R_n = \\frac{10^n - 1}{9}$" in text
    before, _, after = text.partition("<details")
    assert "R_{ab} = R_a \\cdot \\left(" in after and "R_{ab} = R_a \\cdot \\left(" not in before
    assert "<details open" not in text


def test_hostile_problem_is_escaped(client: Client) -> None:
    hostile = "<script>alert(1)</script>"
    Problem.objects.create(
        slug="x", title=hostile, statement=hostile, category=hostile, notes=hostile, answer=hostile, source=hostile
    )
    for path in ("/problems/", "/problems/x/"):
        assert hostile not in client.get(path).content.decode()


def test_empty_collection_says_how_to_fill_it(client: Client) -> None:
    assert "import_problems" in client.get("/problems/").content.decode()


def test_admin_lists_problems(client: Client) -> None:
    load_collection()
    client.force_login(get_user_model().objects.create_superuser("root", password="secret"))
    assert "Primes made of ones" in client.get("/admin/problems/problem/").content.decode()
    assert render_to_string("problems/list.html", {"categories": []})
