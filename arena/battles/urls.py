from channels.routing import URLRouter
from django.urls import URLPattern, path
from django.urls.resolvers import URLResolver

from arena.battles.consumers import BattleConsumer

urlpatterns: list[URLPattern] = []
websocket_urlpatterns: list[URLPattern | URLResolver | URLRouter] = [
    path("ws/battles/<uuid:battle_id>/", BattleConsumer.as_asgi()),
]
