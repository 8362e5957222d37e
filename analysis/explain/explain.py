"""One picture explained: what each model predicts, where its attention is, and what any
attribution method says of the predicted class."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from analysis.attributions.contrast import asked_against, rival_of
from analysis.attributions.explanation import (
    Explanation,
    as_input,
    class_names,
    method_map,
    picture_size,
)
from analysis.attributions.maps import spatial_attention
from analysis.explain.faces import nothing_in
from analysis.subjects.answers import numbers
from iram import contract
from iram.data.images import as_seen, is_flat, read_picture, resized
from iram.errors import InputError
from iram.model import FERClassifier


def explain(
    model: FERClassifier, picture: np.ndarray, methods: Sequence[str] = (),
    against: str | None = None,
) -> Explanation:
    """Prediction and attention of a model for a picture (H, W), or (H, W, 3) in colour, uint8.

    The picture is cropped to its middle square and brought to the model's size, as `folder:` data
    is; crop to the face before (see `crop`), since the models were trained on crops of faces.

    Args:
        methods: attribution methods to apply as well; their target is the predicted class.
        against: why that class rather than this one, or "second", the runner-up, which also stands
            in where this one is predicted; None: the predicted class alone.

    Raises:
        InputError: no such method or class.
    """
    asked = asked_against(against, class_names(model))
    face = resized(as_seen(picture, contract.channels(model)), picture_size(model))
    x = as_input(face)
    with torch.inference_mode():
        trace = model.trace(x)
    numbers(trace.logits, model.name)
    maps = [spatial_attention(attention)[0].numpy() for attention in trace.attention]
    probabilities = trace.logits.softmax(1)[0].numpy()
    target, rival, names = trace.logits.argmax(1), None, class_names(model)
    if asked is not None:
        rival = int(rival_of(trace.logits, target, asked))
    told = [method_map(model, x, int(target), method, rival) for method in methods]
    return Explanation(model.name, names, probabilities, maps, face, told,
                       "" if rival is None else names[rival])


def crop(picture: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """The part of a picture at (left, top, width, height), in pixels.

    Raises:
        InputError: an empty box, or one that leaves the picture.
    """
    left, top, width, height = box
    rows, columns = picture.shape[:2]
    if (
        min(left, top) < 0
        or min(width, height) < 1
        or left + width > columns
        or top + height > rows
    ):
        raise InputError(
            f"the box {left},{top},{width},{height} (left, top, width, height) is not inside the "
            f"picture of {columns} x {rows} pixels"
        )
    return picture[top : top + height, left : left + width]


def read_face(path: Path, box: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """A picture file as an array (H, W) uint8, (H, W, 3) if it has colour, cropped to
    `box` if one is given; what was assumed of it is a warning.

    Raises:
        InputError: it can't be read, the box leaves it, or what is left is constant or nearly so.
    """
    picture = read_picture(path, colour=True)
    for note in picture.notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    face = picture.pixels if box is None else crop(picture.pixels, box)
    if is_flat(face):
        raise InputError(nothing_in(path, None, face))
    return face
