"""Where a contestant is asked: its server's address and key, from its row and the environment."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from arena.contestants.models import Contestant, Provider
from arena.contestants.nearness import is_near
from arena.environment import env_str

# These answer nobody without a key. Other addresses may: a key is sent to them only if one is named or set.
_KEY_HOLDERS = ("api.openai.com", "api.anthropic.com")
# What they list are models that could be deployed, not what one has deployed and named.
_LISTS_MORE_THAN_IT_SERVES = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
_DEFAULT_KEYS = {
    Provider.OPENAI: "OPENAI_API_KEY",
    Provider.OPENAI_RESPONSES: "OPENAI_API_KEY",
    Provider.ANTHROPIC: "ANTHROPIC_API_KEY",
}


@dataclass(frozen=True, slots=True)
class Server:
    """`key_name` is the variable the key comes from, "" if none is used. `has_named_key`: it answers to that key only,
    as far as its contestant's entry tells."""

    provider: str
    base_url: str
    key_name: str = ""
    api_key: str = field(default="", repr=False)
    has_named_key: bool = False

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    @property
    def lacks_key(self) -> bool:
        """A hosted server that an entry names a key for is not even looked at before somebody has that key."""
        return not self.api_key and (self.is_a_vendors or (self.has_named_key and not self.is_near))

    @property
    def is_a_vendors(self) -> bool:
        return self.host in _KEY_HOLDERS

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
    has_named_key = bool(contestant.api_key_env and contestant.base_url)
    return Server(contestant.provider, base_url, key_name, env_str(key_name) if key_name else "", has_named_key)
