"""FER2013 as folders of pictures: `train/angry/Training_*.jpg`, `test/angry/*_*.jpg`, and any usual
names of splits and classes (also FER2013's numbers, 0 to 6).

In Kaggle's folders `test/` holds PublicTest and PrivateTest together; which of them a face belongs
to is read off its file name. Where names don't say, the split's folder does: training is Training,
validation PublicTest, test PrivateTest.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from iram.data.cache import Decoded, cached
from iram.data.classes import canonical
from iram.data.dataset import Problem
from iram.data.fer2013_csv import CLASSES, ROLE_OF_USAGE, SIZE, USAGE_OF_ROLE, USAGE_OF_WORD
from iram.data.other_layouts import deeper, other_layout
from iram.data.pictures import decode_pictures, pictures_sha256, printable
from iram.data.tree import Tree, lacking, read_tree
from iram.errors import InputError, listing

USAGE_IN_NAME = re.compile(r"(training|publictest|privatetest)(?![a-z])", re.IGNORECASE)


def decoded_folder(root: Path) -> tuple[str, Decoded, list[Problem]]:
    """The folder's SHA-256, its faces, from the cache if they are there, and what isn't read.

    Raises:
        InputError: no split folder, or a class folder that FER2013 doesn't have.
    """
    tree = read_tree(root)
    if not tree.splits:
        elsewhere = other_layout(root)
        raise InputError(
            f"{root} {elsewhere}" if elsewhere else
            f"{root} has no train/ or test/ folder; FER2013 has train/angry/*.jpg and so on "
            f"(write folder: for other pictures){deeper(root)}"
        )
    labels = {folder: _label(folder) for folder in tree.folders}
    for parent in tree.parents:
        if labels[parent.split("/")[1]] is None:
            raise InputError(f"{root / parent} is no class of FER2013: {listing(CLASSES)}")
    if not tree.names:
        places = listing(f"{split}/CLASS/" for split in tree.splits)
        raise InputError(f"{root} has no pictures in {places}")
    source = pictures_sha256(root, tree.names)
    decoded = cached("fer2013-folder", source, lambda: _decode(root, tree, labels))
    return source, decoded, [*tree.problems, *lacking(root, tree, labels)]


def _label(folder: str) -> int | None:
    name = canonical(folder)
    if name in CLASSES:
        return CLASSES.index(name)
    return int(name) if re.fullmatch("[0-6]", name) else None


def _decode(root: Path, tree: Tree, labels: dict[str, int]) -> Decoded:
    images, good, problems = decode_pictures(root, tree.names, SIZE, exact=True)
    rows = np.flatnonzero(good)
    chosen = [tree.names[row] for row in rows]
    usages = [_usage(name, tree.splits) for name in chosen]
    frame = pd.DataFrame(
        {
            "image_id": [printable(name) for name in chosen],
            "usage": usages,
            "split": [ROLE_OF_USAGE[usage] for usage in usages],
            "row": rows,
            "label": [labels[name.split("/")[1]] for name in chosen],
        }
    )
    return Decoded(images, frame, (*problems, *_unnamed(tree)), len(tree.names))


def _usage(name: str, splits: dict[str, str]) -> str:
    folder, _, file = name.split("/")
    found = USAGE_IN_NAME.match(file)
    return USAGE_OF_WORD[found[1].lower()] if found else USAGE_OF_ROLE[splits[folder]]


def _unnamed(tree: Tree) -> list[Problem]:
    """One problem if file names don't say which usage a face has."""
    unnamed = [name for name in tree.names if not USAGE_IN_NAME.match(name.split("/")[2])]
    if not unnamed:
        return []
    taken = listing(f"{split}/ is taken as {USAGE_OF_ROLE[role]}"
                    for split, role in tree.splits.items())
    message = (
        f"{len(unnamed):,} of {len(tree.names):,} file names do not say Training, PublicTest or "
        f"PrivateTest, such as {printable(unnamed[0])}; {taken}"
    )
    return [Problem("", None, message, unusable=False)]
