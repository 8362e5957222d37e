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

from iram.data.classes import is_expression
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
    names, unread, deeper = [], [], {}
    for parent in found:
        inside = entries(root / parent)
        problems += lost_links(parent, inside.broken)
        names += [f"{parent}/{name}" for name in inside.pictures]
        deeper |= {f"{parent}/{name}/": count for name in inside.folders
                   if (count := count_pictures(root / parent / name))}
        unread += not_read(parent, inside)
        if not inside.pictures:
            problems.append(Problem(printable(parent), None, "no pictures", False))
    problems += [*_deeper(deeper),
                 *unread_note([printable(name) for name in unread if name not in deeper])]
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


def _deeper(counts: Mapping[str, int]) -> list[Problem]:
    """What is said of pictures in folders of class folders, which are so many."""
    message = (f"{sum(counts.values()):,} pictures in folders of class folders, such as "
               f"{printable(next(iter(counts), ''))}, are not read: they must lie in the class "
               "folder itself")
    return [Problem("", None, message, unusable=False, assumed=True)] * bool(counts)


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
    missing = {split: [printable(folder) for key, folder in every.items() if key not in classes]
               for split, classes in own.items()}
    return [*_misnamed(own), *(
        Problem(printable(split), None,
                f"no pictures of a class that another split has: {listing(folders)}", False)
        for split, folders in missing.items() if folders)]


def _misnamed(own: Mapping[str, Mapping[Hashable, str]]) -> list[Problem]:
    """What is said of two splits that each have a class which the other lacks, where a name of
    these is none of an expression: it may be one class under two names."""
    problems = []
    for one, other in combinations(own, 2):
        alone = [{key: own[a][key] for key in own[a] if key not in own[b]}
                 for a, b in ((one, other), (other, one))]
        strange = [key for side in alone for key in side
                   if isinstance(key, str) and not is_expression(key)]
        if all(alone) and strange:
            here, there = (listing(map(printable, side.values())) for side in alone)
            one, other = printable(one), printable(other)
            problems.append(Problem("", None, (
                f"{one}/ has {here}, which {other}/ lacks, and that has {there}, which {one}/ "
                "lacks: they are taken for different classes; if they are one, call it the same in "
                "both, or write classes=FOLDER:NAME+FOLDER:NAME"),
                unusable=False, assumed=True))
    return problems


def within(root: Path, problems: Sequence[Problem]) -> list[Problem]:
    """The problems with the full names of their files."""
    return [replace(p, file=printable(str(root / p.file))) for p in problems]
