"""A process with hundreds of threads keeps its memory in few heaps.

glibc gives each thread a heap of its own, up to eight a core, and what is free in one is of no use to the others: a
worker grew by 160 kB with each battle. Python lets one thread work at a time, so that few heaps are enough.
"""

import ctypes
import sys

M_ARENA_MAX = -8  # from malloc.h
HEAPS = 2


def have_few() -> None:
    """Call it before there are threads. Other C libraries have no such call, and no need for it."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_ARENA_MAX, HEAPS)
