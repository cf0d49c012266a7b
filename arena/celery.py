"""The Celery app: tasks are found in each arena app's `tasks.py`."""

import logging
import os

import redis
from celery import Celery, Task
from django.db import InterfaceError, OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "arena.settings")

logger = logging.getLogger(__name__)


class ArenaTask(Task):  # type: ignore[type-arg]  # generic in the stubs only
    """One that a lost database or Redis keeps from its work says so in one line: it will be asked again."""

    throws = (OperationalError, InterfaceError, redis.RedisError)

    def on_failure(self, error: Exception, *details: object) -> None:
        if isinstance(error, self.throws):
            logger.warning("task %s could not be done: %s", self.name, " ".join(str(error).split()))


app = Celery("arena", task_cls=ArenaTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
