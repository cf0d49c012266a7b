from django.contrib.auth.views import LogoutView
from django.urls import path

from arena.teams import views

urlpatterns = [
    path("login/", views.sign_in, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
