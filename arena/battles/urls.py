from typing import TYPE_CHECKING

from django.urls import URLPattern, path, re_path

from arena.battles import views
from arena.battles.consumers import nothing_here, watch_battle

if TYPE_CHECKING:  # a name that only the type stubs have
    from channels.routing import URLRouter, _ExtendedURLPattern

urlpatterns: list[URLPattern] = [
    path("", views.new_battle, name="new_battle"),
    path("battles/", views.start_battle, name="start_battle"),
    path("about/", views.about, name="about"),
]
websocket_urlpatterns: "list[_ExtendedURLPattern | URLRouter]" = [
    path("ws/battles/<uuid:battle_id>/", watch_battle),  # type: ignore[arg-type, list-item]  # ASGI, as Channels routes take
    re_path("", nothing_here),  # type: ignore[arg-type, list-item]  # as above
]
