"""One picture explained: what each model predicts, and where its attention is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from analysis.maps import spatial_attention
from iram.data.images import read_image, resized
from iram.errors import InputError
from iram.model import FERClassifier


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
    """

    model: str
    classes: tuple[str, ...]
    probabilities: np.ndarray
    attention: list[np.ndarray]
    face: np.ndarray

    @property
    def prediction(self) -> str:
        return self.classes[int(self.probabilities.argmax())]


def explain(model: FERClassifier, picture: np.ndarray) -> Explanation:
    """Prediction and attention of a model for a gray picture (H, W) uint8.

    The picture is cropped to its middle square and brought to the model's size, as `folder:` data
    is; crop to the face before (see `crop`), since the models were trained on crops of faces.
    """
    face = resized(picture, model.input_size)
    x = torch.tensor(face)[None, None].float() / 255
    with torch.inference_mode():
        trace = model.trace(x)
    maps = [spatial_attention(attention)[0].numpy() for attention in trace.attention]
    probabilities = trace.logits.softmax(1)[0].numpy()
    return Explanation(model.name, model.classes, probabilities, maps, face)


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
