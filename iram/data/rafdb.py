"""RAF-DB, the basic emotions (Li, Deng & Du, CVPR 2017; Li & Deng, IEEE TIP 2019).

Input: 100 x 100 aligned faces from the web, colour; read as gray, and in colour for nets
that take RGB.
Label: 0-6 = surprise, fear, disgust, happy, sad, angry, neutral (1-7 in the file).
Splits: train (12,271) and test (3,068). It has no validation split, so a fixed tenth of train is
held out for choosing: the faces whose name (`train_00001`) has a SHA-256 whose first 12 hexadecimal
digits leave no remainder modulo 10.
Files: `basic/Image/aligned/*_aligned.jpg` and `basic/EmoLabel/list_patition_label.txt`, or folders
by split and class (`DATASET/train/1/train_00001_aligned.jpg`, classes by number or name).
Licence: on request, for non-commercial research; may not be passed on.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from iram.data import ran_lists as lists
from iram.data.cache import Decoded, cached, in_colour
from iram.data.dataset import DATASETS, FaceDataset
from iram.data.pictures import (
    check_size_option,
    decode_pictures,
    identity_sha256,
    pictures_sha256,
)
from iram.data.rafdb_files import CLASSES, Files, by_folders, by_list
from iram.data.tree import within

LICENCE = "RAF-DB: non-commercial research, on request from its authors; may not be passed on"
SIZE = 100  # of the aligned faces


@DATASETS.register("rafdb", title="RAF-DB")
def open_rafdb(location: str, *, size: int = SIZE, ran_lists: str = "") -> FaceDataset:
    """Opens RAF-DB's official layout, or its faces in folders by split and class.

    Args:
        location: the folder that holds `basic/` or `DATASET/`, or one of these itself.
        size: height and width to resize to; 100 keeps the pixels as they are.
        ran_lists: folder of the lists of occluded and turned test faces, which give metadata
            `real_occlusion`, `pose_30` and `pose_45` (`iram.data.ran_lists`).

    Returns:
        A data set whose `usage` is train (without the held-out tenth), validation or test.

    Raises:
        InputError: a missing folder or label file, no picture, or an impossible size.
    """
    check_size_option(size)
    folder = Path(location)
    files = by_list(folder) or by_folders(folder)
    source = pictures_sha256(files.root, files.hashed)
    decoded = cached("rafdb", source, lambda: _decode(files, size), size=size)
    dataset = FaceDataset(
        name="rafdb",
        classes=CLASSES,
        labels=decoded.frame["label"],
        metadata=decoded.frame.drop(columns="label"),
        size=size,
        pixels=decoded.pixels,
        colours=partial(_colours, source, files, size),
        licence=LICENCE,
        sha256=identity_sha256(source, size=size if size != SIZE else None),
        problems=[*decoded.problems_in(files.root), *within(files.root, files.unread)],
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


def _colours(source: str, files: Files, size: int) -> np.ndarray | None:
    """(n, size, size, 3) of the same faces, None if all are gray."""
    found = cached("rafdb-colour", source, lambda: in_colour(_decode(files, size, colour=True)),
                   size=size).pixels
    return found if len(found) else None


def _decode(files: Files, size: int, colour: bool = False) -> Decoded:
    listed = files.listed()
    images, good, damaged = decode_pictures(files.root, [face.file for face in listed.faces], size,
                                            colour=colour)
    columns = ["image_id", "usage", "split", "row", "label"]
    frame = pd.DataFrame(
        [face[: len(columns)] for face, whole in zip(listed.faces, good, strict=True) if whole],
        columns=columns,
    ).astype({"row": np.int64, "label": np.int64})
    return Decoded(images, frame, (*listed.problems, *damaged), listed.total)
