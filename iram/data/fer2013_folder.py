"""FER2013 as Kaggle's folders of pictures: `train/angry/Training_*.jpg`, `test/angry/*_*.jpg`.

`test/` holds PublicTest and PrivateTest together; which of them a face belongs to is read off
its file name. Where names don't say, train/ is taken as Training and test/ as PrivateTest.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from iram.data.cache import Decoded, cached
from iram.data.classes import canonical
from iram.data.dataset import Problem
from iram.data.fer2013_csv import CLASSES, ROLE_OF_USAGE, SIZE, USAGE_OF_WORD
from iram.data.pictures import (
    decode_pictures,
    files_in,
    is_picture,
    pictures_sha256,
    printable,
    subfolders,
)
from iram.errors import InputError, listing

USAGE_OF_FOLDER = {
    "train": "Training",
    "training": "Training",
    "val": "PublicTest",
    "validation": "PublicTest",
    "publictest": "PublicTest",
    "test": "PrivateTest",
    "privatetest": "PrivateTest",
}
USAGE_IN_NAME = re.compile(r"(training|publictest|privatetest)(?![a-z])", re.IGNORECASE)


def decoded_folder(root: Path) -> tuple[str, Decoded]:
    """The folder's SHA-256 and its faces, from the cache if they are there.

    Raises:
        InputError: no `train/` or `test/`, or a class folder that FER2013 doesn't have.
    """
    names = _names(root)
    source = pictures_sha256(root, names)
    return source, cached("fer2013-folder", source, lambda: _decode(root, names))


def _names(root: Path) -> list[str]:
    """Pictures as `train/angry/Training_1.jpg`."""
    splits = [name for name in subfolders(root) if name.lower() in USAGE_OF_FOLDER]
    if not splits:
        raise InputError(
            f"{root} has no train/ or test/ folder; FER2013 has train/angry/*.jpg and so on "
            "(write folder: for other pictures)"
        )
    names = []
    for split in splits:
        for label in subfolders(root / split):
            if canonical(label) not in CLASSES:
                raise InputError(
                    f"{root / split / label} is no class of FER2013: {listing(CLASSES)}"
                )
            found = files_in(root / split / label)
            names += [f"{split}/{label}/{name}" for name in found if is_picture(name)]
    if not names:
        raise InputError(f"{root} has no pictures in {', '.join(f'{s}/CLASS/' for s in splits)}")
    return names


def _decode(root: Path, names: list[str]) -> Decoded:
    images, good, problems = decode_pictures(root, names, SIZE, exact=True)
    rows = np.flatnonzero(good)
    chosen = [names[row] for row in rows]
    usages = [_usage(name) for name in chosen]
    frame = pd.DataFrame(
        {
            "image_id": [printable(name) for name in chosen],
            "usage": usages,
            "split": [ROLE_OF_USAGE[usage] for usage in usages],
            "row": rows,
            "label": [CLASSES.index(canonical(name.split("/")[1])) for name in chosen],
        }
    )
    return Decoded(images, frame, (*problems, *_unnamed(names)), len(names))


def _usage(name: str) -> str:
    folder, _, file = name.split("/")
    found = USAGE_IN_NAME.match(file)
    return USAGE_OF_WORD[found[1].lower()] if found else USAGE_OF_FOLDER[folder.lower()]


def _unnamed(names: list[str]) -> list[Problem]:
    """One problem if file names don't say which usage a face has."""
    unnamed = [name for name in names if not USAGE_IN_NAME.match(name.split("/")[2])]
    if not unnamed:
        return []
    message = (
        f"{len(unnamed):,} of {len(names):,} file names do not say Training, PublicTest or "
        f"PrivateTest, such as {printable(unnamed[0])}; train/ is taken as Training and test/ as "
        "PrivateTest"
    )
    return [Problem("", None, message, unusable=False)]
