"""Which photographs are meant, and what their results are called."""

import os
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from iram.data.entries import SUFFIXES, entries, is_picture, shown_files
from iram.data.pictures import printable, storable
from iram.errors import InputError, listing

LONGEST_NAME = 50  # letters: file systems take 255 bytes, of which a letter may take four


class Photograph(NamedTuple):
    """A file to look at.

    Attributes:
        path: as it was given, or the folder that was given / its name.
        name: of its results, unlike that of any other photograph.
    """

    path: Path
    name: str


def photographs(paths: Sequence[Path]) -> list[Photograph]:
    """The files, and of folders the pictures in them (`iram.data.entries` says which, not in
    sub-folders), in the order given and each once. Links that lead nowhere are among them: reading
    them says so.

    Results are named by the file without its suffix, where that is one file's alone, else with its
    suffix, else by a number as well.

    Raises:
        InputError: a folder that can't be read, or without pictures.
    """
    files = [file for path in paths for file in (_pictures_in(path) if path.is_dir() else [path])]
    once: dict[str, Path] = {}
    for file in files:
        once.setdefault(os.path.realpath(file), file)
    named = zip(once.values(), _names(list(once.values())), strict=True)
    return [Photograph(path, name) for path, name in named]


def passed_over(paths: Sequence[Path]) -> list[str]:
    """What of the folders among these is no photograph and is not looked at: a line each."""
    told = []
    for folder in filter(Path.is_dir, paths):
        inside = entries(folder)
        lines = []
        if inside.others:
            lines.append(f"{shown_files(inside.others)}, not read: no picture by name or content")
        lines += [f"{name} is a link to {target}, which does not exist"
                  for name, target in inside.broken.items() if not is_picture(name)]
        if inside.folders:
            count = len(inside.folders)
            lines.append(f"{count:,} folder{'s' * (count > 1)}, such as {inside.folders[0]}, not "
                         "looked into")
        told += [printable(f"{folder}: {line}") for line in lines]
    return told


def _pictures_in(folder: Path) -> list[Path]:
    inside = entries(folder)
    pictures = sorted([*inside.pictures, *filter(is_picture, inside.broken)])
    if not pictures:
        raise InputError(f"{folder} has no pictures ({listing(SUFFIXES, 30)}); folders in it are "
                         "not looked into, name them instead")
    return [folder / name for name in pictures]


def _names(files: Sequence[Path]) -> list[str]:
    """One name each, different without regard to case too, as some file systems have none."""
    stems = [_shown(file.stem) for file in files]
    often = Counter(stem.lower() for stem in stems)
    names, taken = [], set()
    for file, stem in zip(files, stems, strict=True):
        base = _shown(file.name) if often[stem.lower()] > 1 else stem
        numbered = (base if k == 1 else f"{base}~{k}" for k in count(1))
        names.append(next(name for name in numbered if name.lower() not in taken))
        taken.add(names[-1].lower())
    return names


def _shown(name: str) -> str:
    """The name as one line of text that is a file's name on every system, not too long to have more
    added."""
    shown = (c if c.isprintable() and c != "\\" else "�" for c in storable(name))
    return "".join(shown)[:LONGEST_NAME]
