"""What workers do for the contestants: look, twice a minute, who can be asked; and what operators wish."""

import logging
import threading
from functools import cache

import redis
from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings
from kombu.exceptions import OperationalError

from arena.contestants import errands, pulling, services, trying
from arena.contestants.catalogue import CatalogueError
from arena.contestants.models import Errand, Pull, Trial

logger = logging.getLogger(__name__)

_leaves = threading.Event()


@shared_task(name="contestants.check_availability")
def check_availability() -> None:
    """Read the catalogue again, enter what servers have new, and mark who is available."""
    try:
        services.load_catalogue()
        looks = services.look_around()
        discoveries = services.discover(looks)
        changed = services.check_availability(looks)
    except CatalogueError as error:  # it was edited while the arena runs; the rows stay as they are
        logger.error("the catalogue was not read: %s", error)
        return
    for discovery in discoveries:
        if discovery.too_many:
            _say_once(
                f"{discovery.look.server.name} has {discovery.too_many} models, too many to enter unasked: "
                "name those you want in ARENA_CATALOGUE"
            )
    for contestant in changed:
        state = "available" if contestant.is_available else contestant.unavailable_because
        logger.info("contestant %s: %s", contestant.slug, state)


@cache
def _say_once(sentence: str) -> None:
    logger.warning("%s", sentence)


@shared_task(name="contestants.try")
def play_trial(trial_id: int) -> None:
    trying.play_trial(trial_id)


@shared_task(name="contestants.pull")
def play_pull(pull_id: int) -> None:
    pulling.play_pull(pull_id)


@shared_task(name="contestants.sweep")
def sweep() -> None:
    """Find the errands whose worker died, or that fell out of the queue."""
    try:
        for trial in errands.without_worker(Trial):
            trying.interrupt(trial)
        for pull in errands.without_worker(Pull):
            pulling.resume(pull)
    except redis.RedisError as error:
        logger.warning("Redis is away: %s", error)
        return
    for errand in (*errands.forgotten(Trial), *errands.forgotten(Pull)):
        enqueue(errand)


def enqueue(errand: Errand) -> None:
    """What a lost Redis swallows, the sweep finds in the database."""
    task = play_trial if isinstance(errand, Trial) else play_pull
    try:
        task.apply_async((errand.pk,), retry=True, retry_policy={"max_retries": 1, "interval_start": 0})
    except (redis.RedisError, OperationalError) as error:
        logger.warning("Redis is away: %s", error)


@worker_shutting_down.connect
def end_errands(**kwargs: object) -> None:
    """They may end by themselves for a while, unless the worker is told a second time."""
    timer = threading.Timer(0.0 if _leaves.is_set() else settings.ARENA_STOP_GRACE_S, errands.interrupt_all)
    timer.daemon = True
    timer.start()
    _leaves.set()
