from typing import TYPE_CHECKING

from django.urls import URLPattern, path

from arena.battles.consumers import BattleConsumer

if TYPE_CHECKING:  # a name that only the type stubs have
    from channels.routing import URLRouter, _ExtendedURLPattern

urlpatterns: list[URLPattern] = []
websocket_urlpatterns: "list[_ExtendedURLPattern | URLRouter]" = [
    path("ws/battles/<uuid:battle_id>/", BattleConsumer.as_asgi()),  # type: ignore[arg-type, list-item]  # ASGI, as Channels routes take
]
