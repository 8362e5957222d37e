"""RAF-DB's files: by the list of labels as it is handed out, or in folders by split and class."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from iram.data.archives import text_lines
from iram.data.classes import canonical
from iram.data.dataset import Problem
from iram.data.entries import entries, lost_links, not_read, unread_note
from iram.data.other_layouts import deeper
from iram.data.pictures import printable, tenth
from iram.data.tree import Tree, lacking, read_tree
from iram.errors import InputError, listing

CLASSES = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
PICTURES = "Image/aligned"
LABELS = "EmoLabel/list_patition_label.txt"  # spelt so by its authors
LINE = re.compile(r"(?P<name>(?P<usage>train|test)_\d+)(_aligned)?\.jpg\s+(?P<label>\S+)")
NAME = re.compile(r"(?P<name>(train|test)_\d+)(_aligned)?\.\w+", re.IGNORECASE)


class Face(NamedTuple):
    """A face: its row of metadata, and its file relative to the data set's folder."""

    image_id: str
    usage: str
    split: str
    row: int
    label: int
    file: str


class Listed(NamedTuple):
    """The faces, what is wrong with the other lines or files, and how many there are in all."""

    faces: list[Face]
    problems: list[Problem]
    total: int


class Files(NamedTuple):
    """A layout of RAF-DB.

    Attributes:
        root: the folder that holds it.
        hashed: the files that its faces are known by.
        unread: what is passed over.
        listed: reads the labels; only asked for if the faces aren't in the cache.
    """

    root: Path
    hashed: list[str]
    unread: list[Problem]
    listed: Callable[[], Listed]


def by_list(folder: Path) -> Files | None:
    """The official layout, None if the folder doesn't have it."""
    for root in (folder / "basic", folder):
        if (root / PICTURES).is_dir() and (root / LABELS).is_file():
            inside = entries(root / PICTURES)
            found = inside.pictures
            hashed = [LABELS, *(f"{PICTURES}/{name}" for name in found)]
            unread = [*lost_links(PICTURES, inside.broken),
                      *unread_note(not_read(PICTURES, inside))]
            return Files(root, hashed, unread, partial(_labels, root, set(found)))
    return None


def by_folders(folder: Path) -> Files:
    """The faces in folders by split and class, which are called 1 to 7 or by name.

    Raises:
        InputError: neither this nor the official layout.
    """
    entries(folder)  # says if there is none
    for root in (folder / "DATASET", folder):
        tree = read_tree(root) if root.is_dir() else None
        if tree and tree.splits and tree.names:
            labels = {name: _number(name) for name in tree.folders}
            wrong = [parent for parent in tree.parents if labels[parent.split("/")[1]] is None]
            if wrong:
                raise InputError(f"{root / wrong[0]} is no class of RAF-DB: 1 to 7, or "
                                 f"{listing(CLASSES)}")
            told = [*tree.problems, *lacking(root, tree, labels)]
            return Files(root, tree.names, told, partial(_in_folders, tree, labels))
    raise InputError(
        f"{folder} is not RAF-DB's layout: basic/{PICTURES}/ and basic/{LABELS} are needed, or "
        f"train/1 to train/7 and test/1 to test/7 (classes by name do as well){deeper(folder)}"
    )


def _number(folder: str) -> int | None:
    """The label, 0 to 6, that a class folder stands for."""
    name = canonical(folder)
    if name in CLASSES:
        return CLASSES.index(name)
    return int(name) - 1 if re.fullmatch("[1-7]", name) else None


def _in_folders(tree: Tree, labels: dict[str, int]) -> Listed:
    faces, problems, seen = [], [], {}
    for row, file in enumerate(tree.names):
        split, label, name = file.split("/")
        match = NAME.fullmatch(name)
        image_id = match["name"].lower() if match else printable(file)
        if image_id in seen:
            message = f"{image_id} is also {seen[image_id]}; that one is taken"
            problems.append(Problem(printable(file), None, message))
            continue
        seen[image_id] = printable(file)
        role = tree.splits[split]
        held_out = "validation" not in tree.splits.values() and role == "train"
        usage = "validation" if held_out and tenth(image_id) == 0 else role
        faces.append(Face(image_id, usage, usage, row, labels[label], file))
    return Listed(faces, problems, len(tree.names))


def _labels(root: Path, found: set[str]) -> Listed:
    """The usable lines of the label file, what is wrong with the others, and how many there are."""
    faces, problems, seen, given, total = [], [], set(), set(), 0
    with text_lines(root / LABELS) as lines:
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            match = LINE.fullmatch(text.strip())
            given.add(match["label"] if match else None)
            message = _line_problem(text.strip(), match, found, seen)
            if message:
                problems.append(Problem(LABELS, number, message))
            else:
                seen.add(match["name"])
                faces.append(_face(match, total))
            total += 1
    if not total:
        raise InputError(f"{root / LABELS} is empty; lines such as 'train_00001.jpg 5' are needed")
    if "0" in given and "7" not in given:
        raise InputError(f"{root / LABELS}: its labels run from 0, RAF-DB's from 1 (surprise) to 7 "
                         "(neutral): each face would be taken for another class; write RAF-DB's "
                         "numbers")
    unlisted = found - {Path(face.file).name for face in faces}
    if unlisted:
        message = f"{len(unlisted):,} pictures without a usable label, such as {min(unlisted)}"
        problems.append(Problem(PICTURES, None, printable(message), unusable=False))
    return Listed(faces, problems, total)


def _line_problem(text: str, match: re.Match | None, found: set, seen: set) -> str | None:
    if not match:
        return f"'{text[:60]}' where a line such as 'train_00001.jpg 5' is needed"
    if match["label"] not in "1234567" or len(match["label"]) != 1:
        return f"label '{match['label'][:40]}' where 1 to 7 is needed"
    if match["name"] in seen:
        return f"{match['name']} stands in the file twice; the first line is taken"
    if f"{match['name']}_aligned.jpg" not in found:
        return f"there is no picture {PICTURES}/{match['name']}_aligned.jpg"
    return None


def _face(match: re.Match, row: int) -> Face:
    name = match["name"]
    held_out = match["usage"] == "train" and tenth(name) == 0
    split = "validation" if held_out else match["usage"]
    file = f"{PICTURES}/{name}_aligned.jpg"
    return Face(name, split, split, row, int(match["label"]) - 1, file)
