"""What a process has loaded when it is ready stays until its end: the garbage collector need not walk it again."""

import gc

# Allocations between two looks for cycles; Python's 700 is meant for short programs. What a page or a task leaves
# behind has few cycles, so there is little to find, and what there is waits a little longer.
ALLOCATIONS_PER_LOOK = 20_000


def leave_alone() -> None:
    """Everything that is there now. Call it once, when all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_PER_LOOK, *gc.get_threshold()[1:])
