"""Streams gone wrong: one of a server's, damaged in a few places, the same way for the same random numbers."""

import random
import re
from collections.abc import Callable

Mutation = Callable[[random.Random, bytes, bytes], bytes]

NASTY = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xc2\x85", b"\xf0\x9f\x98", b"\r", b"\n", b"\n\n", b"\r\n\r\n",
    b'"', b"\\", b"\\ud83d", b"\\ude00", b"\\u0000", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b'""',
    b"{}", b"[]", b"-1", b"1e999", b"NaN", b"9" * 30, b"<think>", b"</think>", b"<", b"</", b"<Thought>", b"</Thought>",
    b"<Output>", b"</Output>", b"[THINK]", b"**Final Answer**", b"data:", b"data: [DONE]\n\n", b"event: error\n",
    b"error: {}\n", b"data: {}\n\n", b'data: {"error": 7}\n\n', b'"error": "x",', b'"message": null,', b": \n", b"\t",
]  # fmt: skip
DEPTHS = (3, 100, 1_000, 20_000)
DIGITS = (5, 20, 400, 5_000)
WRONG = [
    b"null",
    b"true",
    b"0",
    b"-7",
    b"1.5",
    b'""',
    b'"x"',
    b"[]",
    b"{}",
    b"[[]]",
    b"[null]",
    b'[{"text": 7}]',
    b'{"a": []}',
]
_NUMBER = re.compile(rb"\d+")
_VALUE = re.compile(rb'(?<=":)\s*(?:"[^"\\]*"|-?\d[\d.]*|null|true|false|\{\}|\[\])')


def mutated(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """The data after one to five mutations; `other` is what pieces of another stream are taken from."""
    for _ in range(chance.randint(1, 5)):
        data = chance.choice(MUTATIONS)(chance, data, other)
    return data


def _slice(chance: random.Random, data: bytes, longest: int = 400) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    return start, min(len(data), start + chance.randint(0, longest))


def cut(chance: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: chance.randint(0, len(data))]


def beheaded(chance: random.Random, data: bytes, other: bytes) -> bytes:
    return data[chance.randint(0, len(data)) :]


def deleted(chance: random.Random, data: bytes, other: bytes) -> bytes:
    start, end = _slice(chance, data)
    return data[:start] + data[end:]


def doubled(chance: random.Random, data: bytes, other: bytes) -> bytes:
    start, end = _slice(chance, data)
    return data[:end] + data[start:end] * chance.randint(1, 8) + data[end:]


def swapped(chance: random.Random, data: bytes, other: bytes) -> bytes:
    (a, b), (c, d) = sorted((_slice(chance, data), _slice(chance, data)))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:] if b <= c else data


def flipped(chance: random.Random, data: bytes, other: bytes) -> bytes:
    flips = bytearray(data)
    for _ in range(chance.randint(1, 6) if data else 0):
        flips[chance.randrange(len(flips))] ^= 1 << chance.randrange(8)
    return bytes(flips)


def inserted(chance: random.Random, data: bytes, other: bytes) -> bytes:
    start, _ = _slice(chance, data)
    return data[:start] + chance.choice(NASTY) * chance.randint(1, 3) + data[start:]


def spliced(chance: random.Random, data: bytes, other: bytes) -> bytes:
    start, _ = _slice(chance, data)
    a, b = _slice(chance, other)
    return data[:start] + other[a:b] + data[start:]


def reordered(chance: random.Random, data: bytes, other: bytes) -> bytes:
    lines = data.split(b"\n")
    for _ in range(chance.randint(1, 4)):
        lines.insert(chance.randint(0, len(lines)), chance.choice(lines))
        del lines[chance.randrange(len(lines))]
    return b"\n".join(lines)


def nested(chance: random.Random, data: bytes, other: bytes) -> bytes:
    depth, (opening, closing) = chance.choice(DEPTHS), chance.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return _one_replaced(chance, _VALUE, data, opening * depth + b"1" + closing * depth)


def numbered(chance: random.Random, data: bytes, other: bytes) -> bytes:
    return _one_replaced(chance, _NUMBER, data, b"9" * chance.choice(DIGITS))


def mistyped(chance: random.Random, data: bytes, other: bytes) -> bytes:
    return _one_replaced(chance, _VALUE, data, chance.choice(WRONG))


def _one_replaced(chance: random.Random, pattern: re.Pattern[bytes], data: bytes, value: bytes) -> bytes:
    start = chance.randint(0, len(data))
    return data[:start] + pattern.sub(lambda _: value, data[start:], count=1)


MUTATIONS: list[Mutation] = [
    cut, beheaded, deleted, doubled, swapped, flipped, inserted, inserted, spliced, reordered, nested, numbered,
    mistyped,
    mistyped,
]  # fmt: skip
