"""RAF-DB, the basic emotions (Li, Deng & Du, CVPR 2017; Li & Deng, IEEE TIP 2019).

Input: 100 x 100 aligned faces from the web, colour, read as gray.
Label: 0-6 = surprise, fear, disgust, happy, sad, angry, neutral (1-7 in the file).
Splits: train (12,271) and test (3,068). It has no validation split, so a fixed tenth of train is
held out for choosing: the faces whose name (`train_00001`) has a SHA-256 whose first 12 hexadecimal
digits leave no remainder modulo 10.
Files: `basic/Image/aligned/*_aligned.jpg` and `basic/EmoLabel/list_patition_label.txt`.
Licence: on request, for non-commercial research; may not be passed on.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from iram.data import ran_lists as lists
from iram.data.archives import text_lines
from iram.data.cache import Decoded, cached
from iram.data.dataset import DATASETS, FaceDataset, Problem
from iram.data.pictures import (
    check_size_option,
    decode_pictures,
    files_in,
    identity_sha256,
    is_picture,
    pictures_sha256,
    printable,
    tenth,
)
from iram.errors import InputError

CLASSES = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
LICENCE = "RAF-DB: non-commercial research, on request from its authors; may not be passed on"
PICTURES = "Image/aligned"
SIZE = 100  # of the aligned faces
LABELS = "EmoLabel/list_patition_label.txt"  # spelt so by its authors
LINE = re.compile(r"(?P<name>(?P<usage>train|test)_\d+)(_aligned)?\.jpg\s+(?P<label>\S+)")


@DATASETS.register("rafdb", title="RAF-DB")
def open_rafdb(location: str, *, size: int = SIZE, ran_lists: str = "") -> FaceDataset:
    """Opens RAF-DB's official layout.

    Args:
        location: the folder that holds `basic/`, or `basic/` itself.
        size: height and width to resize to; 100 keeps the pixels as they are.
        ran_lists: folder of the lists of occluded and turned test faces, which give metadata
            `real_occlusion`, `pose_30` and `pose_45` (`iram.data.ran_lists`).

    Returns:
        A data set whose `usage` is train (without the held-out tenth), validation or test.

    Raises:
        InputError: a missing folder or label file, no picture, or an impossible size.
    """
    check_size_option(size)
    root = _root(Path(location))
    found = [name for name in files_in(root / PICTURES) if is_picture(name)]
    source = pictures_sha256(root, [LABELS, *(f"{PICTURES}/{name}" for name in found)])
    decoded = cached("rafdb", source, lambda: _decode(root, set(found), size), size=size)
    dataset = FaceDataset(
        name="rafdb",
        classes=CLASSES,
        labels=decoded.frame["label"],
        metadata=decoded.frame.drop(columns="label"),
        size=size,
        pixels=decoded.pixels,
        licence=LICENCE,
        sha256=identity_sha256(source, size=size if size != SIZE else None),
        problems=decoded.problems_in(root),
    )
    if ran_lists:
        dataset.metadata, problems = lists.add_flags(
            dataset.metadata,
            dataset.metadata["image_id"],
            decoded.frame["label"].to_numpy(),
            CLASSES,
            ran_lists,
            lists.RAFDB,
        )
        dataset.problems += problems
    return dataset


def _root(folder: Path) -> Path:
    """The folder that holds Image/ and EmoLabel/."""
    for root in (folder / "basic", folder):
        if (root / PICTURES).is_dir() and (root / LABELS).is_file():
            return root
    raise InputError(
        f"{folder} is not RAF-DB's layout: basic/{PICTURES}/ and basic/{LABELS} are needed"
    )


def _decode(root: Path, found: set[str], size: int) -> Decoded:
    lines, problems, total = _labels(root, found)
    names = [f"{PICTURES}/{line['file']}" for line in lines]
    images, good, damaged = decode_pictures(root, names, size)
    frame = pd.DataFrame([line for line, whole in zip(lines, good, strict=True) if whole],
                         columns=["image_id", "usage", "split", "row", "label"])
    frame = frame.astype({"row": np.int64, "label": np.int64})
    unlisted = found - {line["file"] for line in lines} - {p.file for p in problems}
    if unlisted:
        message = f"{len(unlisted):,} pictures without a usable label, such as {min(unlisted)}"
        problems.append(Problem(PICTURES, None, printable(message), unusable=False))
    return Decoded(images, frame, (*problems, *damaged), total)


def _labels(root: Path, found: set[str]) -> tuple[list[dict], list[Problem], int]:
    """The usable lines of the label file, what is wrong with the others, and how many there are."""
    faces, problems, seen, total = [], [], set(), 0
    with text_lines(root / LABELS) as lines:
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            match = LINE.fullmatch(text.strip())
            message = _line_problem(text.strip(), match, found, seen)
            if message:
                problems.append(Problem(LABELS, number, message))
            else:
                seen.add(match["name"])
                faces.append(_face(match, total))
            total += 1
    if not total:
        raise InputError(f"{root / LABELS} is empty; lines such as 'train_00001.jpg 5' are needed")
    return faces, problems, total


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


def _face(match: re.Match, row: int) -> dict:
    name = match["name"]
    held_out = match["usage"] == "train" and tenth(name) == 0
    split = "validation" if held_out else match["usage"]
    return {
        "image_id": name,
        "usage": split,
        "split": split,
        "row": row,
        "label": int(match["label"]) - 1,
        "file": f"{name}_aligned.jpg",
    }
