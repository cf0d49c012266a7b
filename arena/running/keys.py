"""Do all web processes sign with the same SECRET_KEY? Where not, only visitors notice: they are forgotten."""

import logging

from django.utils.crypto import salted_hmac
from redis import RedisError

from arena.running import redis_clients

DIGEST_KEY = "running:secret-key"
KEPT_S = 30 * 24 * 60 * 60

logger = logging.getLogger(__name__)


def compare_keys() -> None:
    """Warn if the web process that started last, here or elsewhere, had another one. It may have been changed."""
    ours = salted_hmac("arena.running.keys", "the same?").hexdigest()
    try:
        last = redis_clients.client().set(DIGEST_KEY, ours, ex=KEPT_S, get=True)
    except (RedisError, OSError):
        return
    if last not in {None, ours}:
        logger.warning(
            "SECRET_KEY is not the one that the last web process had. If it has just been changed, all is well; if web "
            "processes on other machines have another one, visitors are strangers to them: set the same one everywhere"
        )
