from django.apps import AppConfig


class ProblemsConfig(AppConfig):
    name = "arena.problems"
