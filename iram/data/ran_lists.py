"""The lists of really occluded and turned faces of Region Attention Networks.

Wang, Peng, Yang, Meng & Qiao, "Region Attention Networks for Pose and Occlusion Robust Facial
Expression Recognition", IEEE TIP 2020 (arXiv 1905.04075): faces of the test sets of FERPlus and
RAF-DB with a real occlusion, or turned over 30 or 45 degrees. A face may be in several lists
(205 of the 605 occluded FERPlus faces are also turned over 30 degrees) and then has each flag.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from iram.data.archives import text_lines
from iram.data.dataset import Problem
from iram.errors import InputError

POSE_LINE = re.compile(r"(?P<label>\d)/(?P<name>\w+?)(_aligned)?\.\w+")


@dataclass(frozen=True)
class Lists:
    """Which files hold the lists of a data set, and how an occlusion line reads.

    Attributes:
        types: the occlusion that each type number stands for.
        form: the occlusion line in words, for error messages.
    """

    occlusion: str
    pose_30: str
    pose_45: str
    line: re.Pattern
    form: str
    types: dict[str, str]


# The types were read off the pictures: hats, hair and hands; hands, cups and microphones; hands
# on the cheeks; glasses.
FERPLUS = Lists(
    occlusion="jianfei_occlusion_list.txt",
    pose_30="pose_30_ferplus_list.txt",
    pose_45="pose_45_ferplus_list.txt",
    line=re.compile(r"(?P<label>\d)_(?P<name>\w+)\.\w+\s+\d+\s+(?P<type>\d)"),
    form="LABEL_IMAGE.png 8 TYPE",
    types={"0": "upper", "1": "lower", "2": "side", "3": "glasses"},
)
# No source says what types 1 to 4 are. They are read here in the order of FERPlus's 0 to 3,
# which the expressions bear out (type 4 as there type 3: 7 in 10 are happy or neutral; type 3
# has the most sad faces and the most turned ones), but no picture was looked at.
RAFDB = Lists(
    occlusion="rafdb_occlusion_list.txt",
    pose_30="val_raf_db_list.txt",
    pose_45="val_raf_db_list_45.txt",
    line=re.compile(r"(?P<name>\w+?)(_aligned)?(\.\w+)?\s+(?P<label>\d)\s+(?P<type>\d)"),
    form="IMAGE_aligned LABEL TYPE",
    types={"1": "upper", "2": "lower", "3": "side", "4": "glasses"},
)


@dataclass(frozen=True)
class Listed:
    """A line of a list: the face's name, its label there, its kind of occlusion, its number."""

    name: str
    label: int
    kind: str
    line: int


def add_flags(
    metadata: pd.DataFrame,
    names: Sequence[str],
    labels: np.ndarray,
    classes: Sequence[str],
    folder: str | Path,
    lists: Lists,
) -> tuple[pd.DataFrame, list[Problem]]:
    """The metadata with `real_occlusion`, `pose_30` and `pose_45`, and what is odd in the lists.

    Told, each with its count: faces of the lists that are not here, faces that a list has twice
    (its first line counts), names that several faces here share (each is flagged), and labels that
    differ (those here are kept).

    Args:
        names: each face's file name (`fer0032226.png`, `test_0003.jpg`); "" if unknown.
        labels: each face's label (-1: none), to compare with the lists' own.
        classes: class names in label order.
        folder: where the lists are.

    Raises:
        InputError: a missing list, or a line of another form (with file and line).
    """
    folder, names = Path(folder), [name.rsplit(".", 1)[0] for name in names]
    pose_form = "LABEL/IMAGE.jpg"
    occluded = _read(folder / lists.occlusion, lists.line, lists.form, lists.types)
    turned = [_read(folder / file, POSE_LINE, pose_form) for file in (lists.pose_30, lists.pose_45)]
    kinds = {face.name: face.kind for face in reversed(occluded)}  # the first line counts
    flags = [{face.name for face in pose} for pose in turned]
    flagged = metadata.assign(
        real_occlusion=[kinds.get(name, "none") for name in names],
        pose_30=np.array([name in flags[0] for name in names], dtype=bool),
        pose_45=np.array([name in flags[1] for name in names], dtype=bool),
    )
    listed = {face.name: face.label for face in [*occluded, *turned[0], *turned[1]]}
    here = dict(zip(names, labels, strict=True))
    files = {lists.occlusion: occluded, lists.pose_30: turned[0], lists.pose_45: turned[1]}
    return flagged, [
        *(problem for file, faces in files.items() for problem in _twice(folder / file, faces)),
        *_absent(folder, listed, here),
        *_shared(folder, listed, names),
        *_disagreeing(folder, listed, here, classes),
    ]


def _read(path: Path, line: re.Pattern, form: str, types: dict | None = None) -> list[Listed]:
    faces = []
    with text_lines(path) as lines:
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            match = line.fullmatch(text.strip())
            if not match or (types and match["type"] not in types):
                raise InputError(
                    f"{path} line {number}: '{text.strip()[:60]}' is not of the form {form}"
                    + (f" with a type of {', '.join(types)}" if types else "")
                )
            kind = types[match["type"]] if types else ""
            faces.append(Listed(match["name"], int(match["label"]), kind, number))
    if not faces:
        raise InputError(f"{path} is empty; lines of the form {form} are needed")
    return faces


def _twice(path: Path, faces: list[Listed]) -> list[Problem]:
    """One problem for all: faces that stand in a list more than once."""
    first, again = {}, []
    for face in faces:
        if first.setdefault(face.name, face) is not face:
            again.append(face)
    if not again:
        return []
    face, count = again[0], len({face.name for face in again})
    other = f" ({first[face.name].kind}, {face.kind})" if face.kind else ""
    message = (
        f"{count:,} of {len(first):,} listed faces {'stands' if count == 1 else 'stand'} more than "
        f"once, such as {face.name} in lines {first[face.name].line} and {face.line}{other}; the "
        "first line counts"
    )
    return [Problem(str(path), None, message, unusable=False)]


def _shared(folder: Path, listed: dict, names: Sequence[str]) -> list[Problem]:
    """One problem for all: listed names that are not the name of one face alone."""
    shared = [name for name, count in Counter(names).items() if count > 1 and name in listed]
    if not shared:
        return []
    message = (
        f"{len(shared):,} of {len(listed):,} listed names stand for several faces here, such as "
        f"{shared[0]}; each of these is flagged"
    )
    return [Problem(str(folder), None, message, unusable=False)]


def _absent(folder: Path, listed: dict, here: dict) -> list[Problem]:
    absent = [name for name in listed if name not in here]
    if not absent:
        return []
    count = f"{len(absent):,} of {len(listed):,} listed faces"
    message = f"{count} are not among the faces here, such as {absent[0]}"
    return [Problem(str(folder), None, message, unusable=False)]


def _disagreeing(folder: Path, listed: dict, here: dict, classes) -> list[Problem]:
    """One problem for all: the lists' labels are never used."""
    other = [name for name, label in listed.items() if here.get(name, label) != label]
    if not other:
        return []
    known = {-1: "none", **dict(enumerate(classes))}
    first = other[0]
    message = (
        f"{len(other):,} of {len(listed):,} listed faces have another label in the lists, such as "
        f"{first}: {known.get(listed[first], listed[first])} there, {known[here[first]]} here; "
        "the labels here are kept"
    )
    return [Problem(str(folder), None, message, unusable=False)]
