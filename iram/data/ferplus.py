"""FERPlus (Barsoum, Zhang, Canton Ferrer & Zhang, ICMI 2016; arXiv 1608.01041).

Input: the faces of FER2013 (48 x 48 gray).
Label: what ten annotators voted for, 0-7 = neutral, happy, surprise, sad, angry, disgust, fear,
contempt; the shares of all votes are in `distribution`.
Splits: those of FER2013, Training, PublicTest (validation), PrivateTest (test).
Files: FER2013's CSV and FERPlus's `fer2013new.csv`, joined row by row; or the folders that its
authors' program writes (`iram.data.ferplus_folder`).
Licence: the votes MIT; the pictures as FER2013.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iram.data import ran_lists as lists
from iram.data.dataset import DATASETS, FaceDataset, Problem
from iram.data.fer2013 import FERPLUS_CLASSES
from iram.data.fer2013_csv import SIZE, decoded_csv
from iram.data.ferplus_folder import COLUMNS, decoded_folder
from iram.data.pictures import identity_sha256
from iram.data.tree import within
from iram.data.votes import EXPRESSIONS, majority, most_voted, read_votes
from iram.errors import InputError
from iram.files import sha256
from iram.registry import unknown

CLASSES = FERPLUS_CLASSES
LICENCE = (
    "FERPlus votes: MIT, Microsoft; FER2013 pictures: for research, rights stay with their owners"
)
RULES = {"most": most_voted, "majority": majority}


@DATASETS.register("ferplus", title="FERPlus")
def open_ferplus(location: str, *, rule: str = "most", ran_lists: str = "") -> FaceDataset:
    """FER2013's faces with FERPlus's labels; faces without a label are left out and counted.

    Args:
        location: `CSV,VOTES`, the CSV of FER2013 and `fer2013new.csv`; or the folder that holds
            `FER2013Train/`, `FER2013Valid/` and `FER2013Test/`, each with pictures and `label.csv`.
        rule: how votes become a label. `most` (default): the expression with most votes, the
            first in label order of several; a row is left out if "unknown" or "NF" (no face) has
            more. It keeps 98.8% to 99.4% of the rows of a split and every face of the occlusion
            and pose lists. `majority`: the authors' rule, over half of the votes after single ones
            are struck out; 3,153 of 3,589 PrivateTest rows are left, and the
            accuracies that its authors published are on those.
        ran_lists: folder of the lists of occluded and turned faces; see `iram.data.ran_lists`.

    Returns:
        A data set whose `distribution` holds the shares of the votes for the eight expressions,
        single votes included, "unknown" and "NF" not. Metadata has `ferplus_name`, and with
        `ran_lists` also `real_occlusion`, `pose_30` and `pose_45`.

    Raises:
        InputError: a missing or damaged file; votes that don't fit the rows; an unknown rule.
    """
    if rule not in RULES:
        raise InputError("ferplus: " + unknown("rule", rule, RULES))
    found = _from_folder(location) if os.path.isdir(location) else _from_files(location)
    labels = RULES[rule](found.counts)
    kept = np.flatnonzero(labels >= 0)
    problems = [*found.problems, *_left_out(found.told_in, found.metadata, labels, rule)]
    dataset = FaceDataset(
        name="ferplus",
        classes=CLASSES,
        labels=labels,
        metadata=found.metadata,
        size=SIZE,
        pixels=found.pixels,
        licence=LICENCE,
        sha256=identity_sha256(found.source, votes=found.votes, rule=rule),
        problems=problems,
        distribution=_shares(found.counts),
    ).subset(kept)
    if ran_lists:
        dataset.metadata, found = lists.add_flags(
            dataset.metadata,
            dataset.metadata["ferplus_name"],
            labels[kept],
            CLASSES,
            ran_lists,
            lists.FERPLUS,
        )
        dataset.problems += found
    return dataset


class Found(NamedTuple):
    """FERPlus's faces with their votes.

    Attributes:
        source, votes: what the pictures and the votes are known by; None where these are one.
        told_in: where the votes stand.
        metadata: one row a face, with `ferplus_name`.
        counts: (N, 10) votes.
        pixels: (N, 48, 48) uint8.
    """

    source: str
    votes: str | None
    told_in: Path
    metadata: pd.DataFrame
    counts: np.ndarray
    pixels: np.ndarray
    problems: list[Problem]


def _from_files(location: str) -> Found:
    path, votes_path = two_files(location)
    votes = read_votes(votes_path)
    source, decoded = decoded_csv(path)
    counts, names, told = votes.joined(path, decoded)
    metadata = decoded.frame.drop(columns="label").assign(ferplus_name=names)
    return Found(source, sha256(votes_path), votes_path, metadata, counts, decoded.pixels,
                 [*decoded.problems_in(path), *told])


def _from_folder(location: str) -> Found:
    root = Path(location)
    source, decoded, unread = decoded_folder(root)
    counts = decoded.frame[list(COLUMNS)].to_numpy(np.int64)
    return Found(source, None, root, decoded.frame.drop(columns=list(COLUMNS)), counts,
                 decoded.pixels, [*within(root, unread), *decoded.problems_in(root)])


def two_files(location: str) -> tuple[Path, Path]:
    """The two paths of `CSV,VOTES`; commas inside paths are fine where the files exist.

    Raises:
        InputError: no comma.
    """
    parts = location.split(",")
    if len(parts) < 2:
        raise InputError(f"ferplus:{location} needs two files: write ferplus:CSV,VOTES (or "
                         "ferplus:DIR, the folder that holds FER2013Train/)")
    cuts = [(",".join(parts[:i]), ",".join(parts[i:]).strip()) for i in range(1, len(parts))]
    paths = [tuple(Path(os.path.expanduser(side)) for side in cut) for cut in cuts]
    return next((pair for pair in paths if all(p.is_file() for p in pair)), paths[0])


def _shares(counts: np.ndarray) -> np.ndarray:
    votes = counts[:, : len(EXPRESSIONS)].astype(np.float32)
    return votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)


def _left_out(path: Path, metadata: pd.DataFrame, labels: np.ndarray, rule: str) -> list[Problem]:
    out = labels < 0
    if not out.any():
        return []
    usages = metadata["usage"][out].value_counts(sort=False)
    counts = ", ".join(f"{usage} {count:,}" for usage, count in usages.items())
    message = (
        f"{out.sum():,} of {len(labels):,} faces have no label by the rule '{rule}' and are left "
        f"out ({counts})"
    )
    return [Problem(str(path), None, message, unusable=False)]
