"""Where a contestant is asked: its server's address and key, from its row and the environment."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from arena.contestants.models import Contestant, Provider
from arena.contestants.nearness import is_near
from arena.environment import env_str

# These answer nobody without a key. Other addresses may: a key is sent to them only if one is named or set.
_KEY_HOLDERS = ("api.openai.com", "api.anthropic.com")
_DEFAULT_KEYS = {
    Provider.OPENAI: "OPENAI_API_KEY",
    Provider.OPENAI_RESPONSES: "OPENAI_API_KEY",
    Provider.ANTHROPIC: "ANTHROPIC_API_KEY",
}


@dataclass(frozen=True, slots=True)
class Server:
    """`key_name` is the variable the key comes from, "" if none is used."""

    provider: str
    base_url: str
    key_name: str = ""
    api_key: str = field(default="", repr=False)

    @property
    def lacks_key(self) -> bool:
        return not self.api_key and urlsplit(self.base_url).hostname in _KEY_HOLDERS

    @property
    def may_be_searched(self) -> bool:
        """Whether what it offers is entered unasked. A vendor's list is long and has its price."""
        return urlsplit(self.base_url).hostname not in _KEY_HOLDERS

    @property
    def is_near(self) -> bool:
        """On this machine or its network."""
        return is_near(self.base_url)

    @property
    def name(self) -> str:
        """In plain words, without user, password or query."""
        parts = urlsplit(self.base_url)
        kind = "Ollama" if self.provider == Provider.OLLAMA else "The server"
        return f"{kind} at {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def default_server(provider: str) -> Server:
    """The server of contestants that name none."""
    base_url = {
        Provider.OLLAMA: settings.OLLAMA_HOST,
        Provider.OPENAI: settings.OPENAI_BASE_URL,
        Provider.OPENAI_RESPONSES: settings.OPENAI_BASE_URL,
        Provider.ANTHROPIC: settings.ANTHROPIC_BASE_URL,
    }[Provider(provider)]
    key_name = _DEFAULT_KEYS.get(Provider(provider), "")
    return Server(provider, base_url, key_name, env_str(key_name) if key_name else "")


def server_of(contestant: Contestant, *, simulator_url: str = "") -> Server:
    """A vendor's key goes to the vendor's configured address only, unless the entry names the key itself."""
    if contestant.simulated:
        path = "" if contestant.provider == Provider.OLLAMA else "/v1"
        return Server(contestant.provider, f"{simulator_url.rstrip('/')}{path}" if simulator_url else "")
    default = default_server(contestant.provider)
    base_url = contestant.base_url.rstrip("/") or default.base_url
    key_name = contestant.api_key_env or (default.key_name if base_url == default.base_url else "")
    return Server(contestant.provider, base_url, key_name, env_str(key_name) if key_name else "")
