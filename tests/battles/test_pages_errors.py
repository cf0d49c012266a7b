"""Errors in plain words, whatever state the site is in."""

import pytest
from django.template.loader import render_to_string
from django.test import Client


def test_unknown_address_is_explained(client: Client, db: None) -> None:
    page = client.get("/nowhere/")
    assert (page.status_code, "There is nothing here" in page.content.decode()) == (404, True)


def test_form_without_its_cookie_is_explained(db: None) -> None:
    page = Client(enforce_csrf_checks=True).post("/battles/", {"prompt": "Why?"})
    assert (page.status_code, "The form had gone stale" in page.content.decode()) == (403, True)


@pytest.mark.parametrize("code", ["400", "403", "500"])
def test_error_pages_need_nothing_from_the_request(code: str) -> None:
    assert "<h1>" in render_to_string(f"{code}.html")


def test_about_page_explains_the_method(client: Client, db: None) -> None:
    page = client.get("/about/").content.decode()
    assert "Bradley and Terry" in page and "Privacy" in page
