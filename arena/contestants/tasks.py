"""What workers do for the contestants: look, twice a minute, who can be asked."""

import logging
from functools import cache

from celery import shared_task

from arena.contestants import services
from arena.contestants.catalogue import CatalogueError

logger = logging.getLogger(__name__)


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
