"""The usual 68 landmarks of a data set's faces, from wherever they are known."""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from analysis.stimuli.landmarks.points import USUAL_68
from analysis.stimuli.landmarks.reader import Landmarks, read_landmarks
from analysis.stimuli.landmarks.writer import usual_68
from iram.data.dataset import FaceDataset
from iram.errors import InputError

SMALLEST = 0.1  # of the picture's width, that a face's points span; of FER2013's faces 0.3
CHIN, BRIDGE, EYES = 8, 27, (36, 45)  # among the usual 68; the outer corners of the eyes


def known_landmarks(dataset: FaceDataset, path: str | Path | None = None) -> np.ndarray:
    """(N, 68, 2) float32: x and y in pixels of the usual 68 landmarks, NaN where unknown.

    From the file at `path` if one is given. Without: of rendered heads their own geometry's; of
    photographs those that ship with this package, for every picture that is one of FER2013's
    test faces (PublicTest and PrivateTest, 7,178 pictures of 48 px, in whatever form they come).

    Raises:
        InputError: the file is missing or malformed, none of the faces stands in it, or most don't
            stand upright in it.
    """
    if path is not None:
        points = usual_68(read_landmarks(path).of(dataset))
        _check_upright(path, points)
        _check_size(path, points / dataset.size)
        return points
    if dataset.renders:
        return dataset.landmarks_68(slice(None)).numpy()
    return _shipped().of(dataset, needed=False)


def _check_upright(path: str | Path, points: np.ndarray) -> None:
    """Raises InputError where most faces lie, or stand on their heads: axes were mistaken."""
    known = points[np.isfinite(points).all((1, 2))]
    eyes, down = known[:, EYES[1]] - known[:, EYES[0]], known[:, CHIN] - known[:, BRIDGE]
    fallen = (eyes[:, 0] <= np.abs(eyes[:, 1])) | (down[:, 1] <= np.abs(down[:, 0]))
    if fallen.sum() > len(known) / 2:
        raise InputError(f"{path}: {fallen.sum()} of {len(known)} faces do not stand upright by "
                         "their points; expected x (to the right), then y (down), and the first "
                         "eye on the left of the picture")


def _check_size(path: str | Path, points: np.ndarray) -> None:
    """Raises InputError where most faces, in shares of the picture, are too small to be seen: the
    file's unit was mistaken."""
    known = points[np.isfinite(points).all((1, 2))]
    small = (np.ptp(known[..., 0], axis=1) < SMALLEST).sum()
    if small > len(known) / 2:
        raise InputError(f"{path}: the points of {small} of {len(known)} faces span less than "
                         f"{SMALLEST:.0%} of the picture's width; is `unit` how many pixels a step "
                         "of `points` is (1 for pixels)?")


def count_known(points: np.ndarray) -> tuple[int, int]:
    """Of how many faces the landmarks (N, K, D) are known, and of how many not."""
    known = int(np.isfinite(points).all((1, 2)).sum())
    return known, len(points) - known


@lru_cache
def _shipped() -> Landmarks:
    """FaceMesh's landmarks of FER2013's test faces, found in 6,986 of 7,178, rounded to 1/8 px.

    Made by `iram landmarks --data fer2013:fer2013.csv --split PublicTest,PrivateTest --compact
    --out analysis/stimuli/landmarks/fer2013_test.npz`, from a file of all points with --from.
    """
    landmarks = read_landmarks(files("analysis.stimuli.landmarks") / "fer2013_test.npz")
    assert landmarks.points.shape[1:] == (len(USUAL_68), 2)
    return landmarks
