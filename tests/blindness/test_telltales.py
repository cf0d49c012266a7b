"""The search of the byte walk finds what is hidden: a walk that finds nothing then means something."""

import json
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from html import escape
from urllib.parse import quote

import pytest
from django.core import signing

from arena.battles.models import Response
from tests.blindness.telltales import found_in, make_cast, measure, telltales
from tests.factories import make_finished_battle

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "hide",
    [
        str,
        str.upper,
        quote,
        lambda name: "".join(f"&#{ord(letter)};" for letter in name),
        lambda name: escape("".join(f"&#x{ord(letter):x};" for letter in name)),
        lambda name: "".join(f"%{ord(letter):02x}" for letter in name),
        lambda name: json.dumps("".join(f"\\u{ord(letter):04x}" for letter in name)).replace("\\\\", "\\"),
        lambda name: b64encode(f'{{"slug": "{name}"}}'.encode()).decode(),
        lambda name: "x" + urlsafe_b64encode(f"..{name}..".encode()).decode(),
        lambda name: signing.dumps({"contestant": name}),
        lambda name: signing.dumps({"contestants": [name] * 50}, compress=True),
        lambda name: sha256(f"slug-{name.lower()}".encode()).hexdigest(),
    ],
)
def test_a_hidden_name_is_found(hide: object) -> None:
    make_cast()
    assert callable(hide)
    assert found_in(f"<p title='{hide('Zyxquavor')}'>A</p>", telltales())


def test_a_number_is_found_however_it_is_written() -> None:
    cast = make_cast()
    measure(make_finished_battle(contestants=cast))
    wanted = telltales()
    tokens = Response.objects.earliest("pk").output_tokens or 0
    for written in (f"{tokens}", f"{tokens:,}", f"{tokens:_}", f"{tokens:,}".replace(",", "\u202f"), "$0.6172839"):
        assert found_in(f"<td>{written}</td>", wanted), written
    assert found_in(b"first token after 1,739,264.9 s", wanted)


def test_nothing_is_found_in_an_ordinary_text() -> None:
    make_cast()
    assert not found_in("<p>1,000 apples &amp; pears, 2026-11-21T08:00:00.000Z, c2Vzc2lvbiBjb29raWU=</p>", telltales())
