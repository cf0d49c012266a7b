"""Threads of a worker share their heaps."""

import platform
import subprocess
import sys

from arena.running import heaps
from tests.bench.processes import ROOT

THREADS = 24
CALL = "from arena.running import heaps; heaps.have_few()"
# Each thread takes memory by itself, as SQLite does, and stays; `malloc_info` names every heap there is.
PROGRAM = f"""
import ctypes, threading
from arena.running import heaps
heaps.have_few()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.fdopen.restype = ctypes.c_void_p
everyone = threading.Barrier({THREADS} + 1)
def take():
    libc.malloc(1000)
    everyone.wait()
    everyone.wait()
threads = [threading.Thread(target=take) for _ in range({THREADS})]
for thread in threads: thread.start()
everyone.wait()
out = libc.fdopen(1, b"w")
libc.malloc_info(0, ctypes.c_void_p(out))
libc.fflush(ctypes.c_void_p(out))
everyone.wait()
for thread in threads: thread.join()
"""


def heaps_of(program: str) -> int:
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return told.stdout.count("<heap ")


def test_threads_share_heaps_where_each_would_have_its_own() -> None:
    subprocess.run([sys.executable, "-c", CALL], cwd=ROOT, check=True)  # on any system
    if platform.libc_ver()[0] == "glibc":
        assert heaps_of(PROGRAM) <= heaps.HEAPS < heaps_of(PROGRAM.replace("heaps.have_few()", ""))
