"""Worker processes that end with the process that began them."""

import os
import threading
import time
from functools import cache

SECONDS = 2.0  # between two looks


@cache
def end_with_parent() -> None:
    """From now on this process ends when the one that began it is gone. What is killed tells its
    workers nothing, and one that waits for its next task would wait for ever. Once a process."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS)
    os._exit(1)
