"""Reading and writing files, local or by URL, so that nothing half-written is ever left."""

import codecs
import contextlib
import errno
import hashlib
import os
import platform
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from iram.errors import InputError, NotWrittenError
from iram.extras import install_hint
from iram.processes import runs


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def located(path: str | Path) -> Path:
    """The path; of a URL such as s3://bucket/runs one of fsspec's that acts like a local path.

    Raises:
        InputError: a URL whose kind needs a package that is not installed, or does not exist.
    """
    if not isinstance(path, str) or "://" not in path:
        return path if _is_remote(path) else Path(path)
    try:
        from upath import UPath
    except ImportError:
        raise InputError(f"{path}: a URL needs: {install_hint('remote')}") from None
    try:
        remote = UPath(path)
        remote.fs  # noqa: B018 - connects nowhere yet, but needs the package of its kind
    except (ImportError, ValueError) as error:
        raise InputError(f"{path}: {error}") from None
    return remote


def check_regular(path: str | Path) -> None:
    """Raises InputError for a pipe or a device, which can't be read twice and may never end, and
    OSError as `open` would."""
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{path} {NO_FILE}")


def unfetched(file: str | Path | bytes) -> str:
    """What is added to an error about a file (or how it begins) that stands where a download
    failed: empty, a web page, or the pointer which Git LFS leaves where a clone did not fetch it;
    of any other file, and of none, ""."""
    with contextlib.suppress(OSError):
        if not isinstance(file, bytes):
            with open(file, "rb") as opened:
                file = opened.read(BEGINNING)
            if not file:
                return "; it is empty"
        if file.startswith(POINTER):
            return "; it is a pointer of Git LFS: `git lfs pull` fetches the file itself"
        if file[:BEGINNING].removeprefix(codecs.BOM_UTF8).lstrip().lower().startswith(PAGES):
            return ("; it is a web page, as is saved where a download failed or wanted a login: "
                    "open it in a browser to see why")
    return ""


def _is_remote(path) -> bool:
    return hasattr(path, "fs")


NO_FILE = "is a pipe or a device; a file is needed here"
POINTER = b"version https://git-lfs"
PAGES = (b"<!doctype html", b"<html", b"<?xml")
BEGINNING = 256  # bytes; a page may begin with empty lines
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MODE = 0o666 & ~_umask()  # asked once: asking changes it for a moment, for all threads


def expanded(path: str | Path) -> Path:
    """The path, with `~` for the home folder; one of a user who is not known stays as it is, where
    pathlib's raises."""
    return Path(os.path.expanduser(path))


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path in the same folder, renamed to `path` when the block ends well.

    After an error the temporary file is removed and whatever stood at `path` is untouched. For a
    remote path the temporary one is local, and is sent when the block ends well; so it is for a
    device or a pipe. Of a link what it points at is written.

    Raises:
        NotWrittenError: the folder cannot be written, or the disk is full.
    """
    path = located(path)
    if _is_remote(path):
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / path.name
            _send(Path(folder) / path.name, path)
        return
    temporary = None
    try:
        path = _pointed_at(path)
        if _is_stream(path):
            with tempfile.TemporaryDirectory() as folder:
                yield Path(folder) / path.name
                path.write_bytes((Path(folder) / path.name).read_bytes())
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_suffix())
        os.close(handle)
        temporary = Path(name)
        yield temporary
        os.chmod(temporary, MODE)
        os.replace(temporary, path)
    except OSError as error:
        raise NotWrittenError(f"cannot write {path}: {_why_not(path, error)}") from error
    except Exception as error:
        if hidden := _no_room(error):
            raise NotWrittenError(f"cannot write {path}: {hidden.strerror}") from error
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _pointed_at(path: Path) -> Path:
    """The path; of a link what it points at, so that the link stays."""
    if path.is_symlink():
        path = Path(os.path.realpath(path))
        if path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return path


def _is_stream(path: Path) -> bool:
    """Whether it is a device or a pipe, such as /dev/stdout: written to, and never replaced."""
    return path.exists() and not (path.is_file() or path.is_dir())


def _why_not(path: Path, error: OSError) -> str:
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        for folder in reversed(path.parents):
            if os.path.lexists(folder) and not folder.is_dir():
                return f"{folder} is no folder"
    return error.strerror or str(error)


def _no_room(error: BaseException | None) -> OSError | None:
    """The full disk that made a library fail, which may have met another error as it cleaned up."""
    while error is not None and getattr(error, "errno", None) not in FULL:
        error = error.__context__
    return error


def _send(file: Path, path) -> None:
    """Under another name first, since not every kind of store shows only what is whole."""
    sent = path.with_name(f".{path.name}.{_suffix()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.fs.put_file(str(file), sent.path)
        path.fs.mv(sent.path, path.path)
    except Exception as error:  # each kind of store has errors of its own
        raise NotWrittenError(f"cannot write {path}: {error}") from error


def sweep(folder: str | Path) -> None:
    """Removes what processes of this machine left half-written in a folder when they were killed.

    Those of other machines that share the folder, and of processes that still run, stay.
    """
    for leftover in located(folder).rglob(".*.tmp"):
        machine, _, process = leftover.name.removesuffix(".tmp").rpartition("@")[2].partition("-")
        if machine == _machine() and process.isdigit() and not runs(int(process)):
            with contextlib.suppress(OSError):  # on a disk that can't be written, told as it is
                leftover.unlink(missing_ok=True)


def _suffix() -> str:
    return f".@{_machine()}-{os.getpid()}.tmp"


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def write_text(path: str | Path, text: str) -> None:
    """Writes `text` to `path` atomically, UTF-8 with Unix line ends."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with located(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
