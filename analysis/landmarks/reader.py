"""Landmark files, and the mean face."""

import zipfile
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iram.errors import InputError, listing

COUNT = 468
UNIT = 1 / 32  # of a pixel
NOT_FOUND = -32768


class Landmarks(NamedTuple):
    """Landmarks of the faces of one source.

    Attributes:
        points: (N, 468, 3) float32, x (right), y (down) and depth (away from the viewer) in
            pixels of the picture; NaN for a face that was not found.
        row: (N,) int, the row of the source that each face stands in (`metadata["row"]`).
    """

    points: np.ndarray
    row: np.ndarray

    def of(self, rows) -> np.ndarray:
        """(len(rows), 468, 3): the landmarks of these rows, NaN for a row that isn't there."""
        place = pd.Index(self.row).get_indexer(np.asarray(rows))
        return np.where((place >= 0)[:, None, None], self.points[place], np.float32(np.nan))


@lru_cache
def mean_landmarks() -> np.ndarray:
    """(468, 3): x, y and height of the mean face, in shares of the picture's side.

    The median of FaceMesh's landmarks over the faces of FER2013's PublicTest split that are turned
    by less than 15 degrees, made symmetric about x = 0.5.
    """
    return pd.read_csv(files("analysis.landmarks") / "mean_landmarks.csv").to_numpy()


def read_landmarks(path: str | Path) -> Landmarks:
    """The landmarks of an NPZ file with `points` (N, 468, 3) int16 and `row` (N,) integers.

    `points` is in 1/32 pixel of the picture, -32768 = not found. A face of which any number is
    missing counts as not found.

    Raises:
        InputError: the file is missing, no NPZ, or has not these arrays in these shapes and types,
            or a row twice.
    """
    points, row = _arrays(Path(path))
    if points.ndim != 3 or points.shape[1:] != (COUNT, 3) or points.dtype != np.int16:
        raise InputError(f"{path}: points is {points.dtype} {points.shape}, expected int16 "
                         f"(N, {COUNT}, 3)")  # fmt: skip
    if row.shape != (len(points),) or row.dtype.kind not in "iu":
        raise InputError(f"{path}: row is {row.dtype} {row.shape}, expected {len(points)} integers")
    values, counts = np.unique(row, return_counts=True)
    if (counts > 1).any():
        raise InputError(f"{path}: row {listing(values[counts > 1])} stands more than once")
    found = (points != NOT_FOUND).all((1, 2))
    pixels = points.astype(np.float32) * np.float32(UNIT)
    pixels[~found] = np.nan
    return Landmarks(pixels, row.astype(np.int64))


def _arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = {"points", "row"} - set(archive.files)
            if missing:
                raise InputError(f"{path}: no array '{min(missing)}'; there are "
                                 f"{listing(archive.files) or 'none'}")  # fmt: skip
            return archive["points"], archive["row"]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not an NPZ file of landmarks ({error})") from None
