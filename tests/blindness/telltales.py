"""A cast whose every trait is a rare string or number, and a search that finds any of them in what a browser gets.

Nothing here knows what a page should look like: it looks through all bytes, decoded in every usual way.
"""

import hashlib
import html
import json
import re
import zlib
from base64 import urlsafe_b64decode
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from arena.battles.models import Battle, Response
from arena.contestants.models import Contestant

# Each is of letters that no page of ours has in this order, or of digits that chance does not bring together.
NAMES = ("Zyxquavor", "Brumplekith", "Wexnodjarl")
RARE_PROMPT = "How many plimfizzles are there?"
FIRST_KEY = 918_273_645


def make_cast() -> list[Contestant]:
    """Three contestants that can be drawn. Not even their keys in the database are ordinary."""
    return [
        Contestant.objects.create(
            **_traits(name, number),
            pk=FIRST_KEY + number,
            slug=f"slug-{name.lower()}",
            provider=f"prov{name.lower()}",
            model=f"vendor{name.lower()}/weights:77b",
            base_url=f"http://host{name.lower()}.example:4711/v1",
            api_key_env=f"KEYVAR_{name.upper()}",
            options={"option": f"opt{name.lower()}"},
        )
        for number, name in enumerate(NAMES)
    ]


def make_speaker(name: str, number: int, *, provider: str, fault: str) -> Contestant:
    """One that a simulated server plays, with this fault. There may be one of the name for each fault."""
    return Contestant.objects.create(
        **_traits(name, number),
        slug=f"slug-{name.lower()}-{fault or 'well'}",
        provider=provider,
        model=f"vendor{name.lower()}/weights?tokens=10&rate=0&think=0.3&fault={fault}",
        simulated=True,
    )


def _traits(name: str, number: int) -> dict[str, Any]:
    return {
        "name": f"The {name} Nameable",
        "license": f"Licence{name}",
        "params_b": 73.912345 + number,
        "price_in_usd_per_mtok": 61.7334551 + number,
        "price_out_usd_per_mtok": 52.8445662 + number,
        "price_source": f"Tariff of {name}",
        "strategy": {"kind": f"strat{name.lower()}"},
        "unavailable_because": f"Because of {name}.",
        "is_available": True,
    }


def measure(battle: Battle) -> None:
    """Give every response numbers and a raw text that would tell the contestants apart."""
    for number, response in enumerate(Response.objects.filter(turn__battle=battle).select_related("seat__contestant")):
        Response.objects.filter(pk=response.pk).update(
            raw=f"<think>{response.seat.contestant.name}</think>",
            input_tokens=731_041_710 + number,
            output_tokens=842_152_830 + number,
            reasoning_tokens=953_263_940 + number,
            cached_input_tokens=621_930_580 + number,
            cost_usd=0.6172839 + number,
            earlier_cost_usd=0.7283941 + number,
            price_source=f"Tariff of {response.seat.contestant.name}",
            tokens_per_second=84_735.296 + number,
            first_token_ms=1_739_264_851 + number,
            duration_ms=1_846_375_962 + number,
        )


def telltales(battle: Battle | None = None) -> set[str]:
    """What must not be found, in lower case: traits, their hashes, keys and every number measured; of one battle or of
    all. Keys that are short numbers are no telltales: they are everywhere."""
    of_all = battle is None
    contestants = Contestant.objects.all() if of_all else Contestant.objects.filter(seats__battle=battle)
    found = {word.lower() for contestant in contestants for word in contestant.name.split()[1:2]}
    for contestant in contestants:
        for trait in (contestant.slug, contestant.name, contestant.model, str(contestant.pk)):
            for algorithm in ("md5", "sha1", "sha256"):
                found.add(hashlib.new(algorithm, trait.encode()).hexdigest())
        found |= {
            *([str(contestant.pk)] if contestant.pk >= FIRST_KEY else []),
            *map(_digits, (contestant.params_b, contestant.price_in_usd_per_mtok, contestant.price_out_usd_per_mtok)),
        }
    responses = Response.objects.all() if of_all else Response.objects.filter(turn__battle=battle)
    for response in responses.exclude(output_tokens=None):
        found |= {str(response.input_tokens), str(response.output_tokens), str(response.reasoning_tokens)}
        found |= {str(response.first_token_ms), str(response.duration_ms), str(response.cached_input_tokens)}
        found |= set(map(_digits, (response.cost_usd, response.earlier_cost_usd, response.tokens_per_second)))
        found |= {str((response.first_token_ms or 0) // 1000), str((response.duration_ms or 0) // 1000)}
    assert all(len(telltale) >= 7 for telltale in found), found
    return found


def found_in(text: str | bytes, wanted: set[str]) -> set[str]:
    """The telltales in this text, however it is encoded."""
    reading = _all_readings(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
    return {telltale for telltale in wanted if telltale in reading}


def everything_in(answer: Any) -> bytes:
    """All that a browser gets of an answer: its status line, headers, cookies and body."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    headers = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    return f"{answer.status_code} {answer.reason_phrase}\n{headers}{answer.cookies.output()}\n\n".encode() + body


def _all_readings(text: str) -> str:
    """The text as it is, unescaped until nothing changes, what base64 in it holds; all again with its digits joined."""
    readings = {text}
    latest = text
    for _ in range(4):
        for decode in (html.unescape, unquote_plus, _json_unescaped):
            latest = decode(latest)
            readings.add(latest)
    tokens = {token for reading in readings for token in _BASE64.findall(reading)}
    everything = "\n".join([*readings, *map(_unpacked, tokens)]).lower()
    return f"{everything}\n{_BETWEEN_DIGITS.sub('', everything)}"


_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[.,_'’\s](?=\d)")
_JSON_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")


def _json_unescaped(text: str) -> str:
    return _JSON_ESCAPE.sub(lambda match: json.loads(f'"{match[0]}"'), text)


@cache  # most of a page is the same on every page
def _unpacked(token: str) -> str:
    """What base64 would make of this, from each of four beginnings, inflated where that is possible."""
    urlsafe = token.replace("+", "-").replace("/", "_")
    found: list[bytes] = []
    for start in range(4):
        piece = urlsafe[start:]
        found.append(urlsafe_b64decode(piece[: len(piece) // 4 * 4]))
        if found[-1][:1] == b"\x78":  # how zlib begins, as in Django's signed cookies
            with suppress(zlib.error):
                found.append(zlib.decompressobj().decompress(found[-1], 1_000_000))
    return b"\n".join(found).decode("utf-8", "replace")


def _digits(number: float | None) -> str:
    return str(number).replace(".", "").lstrip("0")
