"""Keys that exist nowhere but in tests, and how a leak of one is found, whole or in part, plain or encoded."""

from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote

# So much of a key in one place is a leak.
PIECE_CHARS = 14

CANARIES = {
    "OPENAI_API_KEY": "sk-proj-Kq7Zt2Wn9Xb4Lm6Rv8Yc3Hd5",
    "ANTHROPIC_API_KEY": "sk-ant-Pf3Jg8Qs1Uw6Ne4Td9Bk7Vx2",
    "MY_HOSTS_CREDENTIAL": "Zx5Cv7Bn2Mq9Lp4Kj8Hg3Fd6Sa1-w",
    "OLLAMA_PROXY_BEARER": "ob_Rt6Yu2Io8Pa4Sd9Fg3Hj7Kl5Zx1",
    "password": "Wm4Xe8Cr2Vt6By9Nu3Ql7-pw",
}


def leaks(text: str) -> list[str]:
    """The names of the keys that show in a text, with the piece that does."""
    return [f"{name}: {piece}" for name, piece in _PIECES if piece in text]


def _forms(key: str) -> Iterator[str]:
    yield key
    yield quote(key, safe="")
    yield key.encode().hex()
    for before in range(3):
        start, end = (0, 2, 3)[before], (before + len(key)) * 8 // 6
        yield b64encode(b"x" * before + key.encode()).decode()[start:end]


def _pieces(key: str) -> Iterator[str]:
    for form in _forms(key):
        for at in range(len(form) - PIECE_CHARS + 1):
            yield form[at : at + PIECE_CHARS]


_PIECES = [(name, piece) for name, key in CANARIES.items() for piece in dict.fromkeys(_pieces(key))]
