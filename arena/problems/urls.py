from django.urls import path

from arena.problems import views

urlpatterns = [
    path("problems/", views.problems, name="problems"),
    path("problems/<slug:slug>/", views.problem, name="problem"),
]
