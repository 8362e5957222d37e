"""Any folder of faces with one sub-folder per class.

Input: pictures of any size, gray or colour, PNG, JPEG, WebP, BMP, TIFF, PGM or GIF (the first
frame); read as gray, the central square resized; with `faces=auto` the largest face.
Label: the class folders in alphabetical order, under the names they have.
Splits: `train/happy/*`, `val/...`, `test/...` where there are such folders. If train/ has no
val/ beside it, a fixed tenth of it is held out as validation. Where there are only classes, a
fixed tenth is test, another validation and the rest train, so that no net is tested on faces that
it was trained on.
"Fixed" means by a hash of the path, so that a picture stays in its split when others are added;
pictures of one person can fall on both sides.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from iram.data.cache import Decoded, cached
from iram.data.dataset import DATASETS, ROLES, FaceDataset, Problem
from iram.data.pictures import (
    as_it_is,
    check_size_option,
    decode_pictures,
    files_in,
    identity_sha256,
    is_picture,
    pictures_sha256,
    printable,
    subfolders,
    tenth,
)
from iram.errors import InputError, listing

ROLE_OF_FOLDER = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "publictest": "validation",
    "test": "test",
    "testing": "test",
    "privatetest": "test",
}
SIZE = 48
LICENCE = "pictures from a folder: their own licence holds"


@DATASETS.register("folder", title="folder of faces")
def open_folder(location: str, *, size: int = SIZE, faces: str = "whole") -> FaceDataset:
    """Opens a folder of pictures, `CLASS/*` or `SPLIT/CLASS/*`.

    Hidden files are passed over in silence; files whose names are no picture's, folders inside
    class folders and empty class folders are reported.

    Args:
        location: the folder.
        size: height and width that the pictures are resized to.
        faces: "whole": each picture is a face. "auto": photographs of any size, of each the
            largest face that the detector finds, cropped as FER2013 is (`iram.photographs`);
            pictures of up to 100 pixels are taken whole, those without a face are reported.

    Raises:
        InputError: no such folder, no class folder, classes beside splits, no picture at all; or
            the detector is not installed.
    """
    check_size_option(size)
    face, settings = _taken(faces)
    root = Path(location)
    splits, classes = _layout(root)
    names, problems = _pictures(root, splits, classes)
    source = pictures_sha256(root, names)
    decoded = cached(
        "folder", source, lambda: _decode(root, names, size, face), size=size, **settings
    )
    frame, held_out = _with_splits(decoded.frame, splits)
    shown = [printable(name) for name in classes]
    dataset = FaceDataset(
        name=printable(root.resolve().name) or "folder",
        classes=shown,
        labels=frame["class_name"].map({name: place for place, name in enumerate(shown)}),
        metadata=frame[["image_id", "usage", "split", "row"]],
        size=size,
        pixels=decoded.pixels,
        licence=LICENCE,
        sha256=identity_sha256(source, size=size if size != SIZE else None, **settings),
        problems=[*decoded.problems_in(root), *problems, *_held_out(root, held_out)],
    )
    if not splits:
        dataset.undivided = len(dataset)
        dataset.problems += _divided(root, frame)
    return dataset


def _layout(root: Path) -> tuple[list[str], list[str]]:
    """The split folders (none if the folder holds classes) and the class names, sorted."""
    found = subfolders(root)
    splits = [name for name in found if name.lower() in ROLE_OF_FOLDER]
    if splits and len(splits) < len(found):
        classes = listing(name for name in found if name not in splits)
        raise InputError(
            f"{root} has split folders ({listing(splits)}) beside others ({classes}); "
            "use CLASS/* or SPLIT/CLASS/*"
        )
    classes = found
    if splits:
        classes = sorted({name for split in splits for name in subfolders(root / split)})
    if not classes:
        where = f"{root / splits[0]}" if splits else f"{root}"
        raise InputError(f"{where} has no class folders; one per class is needed, such as happy/")
    return splits, classes


def _pictures(root: Path, splits: list, classes: list) -> tuple[list[str], list[Problem]]:
    """Pictures as `CLASS/x.png` or `SPLIT/CLASS/x.png`, and what is not read."""
    parents = [f"{split}/{name}" for split in splits for name in classes] if splits else classes
    names, others, problems = [], [], []
    for parent in parents:
        if splits and not (root / parent).is_dir():
            continue  # not every split has every class
        found = [f"{parent}/{name}" for name in files_in(root / parent)]
        pictures = [name for name in found if is_picture(name)]
        others += [name for name in found if not is_picture(name)]
        others += [f"{parent}/{name}/" for name in subfolders(root / parent)]
        names += pictures
        if not pictures:
            problems.append(Problem(printable(str(root / parent)), None, "no pictures", False))
    if not names:
        raise InputError(f"{root} has no pictures in its class folders: {listing(parents)}")
    if others:
        message = f"{len(others):,} files or folders are not read, such as {printable(others[0])}"
        problems.append(Problem(printable(str(root)), None, message, unusable=False))
    return names, problems


def _taken(faces: str):
    """What is taken of each picture, and the settings that this depends on."""
    if faces == "whole":
        return as_it_is, {}
    if faces != "auto":
        raise InputError(f"faces={faces}: write whole or auto")
    from iram.photographs import detector_name, largest_face

    return largest_face, {"faces": detector_name()}


def _decode(root: Path, names: list[str], size: int, face) -> Decoded:
    images, good, problems = decode_pictures(root, names, size, face=face)
    rows = np.flatnonzero(good)
    ids = [printable(names[row]) for row in rows]
    frame = pd.DataFrame({"image_id": pd.Series(ids, dtype=str), "row": rows})
    return Decoded(images, frame, tuple(problems), len(names))


def _with_splits(frame: pd.DataFrame, splits: list[str]) -> tuple[pd.DataFrame, int]:
    """The frame with `class_name`, `usage` and `split`; how many faces were held out of train."""
    parts = [name.split("/") for name in frame["image_id"]]
    tenths = [tenth("/".join(part[-2:])) for part in parts]
    if not splits:
        roles = [{0: "test", 1: "validation"}.get(t, "train") for t in tenths]
        usages = list(roles)
    else:
        roles = [ROLE_OF_FOLDER[part[0].lower()] for part in parts]
        usages = [part[0] for part in parts]
    held_out = 0
    if splits and "validation" not in {ROLE_OF_FOLDER[split.lower()] for split in splits}:
        for place, role in enumerate(roles):
            if role == "train" and tenths[place] == 0:
                roles[place] = usages[place] = "validation"
                held_out += 1
    names = [part[-2] for part in parts]
    return frame.assign(class_name=names, usage=usages, split=roles), held_out


def _held_out(root: Path, count: int) -> list[Problem]:
    if not count:
        return []
    message = f"there is no val/ folder: a fixed tenth of train/ ({count:,}) is held out for it"
    return [Problem(printable(str(root)), None, message, unusable=False)]


def _divided(root: Path, frame: pd.DataFrame) -> list[Problem]:
    counts = {role: int((frame["split"] == role).sum()) for role in ROLES}
    message = (
        f"there are class folders alone: of {len(frame):,} faces a fixed tenth is for the test "
        f"({counts['test']:,}), another for validation ({counts['validation']:,}), the rest for "
        f"training ({counts['train']:,}); --split all takes all of them"
    )
    return [Problem(printable(str(root)), None, message, unusable=False)]
