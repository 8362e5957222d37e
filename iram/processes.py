"""Processes that have ended, and workers that end with the process that began them."""

import os
import select
import threading
import time
from functools import cache

SECONDS = 2.0  # between two looks, where the system does not tell of an end


@cache
def end_with_parent() -> None:
    """From now on this process ends when the one that began it is gone. What is killed tells its
    workers nothing, and one that waits for its next task would wait for ever. Once a process."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def runs(process: int) -> bool:
    """Whether a process of this machine still runs. One that has ended and that nobody has waited
    for, as in a container whose first process waits for none, does not; without pidfds (Linux 5.3)
    it can't be told and counts as running."""
    try:
        os.kill(process, 0)
        return not _ended(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's process, no pidfds here, or no number of one
        return True


def _watch(parent: int) -> None:
    try:
        _ended(parent, None)
    except OSError:  # gone already, or no pidfds here
        while os.getppid() == parent:
            time.sleep(SECONDS)
    os._exit(1)


def _ended(process: int, seconds: float | None) -> bool:
    """Whether it ends within these seconds, None: whenever it does.

    Raises:
        ProcessLookupError: it has ended and was waited for.
        OSError: this system has no pidfds, or does not let us.
    """
    if not hasattr(os, "pidfd_open"):
        raise OSError("no pidfds")
    handle = os.pidfd_open(process)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(None if seconds is None else 1000 * seconds))
    finally:
        os.close(handle)
