from channels.routing import URLRouter
from django.urls import URLPattern
from django.urls.resolvers import URLResolver

urlpatterns: list[URLPattern] = []
websocket_urlpatterns: list[URLPattern | URLResolver | URLRouter] = []
