"""Connections to the database go from hand to hand: a thread that waits for contestants lends its own to others.

PostgreSQL's have a pool. One to SQLite takes 150 kB and is dear to open, and a worker has hundreds of threads, nearly
all of which wait.
"""

import threading
from collections import deque

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

_lent: deque[BaseDatabaseWrapper] = deque()


def take_connection() -> None:
    """Before work on the database: one that another thread does not need, if there is any."""
    if connections[DEFAULT_DB_ALIAS].connection is None and _lent:
        try:
            connections[DEFAULT_DB_ALIAS] = _lent.pop()  # the last one, so that few are ever in use
        except IndexError:  # another thread was quicker
            return


def give_connection_back() -> None:
    """After it, and before a long wait. The main thread keeps its own: others may know it by name."""
    connection = connections[DEFAULT_DB_ALIAS]
    if "pool" in connection.settings_dict["OPTIONS"]:
        connection.close()
    elif connection.connection is not None and threading.current_thread() is not threading.main_thread():
        if not connection.allow_thread_sharing:
            connection.inc_thread_sharing()
        del connections[DEFAULT_DB_ALIAS]
        _lent.append(connection)
