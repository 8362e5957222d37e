"""A lock file, so that two processes never work on the same thing."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import SoftFileLock, Timeout

from iram.errors import InputError

SECONDS = 0.2  # a filelock may remove a dead owner's file in one try, and take over in the next


class BusyError(InputError):
    """Another process holds the lock."""


@contextlib.contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Holds the lock file at `path` inside the block; it is removed after it, errors included.

    The file says which process made it, on which host, and when that started. One that a killed
    process left behind on this host is taken over; whether a process on another host still lives
    can't be seen from here, so such a file has to be removed by hand. One that is another's in the
    end, since the own was removed by hand, stays.

    Raises:
        BusyError: another process holds it, or this one.
        InputError: the folder cannot be written.
    """
    path = Path(path)
    lock = SoftFileLock(path, timeout=SECONDS, poll_interval=SECONDS / 10)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise BusyError(_held(path)) from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def _held(path: Path) -> str:
    try:
        told = path.read_text(errors="replace").split()
    except OSError:  # released in the meantime
        told = []
    process, host = [*told, "?", "?"][:2]
    return (f"{path} is held by process {process:.20} on {host:.60}; if there is no such process, "
            "remove it")
