"""Trees of pictures, `CLASS/*` or `SPLIT/CLASS/*`: which pictures there are, and what is not read.

The readers of FER2013's, RAF-DB's and any folders share this, so that all tell the same: links
that lead nowhere, files that are no pictures, pictures that lie where no class is, and folders
beside the splits.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from iram.data.dataset import Problem
from iram.data.entries import (
    Entries,
    count_pictures,
    entries,
    lost_links,
    not_read,
    shown_files,
    unread_note,
)
from iram.data.pictures import printable
from iram.data.splits import role_of
from iram.errors import InputError, listing

TABLES = (".csv", ".tsv", ".xlsx", ".xls", ".json", ".jsonl", ".parquet")


class Tree(NamedTuple):
    """A folder of pictures.

    Attributes:
        splits: the role of each split folder; none if the folder holds classes.
        folders: the names of the class folders, sorted, each once.
        names: pictures as `CLASS/x.png` or `SPLIT/CLASS/x.png`.
        problems: what is not read; files are named relative to the folder.
    """

    splits: dict[str, str]
    folders: list[str]
    names: list[str]
    problems: list[Problem]

    @property
    def parents(self) -> list[str]:
        """The folders that the pictures lie in."""
        return list(dict.fromkeys(name.rpartition("/")[0] for name in self.names))

    @property
    def folders_of(self) -> dict[str, list[str]]:
        """The class folders of each split that pictures lie in."""
        parents = [parent.split("/") for parent in self.parents] if self.splits else []
        return {split: [folder for own, folder in parents if own == split]
                for split in self.splits}


def read_tree(root: Path) -> Tree:
    """The pictures in a folder of classes, or of splits with classes.

    Raises:
        InputError: no folder, or one that can't be read.
    """
    top = entries(root)
    splits = {name: role for name in top.folders if (role := role_of(name))}
    found, problems = [], lost_links("", top.broken)
    if splits:
        problems += _beside(root, splits, [name for name in top.folders if name not in splits])
    problems += [*_stray("", top), *_tables("", top)]
    classes: dict[str, None] = {}
    for split in splits or ("",):
        inside = entries(root / split) if split else top
        if split:
            problems += [*lost_links(split, inside.broken), *_stray(split, inside),
                         *_tables(split, inside)]
        classes |= dict.fromkeys(inside.folders)
        found += [f"{split}/{name}" if split else name for name in inside.folders]
    names, unread = [], []
    for parent in found:
        inside = entries(root / parent)
        problems += lost_links(parent, inside.broken)
        names += [f"{parent}/{name}" for name in inside.pictures]
        unread += not_read(parent, inside)
        if not inside.pictures:
            problems.append(Problem(printable(parent), None, "no pictures", False))
    problems += unread_note([printable(name) for name in unread])
    return Tree(splits, sorted(classes), names, problems)


def _beside(root: Path, splits: Sequence[str], others: Sequence[str]) -> list[Problem]:
    """What is said of folders beside the splits that are no splits by their names."""
    counts = {name: count_pictures(root / name) for name in others}
    full = [name for name, count in counts.items() if count]
    problems = []
    if full:
        message = (
            f"split folders ({listing(splits)}) beside others ({listing(full)}) with "
            f"{sum(counts.values()):,} pictures, which are not read: use CLASS/* or SPLIT/CLASS/*, "
            "with splits called train, val and test"
        )
        problems.append(Problem("", None, printable(message)))
    if len(full) < len(others):
        empty = listing(name for name in others if name not in full)
        message = f"folders beside the splits, without pictures, are not read: {empty}"
        problems.append(Problem("", None, printable(message), unusable=False))
    return problems


def _stray(parent: str, inside: Entries) -> list[Problem]:
    """What is said of pictures that lie beside class folders."""
    if not inside.pictures or not inside.folders:
        return []
    where = printable(f"in {parent}/ " if parent else "")
    message = (f"{shown_files([printable(name) for name in inside.pictures])}, {where}beside the "
               "class folders, have no class and are not read")
    return [Problem("", None, message, unusable=False)]


def tables(inside: Entries) -> list[str]:
    """The files in a folder that may list labels, which no reader of folders takes."""
    return [printable(name) for name in inside.others if name.lower().endswith(TABLES)]


def _tables(parent: str, inside: Entries) -> list[Problem]:
    """What is said of them."""
    message = "not read: the class of a picture is the folder that it lies in"
    return [Problem(f"{printable(parent)}/{name}".lstrip("/"), None, message, unusable=False)
            for name in tables(inside) if inside.folders]


def lacking(root: Path, tree: Tree, class_of: Mapping[str, Hashable]) -> list[Problem]:
    """What is said of splits without pictures of a class that another split has.

    Args:
        class_of: the class of each class folder.

    Raises:
        InputError: two splits have no class in common, of two or more that each has.
    """
    own: dict[str, dict[Hashable, str]] = {}
    for split, folders in tree.folders_of.items():
        for folder in folders:
            own.setdefault(split, {}).setdefault(class_of[folder], folder)
    for one, other in combinations(own, 2):
        if min(len(own[one]), len(own[other])) > 1 and not own[one].keys() & own[other].keys():
            told = " and ".join(f"{split}/ ({listing(map(printable, own[split].values()))})"
                                for split in (one, other))
            raise InputError(f"{root}: {told} have no class in common: call a class the same in "
                             "both (of folder: by classes=FOLDER:NAME+FOLDER:NAME)")
    every = {key: folder for classes in own.values() for key, folder in classes.items()}
    return [Problem(printable(split), None, "no pictures of a class that another split has: "
                    f"{listing(printable(every[key]) for key in every if key not in classes)}",
                    False) for split, classes in own.items() if len(classes) < len(every)]


def within(root: Path, problems: Sequence[Problem]) -> list[Problem]:
    """The problems with the full names of their files."""
    return [replace(p, file=printable(str(root / p.file))) for p in problems]
