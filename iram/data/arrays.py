"""A data set from arrays: pictures and labels that are in memory already."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from hashlib import sha256

import numpy as np
import pandas as pd

from iram.data.classes import canonical, check_free
from iram.data.dataset import FaceDataset
from iram.data.pictures import check_size_option
from iram.errors import InputError, listing
from iram.registry import unknown

LUMA = np.array([19595, 38470, 7471])  # of R, G and B, in 65536: ITU-R 601, as Pillow's "L"
SHAPES = "(N, H, W), (N, 1, H, W), (N, 3, H, W) or (N, H, W, 3)"


def from_arrays(
    images, labels, classes: Sequence[str], *, name: str = "faces", ids: Sequence[str] | None = None
) -> FaceDataset:
    """See `iram.data.dataset.FaceDataset.of`."""
    known = _class_names(classes)
    given = _pixels(_array(images, "images"))
    pixels = _luma(given) if given.ndim == 4 else given
    numbers = _numbers(_array(labels, "labels"), known, len(pixels))
    digest = sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()  # colour has its own
    metadata = pd.DataFrame({"image_id": _ids(ids, name, len(pixels)), "usage": "test",
                             "split": "test", "row": range(len(pixels))})
    return FaceDataset(name=name, classes=known, labels=numbers, metadata=metadata, pixels=pixels,
                       size=pixels.shape[1], sha256=digest,
                       colours=partial(np.asarray, given) if given.ndim == 4 else None)


def _array(values, what: str) -> np.ndarray:
    """A tensor, an array or a sequence as an array; what needs gradients is only read."""
    detached = values.detach().cpu() if hasattr(values, "detach") else values
    try:
        return np.asarray(detached)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{what} are no array: {' '.join(str(error).split())}") from None


def _class_names(classes) -> tuple[str, ...]:
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        raise InputError(f"classes are {classes!r}: write a list of names, in the order of the "
                         'labels, such as ["angry", "happy"]')
    names = tuple(name.strip() for name in classes)
    if len(names) < 2 or not all(names):
        raise InputError(f"classes are {listing(names) or 'none'}: 2 names or more are needed")
    if len(set(map(canonical, names))) < len(names):
        raise InputError(f"two classes mean the same expression in: {listing(names)}")
    check_free(names, "in `classes`, and in `labels` where these are names")
    return names


def _pixels(images: np.ndarray) -> np.ndarray:
    """(N, S, S) uint8 of pictures of any of SHAPES, or (N, S, S, 3) of those with any colour."""
    told = f"images are {images.dtype} {images.shape}"
    if images.ndim == 4 and images.shape[3] == 3 and images.shape[1] != 3:
        images = images.transpose(0, 3, 1, 2)
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[1] not in (1, 3)):
        raise InputError(f"{told}; they must be {SHAPES}")
    if not len(images):
        raise InputError(f"{told}: at least one face is needed")
    height, width = images.shape[-2:]
    if height != width:
        raise InputError(f"{told}: {width} x {height} pixels; faces must be square: crop them")
    check_size_option(height)
    pixels = _bytes(images, told)
    if images.ndim == 3:
        return np.ascontiguousarray(pixels)
    if images.shape[1] == 1:
        return np.ascontiguousarray(pixels[:, 0])
    colours = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    return colours if (pixels != pixels[:, :1]).any() else _luma(colours)


def _luma(colours: np.ndarray) -> np.ndarray:
    """(N, S, S) uint8 of (N, S, S, 3)."""
    luma = np.tensordot(colours.astype(np.int64), LUMA, axes=(3, 0))
    return ((luma + 0x8000) >> 16).astype(np.uint8)


def _bytes(images: np.ndarray, told: str) -> np.ndarray:
    """The pictures as uint8: floats in [0, 1] become the nearest of 256 values."""
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise InputError(f"{told}; they must be uint8, or floats in [0, 1]")
    broken = ~np.isfinite(images).reshape(len(images), -1).all(1)
    if broken.any():
        raise InputError(f"pictures {listing(np.flatnonzero(broken))} of {len(images)} hold NaN or "
                         "infinite values")
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 1:
        raise InputError(f"images go from {low:g} to {high:g}; floats must be in [0, 1]"
                         + ("; divide 0-255 by 255" if 1 < high <= 255 and low >= 0 else ""))
    return np.rint(images.astype(np.float64) * 255).astype(np.uint8)


def _numbers(labels: np.ndarray, classes: tuple[str, ...], faces: int) -> np.ndarray:
    """(N,) int64: the place of each face's class in `classes`."""
    if labels.shape != (faces,):
        raise InputError(f"labels are of shape {labels.shape}; {faces} pictures take ({faces},)")
    if labels.dtype.kind in "UO":
        places = {canonical(name): place for place, name in enumerate(classes)}
        for label in labels:
            if not isinstance(label, str) or canonical(label) not in places:
                raise InputError(f"labels: {unknown('class', str(label), classes)}")
        return np.array([places[canonical(label)] for label in labels], dtype=np.int64)
    if labels.dtype.kind not in "iu":
        raise InputError(f"labels are {labels.dtype}; write ints from 0, or names of classes")
    outside = labels[(labels < 0) | (labels >= len(classes))]
    if len(outside):
        raise InputError(f"label {outside[0]} is none of 0 to {len(classes) - 1}, the places of "
                         f"{listing(classes)}")
    return labels.astype(np.int64)


def _ids(ids: Sequence[str] | None, name: str, faces: int) -> list[str]:
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"name is {name!r}: write a short text, as it will stand in tables")
    if ids is None:
        return [f"{name}-{number:06d}" for number in range(faces)]
    given = [str(one) for one in ids]
    if len(given) != faces:
        raise InputError(f"ids: {len(given)} of {faces} pictures")
    twice = [one for one, count in Counter(given).items() if count > 1]
    if twice:
        raise InputError(f"ids must differ: {listing(twice)} stands twice")
    return given
