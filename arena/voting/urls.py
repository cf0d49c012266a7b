from django.urls import path

from arena.voting import views

urlpatterns = [
    path("battles/<uuid:battle_id>/", views.battle, name="battle"),
    path("battles/<uuid:battle_id>/ballot/", views.cast_ballot, name="cast_ballot"),
    path("battles/<uuid:battle_id>/turns/", views.add_turn, name="add_turn"),
    path("battles/<uuid:battle_id>/stop/", views.stop_battle, name="stop_battle"),
    path("battles/<uuid:battle_id>/responses/<slug:slot>/retry/", views.retry_response, name="retry_response"),
]
