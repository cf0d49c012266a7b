"""What can be reached by HTTP, and by WebSocket."""

import os
from urllib.parse import ParseResult

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "arena.settings")
django.setup(set_prefix=False)  # before the imports below: they need the app registry

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import OriginValidator  # noqa: E402

from arena.battles.urls import websocket_urlpatterns  # noqa: E402
from arena.contestants.identity.learning import learn_meanwhile  # noqa: E402
from arena.running.handler import Handler  # noqa: E402
from arena.running.limits import BoundedBodies  # noqa: E402
from arena.teams.gate import Gate  # noqa: E402

learn_meanwhile()


class SameSiteOnly(OriginValidator):
    """Refuses the scripts of other sites, which would come with our visitors' cookies.

    Browsers always name the origin; programs that do not are no danger, and are let through.
    """

    def valid_origin(self, parsed_origin: ParseResult | None) -> bool:
        return parsed_origin is None or self.validate_origin(parsed_origin)


application = ProtocolTypeRouter(
    {
        "http": BoundedBodies(Handler(Gate), limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        "websocket": SameSiteOnly(URLRouter(websocket_urlpatterns), settings.ALLOWED_HOSTS),
    }
)
