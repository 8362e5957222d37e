"""Landmark files: which landmarks belong to which picture.

A file is an NPZ with the points of N faces and with what each face is known by:

| array | | |
| --- | --- | --- |
| `points` | int16 (N, 468, 3), (N, 68, 3) or (N, 68, 2) | x, y (and depth); -32768 = not found |
| or `steps` | int16 (68, 2, N) | each point less the one before it, which packs better |
| `picture` | uint64 (N,) | known by its pixels (pictures.py): any data set |
| or `row` | integers (N,) | known by its place in one source: `metadata["row"]` |
| or `index` alone | (68,) | FaceMesh's numbers of the 68 points; face k stands in row k |
| `unit` | float | of `points` in pixels; 1/32 where it is missing |
| `size` | integer | side of the pictures in pixels; 48 where it is missing |
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from zipfile import is_zipfile

import numpy as np
import pandas as pd

from analysis.stimuli.landmarks.pictures import picture_ids
from analysis.stimuli.landmarks.points import COUNT, USUAL_68
from iram.data.dataset import FaceDataset
from iram.errors import InputError, listing, one_line

NOT_FOUND = -32768
UNIT, SIZE = 1 / 32, 48  # where a file does not say
SHAPES = ((COUNT, 3), (len(USUAL_68), 3), (len(USUAL_68), 2))
FARTHEST = 1.0  # sides of the picture that a point may lie outside it; FER2013 has 0.42


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of the faces of a file.

    Attributes:
        points: (N, K, D) float32, x (right), y (down) and, if D is 3, depth (away from the viewer)
            in pixels of the picture; K is 468 or the usual 68; NaN for a face not found.
        size: side of the pictures in pixels.
        picture: (N,) uint64, what each face's picture is known by (`picture_ids`), or None.
        row: (N,) the row of the source that each face stands in, or None.
        source: the file, for messages.
    """

    points: np.ndarray
    size: int
    picture: np.ndarray | None = None
    row: np.ndarray | None = None
    source: str = "landmarks"

    def of(self, dataset: FaceDataset, needed: bool = True) -> np.ndarray:
        """(len(dataset), K, D) float32: the landmarks of these faces, NaN where unknown.

        Landmarks of which a point lies more than a picture's side outside the picture are taken
        for an error of the file: they count as unknown, with a warning.

        Args:
            needed: whether a file without any of these faces is a mistake.

        Raises:
            InputError: none of the faces stands in the file, or it is of pictures of another size.
        """
        found = np.full((len(dataset), *self.points.shape[1:]), np.nan, np.float32)
        place = self._places(dataset, needed)
        found[place >= 0] = self.points[place[place >= 0]]
        far = (np.abs(found[..., :2] / self.size - 0.5) > 0.5 + FARTHEST).any((1, 2))
        if far.any():
            names = listing(dataset.metadata["image_id"][far], 3)
            warnings.warn(f"{self.source}: {far.sum()} faces have landmarks far outside the "
                          f"picture and count as unknown: {names}", stacklevel=2)
            found[far] = np.nan
        return found

    def _places(self, dataset: FaceDataset, needed: bool) -> np.ndarray:
        """(len(dataset),) the place of each face in the file, -1 for those not in it."""
        nowhere = np.full(len(dataset), -1)
        if self.size == dataset.size and self.picture is not None:
            place = pd.Index(self.picture).get_indexer(picture_ids(dataset))
        elif self.size == dataset.size:
            place = pd.Index(self.row).get_indexer(dataset.metadata["row"])
        else:
            place = nowhere
        if needed and len(dataset) and (place < 0).all():
            why = "is it of these pictures?"
            if self.size != dataset.size:
                why = f"it is of pictures of {self.size} px, these have {dataset.size}"
            raise InputError(f"{self.source}: none of the {len(dataset)} faces of {dataset.name} "
                             f"stands in it; {why}")
        return place


def read_landmarks(path: str | Path) -> Landmarks:
    """The landmarks of a file of any of the forms above.

    A face of which any number is missing, or all are 0, counts as not found.

    Raises:
        InputError: the file is missing, no NPZ, or has not these arrays in these shapes and types,
            or a face twice.
    """
    arrays = _arrays(path)
    points = _points(path, arrays)
    known_by = {"picture": None, "row": None}
    if "picture" in arrays:
        known_by["picture"] = _keys(path, "picture", arrays["picture"], len(points), "u")
    elif "row" in arrays or "index" not in arrays:
        known_by["row"] = _keys(path, "row", arrays["row"], len(points), "iu")
    else:
        known_by["row"] = np.arange(len(points))
    unit, size = (_number(path, arrays, name, default)
                  for name, default in (("unit", UNIT), ("size", SIZE)))
    pixels = points.astype(np.float32) * np.float32(unit)
    lost = (points == NOT_FOUND).any((1, 2)) | (points == 0).all((1, 2))
    pixels[lost] = np.nan
    return Landmarks(pixels, int(size), **known_by, source=str(path))


def read_mesh(path: str | Path) -> Landmarks:
    """As `read_landmarks`, but all 468 points with depth: what turning a photograph takes.

    Raises:
        InputError: as `read_landmarks`, or the file has fewer points.
    """
    landmarks = read_landmarks(path)
    if landmarks.points.shape[1:] != (COUNT, 3):
        raise InputError(f"{path}: has {landmarks.points.shape[1]} points a face; turning a "
                         f"photograph takes all {COUNT} with depth (`iram landmarks`)")
    return landmarks


def _arrays(path: str | Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:  # numpy, zipfile and zlib have a dozen kinds for damaged files
        why = one_line(error)
        if not isinstance(error, OSError) and not is_zipfile(path):  # numpy takes it for a pickle
            why = "which is a ZIP archive of arrays; `iram landmarks` writes one"
        raise InputError(f"{path}: not an NPZ file of landmarks ({why})") from None
    missing = [name for name, others in (("points", ("steps",)), ("row", ("picture", "index")))
               if not {name, *others} & set(arrays)]
    if missing:
        raise InputError(f"{path}: no array '{missing[0]}'; there are "
                         f"{listing(arrays) or 'none'}")
    return arrays


def _points(path, arrays) -> np.ndarray:
    """(N, K, D) integers in the file's unit."""
    name = "points" if "points" in arrays else "steps"
    points = arrays[name]
    whole = points.cumsum(0).transpose(2, 0, 1) if name == "steps" and points.ndim == 3 else points
    if points.dtype != np.int16 or whole.ndim != 3 or whole.shape[1:] not in SHAPES:
        shapes = "(N, 468, 3) or (N, 68, 2)" if name == "points" else "(68, 2, N)"
        raise InputError(f"{path}: {name} is {points.dtype} {points.shape}, "
                         f"expected int16 {shapes}")
    index = np.asarray(arrays.get("index", USUAL_68))
    if whole.shape[1] == len(USUAL_68) and not np.array_equal(index, USUAL_68):
        raise InputError(f"{path}: index has other points than the usual {len(USUAL_68)} of "
                         f"FaceMesh ({listing(USUAL_68, 5)})")
    return whole


def _keys(path, name: str, keys: np.ndarray, count: int, kinds: str) -> np.ndarray:
    """What the faces are known by, each once."""
    if keys.shape != (count,) or keys.dtype.kind not in kinds:
        raise InputError(f"{path}: {name} is {keys.dtype} {keys.shape}, expected {count} integers")
    values, counts = np.unique(keys, return_counts=True)
    if (counts > 1).any():
        raise InputError(f"{path}: {name} {listing(values[counts > 1])} stands more than once")
    return keys


def _number(path, arrays, name: str, default: float) -> float:
    value = np.asarray(arrays.get(name, default))
    if value.shape != () or value.dtype.kind not in "iuf" or not 0 < value < np.inf:
        raise InputError(f"{path}: {name} is {value}, expected one number above 0")
    return float(value)
