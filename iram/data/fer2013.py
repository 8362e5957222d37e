"""FER2013 (Goodfellow et al., ICML 2013 challenge; arXiv 1307.0414).

Input: 48 x 48 gray faces found by web search, roughly cropped.
Label: 0-6 = angry, disgust, fear, happy, sad, surprise, neutral.
Splits: Training, PublicTest (validation), PrivateTest (test).
Files: the challenge's CSV (`emotion,pixels,Usage`), Kaggle's `icml_face_data.csv`, its
competition's `train.csv` (which has no Usage: all is Training), or folders of pictures.
Licence: given out for research; the pictures' rights stay with their owners.
"""

from pathlib import Path

import numpy as np

from iram.data import ran_lists as lists
from iram.data.cache import Decoded
from iram.data.dataset import DATASETS, FaceDataset, Problem
from iram.data.fer2013_csv import CLASSES, SIZE, decoded_csv
from iram.data.fer2013_folder import decoded_folder
from iram.data.tree import within
from iram.data.votes import most_voted, read_votes
from iram.errors import InputError

LICENCE = "FER2013, ICML 2013 challenge: for research; the pictures' rights stay with their owners"
FERPLUS_CLASSES = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")


@DATASETS.register("fer2013", title="FER2013")
def open_fer2013(location: str, *, votes: str = "", ran_lists: str = "") -> FaceDataset:
    """Opens FER2013 in any of its public forms.

    Args:
        location: the CSV, plain or packed (gzip, xz, bzip2, zip, tar), or the folder with `train/`
            and `test/`.
        votes: FERPlus's `fer2013new.csv`, which gives metadata the column `ferplus_name` and the
            data set its `distribution`: the shares of the votes for the seven expressions, or the
            label of a face for which none of them has a vote. The labels stay FER2013's. Only for
            the CSV: votes are joined row by row.
        ran_lists: folder of the lists of occluded and turned faces (`iram.data.ran_lists`), which
            give `real_occlusion`, `pose_30` and `pose_45`; needs `votes` for the faces' names.

    Raises:
        InputError: missing or damaged file, missing columns or classes; votes that don't fit.
    """
    path = Path(location)
    if ran_lists and not votes:
        raise InputError(
            "fer2013: ran_lists names faces as FERPlus does; add votes=fer2013new.csv as well"
        )
    if votes and path.is_dir():
        raise InputError(f"fer2013: votes are joined row by row to the CSV; {path} is a folder")
    source, decoded, unread = (
        decoded_folder(path) if path.is_dir() else (*decoded_csv(path), [])
    )
    dataset = FaceDataset(
        name="fer2013",
        classes=CLASSES,
        labels=decoded.frame["label"],
        metadata=decoded.frame.drop(columns="label"),
        size=SIZE,
        pixels=decoded.pixels,
        licence=LICENCE,
        sha256=source,
        problems=[*within(path, unread), *decoded.problems_in(path)],
    )
    if votes:
        dataset.problems += _add_votes(dataset, path, decoded, votes, ran_lists)
    return dataset


def _add_votes(
    dataset: FaceDataset, path: Path, decoded: Decoded, votes: str, ran_lists: str
) -> list[Problem]:
    """Adds the votes, and the metadata that FERPlus's names open up; the problems of votes and
    lists."""
    counts, names, told = read_votes(votes).joined(path, decoded)
    dataset.metadata = dataset.metadata.assign(ferplus_name=names)
    dataset.distribution = _shares(counts, decoded.frame["label"].to_numpy())
    if not ran_lists:
        return told
    voted = most_voted(counts)  # the lists' labels are FERPlus's: compared with its votes
    dataset.metadata, problems = lists.add_flags(
        dataset.metadata, names, voted, FERPLUS_CLASSES, ran_lists, lists.FERPLUS
    )
    return told + problems


def _shares(counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N, 7) float32, in the order of CLASSES; contempt, "unknown" and "NF" are left out."""
    known = counts[:, [FERPLUS_CLASSES.index(name) for name in CLASSES]].astype(np.float32)
    none = known.sum(1) == 0
    known[none, labels[none]] = 1
    return known / known.sum(1, keepdims=True)
