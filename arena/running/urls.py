"""Where health is asked for."""

from django.urls import path

from arena.running import views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
