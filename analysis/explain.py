"""One picture explained: what each model predicts, where its attention is, and what any
attribution method says of the predicted class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from analysis.maps import spatial_attention
from iram.data.images import read_image, resized
from iram.errors import InputError
from iram.model import FERClassifier

SIZES = ("activation_energy", "random", "centre_gaussian", "sobel")
"""Methods beside the gates whose maps say how much, not for or against."""


@dataclass
class MethodMap:
    """What one attribution method says of one picture.

    Attributes:
        method: its name.
        values: (S, S) raw, larger where a place speaks more for the class; None if the model can't
            have the method.
        signed: whether 0 is a middle (for or against the class) or values are a gate or a size.
        reason: why there are no values.
    """

    method: str
    values: np.ndarray | None
    signed: bool
    reason: str = ""


@dataclass
class Explanation:
    """What one model says of one picture.

    Attributes:
        model: its name.
        classes: class names, in the order of `probabilities`.
        probabilities: (K,) softmax, summing to 1.
        attention: one spatial attention map (H, W) in (0, 1) per layer, first to last; empty for a
            model without attention.
        face: (S, S) uint8, the picture as the model saw it.
        maps: one per method that was asked for, of the predicted class.
    """

    model: str
    classes: tuple[str, ...]
    probabilities: np.ndarray
    attention: list[np.ndarray]
    face: np.ndarray
    maps: Sequence[MethodMap] = ()

    @property
    def prediction(self) -> str:
        return self.classes[int(self.probabilities.argmax())]


def explain(model: FERClassifier, picture: np.ndarray, methods: Sequence[str] = ()) -> Explanation:
    """Prediction and attention of a model for a gray picture (H, W) uint8.

    The picture is cropped to its middle square and brought to the model's size, as `folder:` data
    is; crop to the face before (see `crop`), since the models were trained on crops of faces.

    Args:
        methods: attribution methods to apply as well; their target is the predicted class.
    """
    face = resized(picture, getattr(model, "input_size", None) or model.size)
    x = torch.tensor(face)[None, None].float() / 255
    with torch.inference_mode():
        trace = model.trace(x)
    maps = [spatial_attention(attention)[0].numpy() for attention in trace.attention]
    probabilities = trace.logits.softmax(1)[0].numpy()
    told = [method_map(model, x, int(probabilities.argmax()), method) for method in methods]
    return Explanation(model.name, model.classes, probabilities, maps, face, told)


def method_map(model: FERClassifier, x: torch.Tensor, target: int, method: str) -> MethodMap:
    """A method's map of one picture (1, 1, S, S); methods over regions take the mean face's.

    Raises:
        InputError: unknown method, or one that a single picture can't have.
    """
    from analysis.attributions import attribute, missing, options_of, requires
    from analysis.attributions.base import reason

    lacking = missing(method, model)
    signed = "attention" not in requires(method) and method not in SIZES
    if lacking:
        return MethodMap(method, None, signed, reason(model, lacking))
    options = {"regions": "face"} if "regions" in options_of(method) else {}
    values = attribute(model, x, target, method, **options)
    return MethodMap(method, values[0].numpy(), signed)


def crop(picture: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """The part of a picture at (left, top, width, height), in pixels.

    Raises:
        InputError: an empty box, or one that leaves the picture.
    """
    left, top, width, height = box
    rows, columns = picture.shape
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
    """A picture file as a gray array (H, W) uint8, cropped to `box` if one is given."""
    picture = read_image(path)
    return picture if box is None else crop(picture, box)
