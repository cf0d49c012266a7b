from django.urls import URLPattern, path

from arena.leaderboard import views

urlpatterns: list[URLPattern] = [path("leaderboard/", views.leaderboard, name="leaderboard")]
