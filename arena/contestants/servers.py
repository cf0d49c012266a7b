"""Where a contestant is asked: its server's address and key, from its row and the environment."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from django.conf import settings

from arena.contestants.models import Contestant, Provider
from arena.contestants.nearness import host_of, is_near
from arena.environment import env_str
from arena.masking import remember, remember_url

# These answer nobody without a key. Other addresses may, unless an entry names the key to send.
_KEY_HOLDERS = ("api.openai.com", "api.anthropic.com")
# What they list are models that could be deployed, not what one has deployed and named.
_LISTS_MORE_THAN_IT_SERVES = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
# Whoever may edit contestants must not have these sent to a server of their own.
ARENAS_OWN = frozenset({"SECRET_KEY", "DATABASE_URL", "REDIS_URL"})
# In a header these would be garbled, refused, or begin another header.
_UNUSABLE = re.compile(r"[^!#-&(-~]")
_DEFAULT_KEYS: dict[str, str] = {
    Provider.OPENAI: "OPENAI_API_KEY",
    Provider.OPENAI_RESPONSES: "OPENAI_API_KEY",
    Provider.ANTHROPIC: "ANTHROPIC_API_KEY",
}


@dataclass(frozen=True, slots=True)
class Server:
    """`key_name` is the variable the key comes from, "" if none is used. `needs_key`: its contestant's entry means that
    this server answers to that key only."""

    provider: str
    base_url: str = field(repr=False)  # it may hold a password
    key_name: str = ""
    api_key: str = field(default="", repr=False)
    needs_key: bool = False

    def __post_init__(self) -> None:
        remember(self.api_key)
        remember_url(self.base_url)

    @property
    def host(self) -> str:
        return host_of(self.base_url)

    @property
    def lacks_key(self) -> bool:
        """A server that needs a key is not even looked at before somebody has that key."""
        return not self.api_key and (self.is_a_vendors or self.needs_key)

    @property
    def is_a_vendors(self) -> bool:
        return self.host in _KEY_HOLDERS

    @property
    def key_problem(self) -> str:
        """Why it cannot be asked with what is configured, in plain words that do not repeat the key; "" if it can."""
        if self.key_name in ARENAS_OWN:
            return f"{self.key_name} is the arena's own and no model server's key."
        if self.lacks_key:
            return f"{self.key_name or 'Its key variable'} is not set."
        if _UNUSABLE.search(self.api_key):
            return f"{self.key_name} holds a space, a line break, a quotation mark or a character that no key has."
        return ""

    @property
    def basic_auth(self) -> tuple[str, str] | None:
        """User and password of its address, for clients that do not take them from there."""
        parts = urlsplit(self.base_url)
        return (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None

    @property
    def may_be_searched(self) -> bool:
        """Whether what it offers is entered unasked. A vendor's list is long and has its price."""
        return not self.is_a_vendors

    @property
    def lists_what_it_serves(self) -> bool:
        return not self.host.endswith(_LISTS_MORE_THAN_IT_SERVES)

    @property
    def is_near(self) -> bool:
        """On this machine or its network."""
        return is_near(self.base_url)

    @property
    def address(self) -> str:
        """Without user, password or query; "" for what is none."""
        try:
            parts = urlsplit(self.base_url)
        except ValueError:
            return ""
        if not parts.netloc:
            return ""
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def name(self) -> str:
        """In plain words."""
        return f"{'Ollama' if self.provider == Provider.OLLAMA else 'The server'} at {self.address}"

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}


def default_server(provider: str) -> Server:
    """The server of contestants that name none; one without an address for a protocol that nobody speaks."""
    base_urls: dict[str, str] = {
        Provider.OLLAMA: settings.OLLAMA_HOST,
        Provider.OPENAI: settings.OPENAI_BASE_URL,
        Provider.OPENAI_RESPONSES: settings.OPENAI_BASE_URL,
        Provider.ANTHROPIC: settings.ANTHROPIC_BASE_URL,
    }
    key_name = _DEFAULT_KEYS.get(provider, "")
    return Server(provider, base_urls.get(provider, ""), key_name, _key(key_name))


def server_of(contestant: Contestant, *, simulator_url: str = "") -> Server:
    """A vendor's key goes to the vendor's configured address only, unless the entry names the key itself."""
    if contestant.simulated:
        path = "" if contestant.provider in (Provider.OLLAMA, Provider.ANTHROPIC) else "/v1"
        return Server(contestant.provider, f"{simulator_url.rstrip('/')}{path}" if simulator_url else "")
    default = default_server(contestant.provider)
    base_url = contestant.base_url.rstrip("/") or default.base_url
    key_name = contestant.api_key_env or (default.key_name if base_url == default.base_url else "")
    return Server(contestant.provider, base_url, key_name, _key(key_name), _needs_key(contestant, default))


def waits_for_own_server(contestant: Contestant) -> bool:
    """Open weights without an address or a key of their own, while no server but the vendor's is configured."""
    is_placed = contestant.simulated or contestant.base_url or contestant.api_key_env
    return not is_placed and bool(contestant.params_b) and server_of(contestant).is_a_vendors


def _needs_key(contestant: Contestant, default: Server) -> bool:
    """Its entry names a key. The protocol's usual one may be missing at the configured server or one nearby, which may
    want none."""
    may_want_none = not contestant.base_url or is_near(contestant.base_url)
    return bool(contestant.api_key_env) and not (contestant.api_key_env == default.key_name and may_want_none)


def _key(name: str) -> str:
    return env_str(name) if name and name not in ARENAS_OWN else ""
