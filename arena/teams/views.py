"""Signing in; signing out is Django's own view."""

from django.contrib.auth.views import LoginView

from arena.teams.forms import SignInForm

sign_in = LoginView.as_view(authentication_form=SignInForm, redirect_authenticated_user=True)
