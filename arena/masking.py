"""Secrets are never written down: which ones this process knows, and how a text is cleared of them. No Django here.

A process knows the keys, tokens and passwords of its environment, and each key that it has read to ask a model server.
Log lines, errors of model servers and debug pages are cleared of all of them, in plain or encoded as servers and
libraries encode what they repeat: in a URL, HTML, JSON, a Python literal, hexadecimal, Base64. What a server writes
into a response is cleared of the secret that this very server was sent, while it streams.
"""

import html
import json
import logging
import os
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, unquote, urlsplit

MASK = "***"
# Shorter ones, and plain words, stand in for "no key" at local servers; masked, they would make holes in any text.
MIN_CHARS = 8
# A text may have been cut in the middle of a secret: its beginning is masked as well, from this length on.
HEAD_CHARS = 12

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASS|PWD|CREDENTIAL")
_URL_NAME = re.compile(r"URL|URI|DSN|HOST|BROKER|PROXY", re.IGNORECASE)

_forms: dict[str, None] = {}


def remember(secret: str) -> None:
    """From now on `masked` leaves nothing of it."""
    if is_secret(secret):
        _forms.update(dict.fromkeys(forms_of(secret)))


def remember_url(url: str) -> None:
    """The password in it, and what its Basic credentials look like on the wire."""
    for secret in secrets_of_url(url):
        remember(secret)


def remember_environment(environment: Mapping[str, str] = os.environ) -> None:
    for name, value in environment.items():
        if _SECRET_NAME.search(name.upper()) and not value.startswith("/"):  # not the path of a file that holds one
            remember(value.strip())
        elif _URL_NAME.search(name):
            remember_url(value)


def masked(text: str) -> str:
    return _cleared(text, _forms)


def is_secret(word: str) -> bool:
    return len(word) >= MIN_CHARS and not word.isalpha()


def secrets_of_url(url: str) -> list[str]:
    """Password, and user and password as HTTP's Basic scheme joins them."""
    try:
        parts = urlsplit(url)
        user, password = parts.username or "", parts.password or ""
    except ValueError:
        return []
    if not password:
        return []
    return [password, unquote(password), f"{unquote(user)}:{unquote(password)}"]


def forms_of(secret: str) -> list[str]:
    """The secret as it is, and as others may write it; the longest first, so that none leaves a rest of another."""
    forms = {
        secret,
        quote(secret, safe=""),
        html.escape(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        secret.encode().hex(),
        secret.encode().hex().upper(),
        *_in_base64(secret.encode()),
    }
    return sorted((form for form in forms if len(form) >= MIN_CHARS), key=len, reverse=True)


class StreamMask:
    """Clears a text that comes in pieces. The longest end that may begin a secret waits for the next piece."""

    __slots__ = ("_held", "_longest", "_needles")

    def __init__(self, *secrets: str) -> None:
        self._needles = [form for secret in filter(is_secret, secrets) for form in forms_of(secret)]
        self._longest = max(map(len, self._needles), default=0)
        self._held = ""

    def feed(self, text: str) -> str:
        if not self._needles:
            return text
        if self._held:
            text = self._held + text
        for needle in self._needles:
            if needle in text:
                text = text.replace(needle, MASK)
        end = self._unclear_from(text)
        self._held = text[end:]
        return text[:end]

    def flush(self) -> str:
        """The rest, cleared of a secret that the end of the stream cut short."""
        held, self._held = self._held, ""
        return _cleared(held, self._needles)

    def _unclear_from(self, text: str) -> int:
        low, end = max(0, len(text) - self._longest + 1), len(text)
        for needle in self._needles:
            at = text.find(needle[0], low)
            while 0 <= at < end:
                if needle.startswith(text[at:]):
                    end = at
                at = text.find(needle[0], at + 1)
        return end


class MaskedFormatter(logging.Formatter):
    """Log lines, tracebacks included, without any secret."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def _cleared(text: str, forms: Iterable[str]) -> str:
    """Without the forms, and without any beginning of one that tells much.

    All are looked for before any is taken out: keys of one vendor begin alike.
    """
    spans = sorted(span for form in forms for span in _spans(text, form))
    pieces, at = [], 0
    for start, end in spans:
        if start >= at:
            pieces += [text[at:start], MASK]
        at = max(at, end)
    return "".join([*pieces, text[at:]]) if pieces else text


def _spans(text: str, form: str) -> Iterator[tuple[int, int]]:
    head = form[:HEAD_CHARS]
    start = text.find(head)
    while start >= 0:
        end = start + _common_prefix(text, start, form)
        yield start, end
        start = text.find(head, end)


def _common_prefix(text: str, start: int, form: str) -> int:
    length = min(HEAD_CHARS, len(form))
    while length < len(form) and text[start + length : start + length + 1] == form[length]:
        length += 1
    return length


def _in_base64(secret: bytes) -> Iterator[str]:
    """The characters that the secret alone decides, wherever it stands in what was encoded."""
    for offset, shared in enumerate((0, 2, 3)):
        core = b64encode(b"\0" * offset + secret).decode()[shared : (offset + len(secret)) * 8 // 6]
        yield core
        yield core.replace("+", "-").replace("/", "_")
