"""Reasoning Arena: which model reasons correctly?"""

from arena.celery import app as celery_app

__all__ = ["celery_app"]
