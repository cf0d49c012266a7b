"""The watch over voters in the background, every half minute."""

import logging

from celery import shared_task

from arena.voting import watch

logger = logging.getLogger(__name__)


@shared_task(name="voting.watch")
def look_at_voters() -> None:
    if raised := watch.watch():
        logger.warning("Something was noticed about voters: %d new flags, see the admin.", raised)
