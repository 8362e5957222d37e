"""Which faces of a data set are really occluded or turned, by the lists of others.

The lists are those of Region Attention Networks (`iram.data.ran_lists`). They flag faces of
FERPlus, and so of FER2013, and of RAF-DB.
"""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis.studies.occlusion.real.table import COMPARISON, members, places
from iram.data.dataset import FaceDataset
from iram.data.ferplus import open_ferplus, two_files
from iram.data.specs import load, read_spec
from iram.errors import InputError
from iram.files import expanded

VOTES = "fer2013new.csv"
FLAGS = ["real_occlusion", "pose_30", "pose_45"]


class RealFaces(NamedTuple):
    """Which faces of a data set are occluded or turned.

    Attributes:
        faces: one row a face, in the data set's order: image_id, real_occlusion (none, upper,
            lower, side, glasses), pose_30, pose_45, and for FER2013's faces ferplus_label, the
            class of FERPlus's majority ("" where there is none).
        problems: what is odd, each with its count.
    """

    faces: pd.DataFrame
    problems: list[str]


def real_groups(dataset: FaceDataset, ran_lists: Path) -> RealFaces:
    """The faces of the lists among those of the data set, and what is odd: faces, problems.

    The data set is opened once more by its specification, with the lists.

    The lists know faces by FERPlus's names. FER2013's CSV has none: they are taken from
    `fer2013new.csv` (the option `votes`, or the file of that name beside the CSV), row by row.

    Raises:
        InputError: a missing or damaged list; no votes; a data set that the lists are not of; or
            not one listed face among these.
    """
    ran_lists = expanded(ran_lists)
    kind, options = read_spec(dataset.spec) if dataset.spec else ("", {})
    if kind not in ("fer2013", "ferplus", "rafdb"):
        raise InputError(f"{ran_lists}: the lists are of FERPlus and RAF-DB; use fer2013:, ferplus:"
                         f" or rafdb: data, not {kind or dataset.name}")
    votes = {"votes": str(_votes(options, ran_lists))} if kind == "fer2013" else {}
    whole = load(dataset.spec, ran_lists=str(ran_lists), **votes)
    flags = whole.metadata.set_index("row")[FLAGS]
    faces = flags.loc[dataset.metadata["row"]].reset_index(drop=True)
    faces.insert(0, "image_id", dataset.metadata["image_id"].to_numpy())
    problems = [str(p) for p in whole.problems if Path(p.file).is_relative_to(ran_lists)]
    problems += _elsewhere(dataset, flags, faces, ran_lists)
    if kind != "rafdb":
        location = options["location"]
        files = two_files(location) if kind == "ferplus" else (location, votes["votes"])
        faces["ferplus_label"] = _majority(files, dataset)
        problems += _no_majority(faces, dataset)
    return RealFaces(faces, problems)


def _votes(options: dict, ran_lists: Path) -> Path:
    location = Path(options["location"])
    if location.is_dir():
        raise InputError(f"{location}: pictures in folders have no FERPlus names, and {ran_lists} "
                         "goes by these; use FER2013's CSV, or ferplus:CSV,VOTES")
    votes = expanded(options.get("votes") or location.parent / VOTES)
    if not votes.is_file():
        raise InputError(f"{votes} does not exist: {ran_lists} goes by FERPlus's names, which "
                         f"FER2013's CSV lacks; put FERPlus's {VOTES} beside {location.name}, or "
                         f"use ferplus:{location},VOTES")
    return votes


def _elsewhere(dataset, flags, faces, ran_lists) -> list[str]:
    """How many listed faces are not among these, as another split has them."""
    whole, here = ((~members(table, COMPARISON)).sum() for table in (flags, faces))
    if not here:
        raise InputError(
            f"{ran_lists}: none of the {whole:,} listed faces is among these "
            f"{len(dataset):,} of {dataset.name}; they are in its test split"
        )
    if here == whole:
        return []
    return [f"{whole - here:,} of {whole:,} listed faces are not among these {len(dataset):,} "
            "(another split, or --limit)"]


def _majority(files, dataset: FaceDataset) -> list[str]:
    """The class of FERPlus's majority of each face, "" where there is none."""
    ferplus = open_ferplus(",".join(map(str, files)), rule="majority")
    rows = ferplus.metadata["row"]
    known = {row: ferplus.classes[label]
             for row, label in zip(rows, ferplus.labels.tolist(), strict=True)}
    return [known.get(row, "") for row in dataset.metadata["row"]]


def _no_majority(faces: pd.DataFrame, dataset: FaceDataset) -> list[str]:
    """How many faces the FERPlus scores leave out, and how often the labels differ."""
    voted = places(faces["ferplus_label"], dataset.classes)
    none = int((faces["ferplus_label"] == "").sum())
    foreign = int((voted < 0).sum()) - none
    known = voted >= 0
    other = int((voted != dataset.labels.numpy())[known].sum())
    lines = [f"without a FERPlus majority: {none:,} of {len(faces):,} faces" if none else "",
             f"with a FERPlus majority (contempt) that {dataset.name} has no class for: {foreign:,}"
             if foreign else "",
             f"with another label in {dataset.name} than FERPlus's majority: {other:,} of the "
             f"{int(known.sum()):,} others" if other else ""]
    return [line for line in lines if line]
