"""A lock file, so that two processes never work on the same thing."""

import contextlib
import hashlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from iram.errors import InputError

_HELD: set[str] = set()  # by this process: its own number in a file can also be a dead one's


class BusyError(InputError):
    """Another process holds the lock."""


@contextlib.contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Holds the lock file at `path` inside the block; it is removed after it, errors included.

    The file says which process made it, on which host. One that a killed process left behind on
    this host is taken over; whether a process on another host still lives can't be seen from
    here, so such a file has to be removed by hand. One that is another's in the end, since the own
    was removed by hand, stays.

    Raises:
        BusyError: another process holds it.
        InputError: the folder cannot be written.
    """
    path, mine = Path(path), f"{os.getpid()} {socket.gethostname()} {uuid4().hex}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while not _created(path, mine):
            _remove_if_stale(path, mine)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    _HELD.add(mine)
    try:
        yield
    finally:
        _HELD.discard(mine)
        with contextlib.suppress(FileNotFoundError):
            if path.read_text(errors="replace") == mine:  # removed by hand, it may be another's
                path.unlink()


def _created(path: Path, text: str) -> bool:
    """False if the file is there already."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)
    return True


def _remove_if_stale(path: Path, mine: str) -> None:
    try:
        owner = path.read_text(errors="replace")
    except FileNotFoundError:
        return  # released in the meantime
    claim = path.with_name(f"{path.name}.{hashlib.sha256(owner.encode()).hexdigest()[:16]}")
    # Several processes may see the same dead owner. The one that makes the claim on this very
    # owner looks again and removes; a later one finds the new owner's name in the lock.
    if _alive(owner) or not _created(claim, mine):
        process, host = [*owner.split(), "?", "?"][:2]
        raise BusyError(
            f"{path} is held by process {process:.20} on {host:.60}; if there is no such process, "
            "remove it"
        )
    try:
        if path.read_text(errors="replace") == owner:
            path.unlink()
    except FileNotFoundError:
        pass
    finally:
        claim.unlink(missing_ok=True)


def _alive(owner: str) -> bool:
    """False only if it is certain that the process is gone."""
    process, host = [*owner.split(), "", ""][:2]
    if host != socket.gethostname() or os.name != "posix" or not re.fullmatch("[0-9]+", process):
        return True
    if process == str(os.getpid()):
        return owner in _HELD
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError, ValueError):  # another user's; or no number of a process
        return True
    return True
