from django.urls import path

from arena.contestants import views

urlpatterns = [
    path("contestants/", views.contestants, name="contestants"),
    path("contestants/<slug:slug>/", views.contestant, name="contestant"),
]
