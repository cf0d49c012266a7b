"""The threads of a web process that may block: a few that are kept, with their connections to the database."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from django.conf import settings
from django.db import close_old_connections

T = TypeVar("T")

_threads = ThreadPoolExecutor(settings.WEB_THREADS, thread_name_prefix="web")


async def in_web_thread(function: Callable[[], T]) -> T:
    """What `function` returns or raises, run where it may wait for the database.

    asgiref would have one thread for all sockets, and a new thread with a new connection for each request.
    """
    run = copy_context().run
    return await asyncio.get_running_loop().run_in_executor(_threads, run, _with_fresh_connections, function)


def _with_fresh_connections(function: Callable[[], T]) -> T:
    """As Django does around a request: broken connections are replaced, pooled ones go back to their pool."""
    close_old_connections()
    try:
        return function()
    finally:
        close_old_connections()
