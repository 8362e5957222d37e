"""What a folder holds: which of its files are read as pictures, and what is passed over.

The rule is here alone, for every reader and for photographs. A file is taken for a picture if its
name ends as a picture's does (`SUFFIXES`), or has no suffix and begins with a picture's first
bytes. Pictures of kinds that aren't read (`UNREAD`) are among them, so that the decoder says what
they are. Hidden files and folders (a dot before the name, `__MACOSX`) are passed over in silence;
other files, and links that lead nowhere, are named.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from iram.data.dataset import Problem
from iram.data.images import STARTS
from iram.errors import InputError

SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".webp", ".bmp",
    ".dib", ".gif", ".tif", ".tiff", ".pgm", ".ppm", ".pbm", ".pnm",
)
UNREAD = (
    ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".j2k", ".psd", ".svg", ".exr", ".hdr",
    ".tga", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".rw2", ".orf",
)


class Entries(NamedTuple):
    """What a folder holds, each sorted.

    Attributes:
        pictures: names of the files to be read; links that lead nowhere are not among them.
        folders: names of the sub-folders.
        broken: what each link that leads nowhere points to.
        others: names of the files that are no pictures.
    """

    pictures: list[str]
    folders: list[str]
    broken: dict[str, str]
    others: list[str]


def entries(folder: Path) -> Entries:
    """What the folder holds; see the module for the rule.

    Raises:
        InputError: no folder, or one that can't be read.
    """
    found = Entries([], [], {}, [])
    try:
        with os.scandir(folder) as inside:
            for entry in sorted(inside, key=lambda entry: entry.name):
                if not entry.name.startswith((".", "__MACOSX")):
                    _sort(entry, found)
    except FileNotFoundError:
        raise InputError(f"there is no folder {folder}") from None
    except NotADirectoryError:
        raise InputError(f"{folder} is a file; a folder is needed here") from None
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror}") from None
    return found


def is_picture(name: str) -> bool:
    """Whether a file's name ends as a picture's does."""
    return name.lower().endswith((*SUFFIXES, *UNREAD))


def lost_links(parent: str, broken: dict[str, str]) -> list[Problem]:
    """A problem for each link that leads nowhere; unusable where a picture or a folder is lost.

    Args:
        parent: of the links, relative to the data set's folder, "" for that itself.
    """
    return [
        Problem("/".join(filter(None, (parent, name))), None,
                f"is a link to {target}, which does not exist",
                unusable=is_picture(name) or not os.path.splitext(name)[1])
        for name, target in broken.items()
    ]


def not_read(parent: str, inside: Entries) -> list[str]:
    """The files and folders in it that are not read, as paths from the data set's folder."""
    return [f"{parent}/{name}" for name in inside.others] + [
        f"{parent}/{name}/" for name in inside.folders]


def unread_note(names: Sequence[str]) -> list[Problem]:
    """What is said of files and folders that are not read: one line for all, if there are any."""
    message = f"{len(names):,} files or folders are not read, such as {''.join(names[:1])}"
    return [Problem("", None, message, unusable=False)] * bool(names)


def count_pictures(folder: Path) -> int:
    """How many pictures lie in a folder and all folders in it, by their names."""
    return sum(is_picture(name) for _, _, files in os.walk(folder) for name in files)


def shown_files(names: Sequence[str]) -> str:
    """So many files, and the first of them."""
    return f"{len(names):,} file{'s' * (len(names) != 1)}, such as {names[0]}"


def _sort(entry: os.DirEntry, found: Entries) -> None:
    if entry.is_symlink():
        try:
            entry.stat()
        except OSError:  # nothing there, or links in a circle
            found.broken[entry.name] = os.readlink(entry.path)
            return
    if entry.is_dir():
        found.folders.append(entry.name)
    elif entry.is_file() and (is_picture(entry.name) or _begins_as_one(entry)):
        found.pictures.append(entry.name)
    else:
        found.others.append(entry.name)


def _begins_as_one(entry: os.DirEntry) -> bool:
    if os.path.splitext(entry.name)[1]:
        return False
    try:
        with open(entry.path, "rb") as file:
            start = file.read(12)
    except OSError:
        return False
    return start.startswith(STARTS) or (start[:4] == b"RIFF" and start[8:] == b"WEBP")
