"""Folders of pictures: which there are, what they hash to, and decoding all of them."""

import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np

from iram.data.cache import remembered
from iram.data.dataset import Problem
from iram.data.images import read_image, resized
from iram.errors import InputError
from iram.files import sha256

SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm",
)
LARGEST_SIZE = 1024
SETTLED = 2.0  # seconds: a file this young may change again without its time of change showing it


def subfolders(folder: Path) -> list[str]:
    """Names of the sub-folders, sorted; hidden ones and `__MACOSX` are left out."""
    return _names(folder, lambda entry: entry.is_dir())


def files_in(folder: Path) -> list[str]:
    """Names of the files, sorted; hidden ones (`.DS_Store`, `._face.jpg`) are left out."""
    return _names(folder, lambda entry: entry.is_file())


def is_picture(name: str) -> bool:
    """Whether a file's name ends as a picture's does."""
    return name.lower().endswith(SUFFIXES)


def check_size_option(size: int) -> int:
    """The option `size`, if it can be had."""
    if not 8 <= size <= LARGEST_SIZE:
        raise InputError(f"size={size}: 8 to {LARGEST_SIZE} pixels are possible")
    return size


def pictures_sha256(root: Path, names: list[str]) -> str:
    """SHA-256 over the names and contents of files, in the order given.

    Reading thousands of small files takes seconds, so the answer is remembered for as long as
    every name, size, time of change and time of status change (which no program can set back)
    stays the same. Files changed in the last two seconds are always read.
    """
    stamp, newest = hashlib.sha256(os.fsencode(root.resolve())), 0.0
    for name in names:
        status = _stat(f"{root}/{name}")  # text: making 36,000 paths would take half the time
        times = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        stamp.update(os.fsencode(name) + f"\0{times}\0".encode())
        newest = max(newest, status.st_mtime, status.st_ctime)
    if newest > time.time() - SETTLED:
        return _content_sha256(root, names)
    return remembered("pictures", stamp.hexdigest(), lambda: _content_sha256(root, names))


def identity_sha256(source_sha256: str, **settings) -> str:
    """What faces are known by that were made of a source with these settings: None is the default,
    and the source's own SHA-256 if all are."""
    chosen = {name: value for name, value in settings.items() if value is not None}
    if not chosen:
        return source_sha256
    return hashlib.sha256(json.dumps([source_sha256, chosen], sort_keys=True).encode()).hexdigest()


def as_it_is(gray: np.ndarray) -> np.ndarray:
    """The whole picture."""
    return gray


def decode_pictures(
    root: Path, names: list[str], size: int, exact: bool = False, face=as_it_is
) -> tuple[np.ndarray, np.ndarray, list[Problem]]:
    """Gray pictures of the files of a folder.

    Args:
        exact: refuse pictures that are not `size` x `size` instead of resizing them.
        face: what to take of each picture (H, W); may raise InputError with what is wrong.

    Returns:
        (n, size, size) uint8 images of the readable files, a boolean mask of length
        `len(names)` that says which these are, and a problem for each other file.
    """
    images = np.zeros((len(names), size, size), dtype=np.uint8)
    good, problems = np.zeros(len(names), dtype=bool), []
    for place, name in enumerate(names):
        try:
            gray = face(read_image(root / name))
        except InputError as error:
            message = str(error).removeprefix(str(root / name)).strip()
            problems.append(Problem(printable(name), None, message))
            continue
        if exact and gray.shape != (size, size):
            found = f"{gray.shape[1]} x {gray.shape[0]} pixels where {size} x {size} are needed"
            problems.append(Problem(printable(name), None, f"{found}; `folder:` resizes"))
            continue
        images[place], good[place] = resized(gray, size), True
    return images[good], good, problems


def printable(name: str) -> str:
    """A file name as text that can be printed and stored: bytes that are no UTF-8 become �."""
    return os.fsencode(name).decode("utf-8", "replace")


def tenth(name: str) -> int:
    """0 to 9, by a hash of the name: a tenth of the faces each, the same on every machine."""
    return int(hashlib.sha256(os.fsencode(name)).hexdigest()[:12], 16) % 10


def _names(folder: Path, wanted) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if not entry.name.startswith((".", "__MACOSX")) and wanted(entry)
            )
    except FileNotFoundError:
        raise InputError(f"there is no folder {folder}") from None
    except NotADirectoryError:
        raise InputError(f"{folder} is a file; a folder is needed here") from None
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror}") from None


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _content_sha256(root: Path, names: list[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        try:
            content = sha256(root / name)
        except OSError as error:
            raise InputError(f"cannot read {root / name}: {error.strerror}") from None
        digest.update(os.fsencode(name) + f"\0{content}\0".encode())
    return digest.hexdigest()
