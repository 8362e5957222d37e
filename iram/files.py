"""Reading and writing files so that nothing half-written is ever left."""

import contextlib
import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

from iram.errors import InputError


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


MODE = 0o666 & ~_umask()  # asked once: asking changes it for a moment, for all threads


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path in the same folder, renamed to `path` when the block ends well.

    After an error the temporary file is removed and whatever stood at `path` is untouched.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_suffix())
        os.close(handle)
        temporary = Path(name)
        yield temporary
        os.chmod(temporary, MODE)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def sweep(folder: str | Path) -> None:
    """Removes what processes of this machine left half-written in a folder when they were killed.

    Those of other machines that share the folder, and of processes that still run, stay.
    """
    for leftover in Path(folder).rglob(".*.tmp"):
        machine, _, process = leftover.name.removesuffix(".tmp").rpartition("@")[2].partition("-")
        if machine == _machine() and process.isdigit() and not _runs(int(process)):
            leftover.unlink(missing_ok=True)


def _suffix() -> str:
    return f".@{_machine()}-{os.getpid()}.tmp"


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def write_text(path: str | Path, text: str) -> None:
    """Writes `text` to `path` atomically, UTF-8 with Unix line ends."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
