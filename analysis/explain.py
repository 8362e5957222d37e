"""One picture explained: what each model predicts, where its attention is, and what any
attribution method says of the predicted class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from analysis.example import Example
from analysis.maps import spatial_attention
from iram.data.classes import canonical
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
    face = resized(picture, picture_size(model))
    x = torch.tensor(face)[None, None].float() / 255
    with torch.inference_mode():
        trace = model.trace(x)
    maps = [spatial_attention(attention)[0].numpy() for attention in trace.attention]
    probabilities = trace.logits.softmax(1)[0].numpy()
    told = [method_map(model, x, int(probabilities.argmax()), method) for method in methods]
    return Explanation(model.name, class_names(model), probabilities, maps, face, told)


def picture_size(model) -> int:
    """Pixels a side of what the model sees; one from outside resizes pictures itself."""
    return getattr(model, "input_size", None) or model.size


def class_names(model) -> tuple[str, ...]:
    """The model's classes, under the usual names where it has others (Happiness: happy)."""
    described = getattr(model, "description", None)
    return tuple(map(canonical, described.data_classes)) if described else model.classes


def method_map(model: FERClassifier, x: torch.Tensor, target: int, method: str) -> MethodMap:
    """A method's map of one picture (1, 1, S, S); methods over regions take the mean face's.

    Raises:
        InputError: unknown method, or one that a single picture can't have.
    """
    from analysis.attributions import attribute, missing, options_of
    from analysis.attributions.base import reason

    lacking, signed = missing(method, model), is_signed(method)
    if lacking:
        return MethodMap(method, None, signed, reason(model, lacking))
    options = {"regions": "face"} if "regions" in options_of(method) else {}
    values = attribute(model, x, target, method, **options)
    return MethodMap(method, values[0].numpy(), signed)


def is_signed(method: str) -> bool:
    """Whether 0 is a middle of its maps: for or against the class."""
    from analysis.attributions import requires

    return "attention" not in requires(method) and method not in SIZES


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


EXAMPLE_METHODS = ("attention", "gradcam", "integrated_gradients", "region_shapley")


def explain_covered(subject, dataset, face: int, condition, cameras=None, seed: int = 0) -> Example:
    """One face of a data set before and after an occluder, each by EXAMPLE_METHODS.

    Explained is the clean prediction, on both. Regions are those of the face's own layout. Methods
    that the model can't have are left out.

    Args:
        subject: an `analysis.subjects.Subject`.
        condition: with an occluder, upright.
        cameras: (N, 2, 4) how each face of the data set stands, None: as the mean face.

    Raises:
        InputError: no such face, or a condition without an occluder or that turns the head.
    """
    from analysis.attributions import attribute, missing, options_of
    from analysis.perturb import cover_faces, finish, layout_at
    from analysis.suite.regions import placed_regions

    if not 0 <= face < len(dataset):
        raise InputError(f"--face {face}: {dataset.name} has faces 0 to {len(dataset) - 1}")
    if condition.occluder == "none" or condition.in_depth or condition.roll_deg:
        raise InputError(f"condition '{condition.name}': an example is one face under an occluder, "
                         "such as eyes-0.3-mean")
    part = slice(face, face + 1)
    camera = None if cameras is None else cameras[part]
    clean, ids = dataset.images(part), dataset.metadata["image_id"].iloc[part].tolist()
    covered = cover_faces(layout_at(condition, camera, dataset.size), condition, ids, seed)
    images = torch.cat([clean, finish(clean, covered, condition, ids, seed, dataset, part)])
    model = subject.model  # loaded here: of one that is loaded in inference mode no gradient is had
    logits = subject.logits(images)
    target = int(logits[0].argmax())
    regions = placed_regions(camera, 1, dataset.size).long().expand(2, -1, -1)
    maps = {}
    for method in EXAMPLE_METHODS:
        if not missing(method, model):
            own = {"regions": regions} if "regions" in options_of(method) else {}
            found = attribute(model, images, int(subject.columns[target]), method, **own)
            maps[method] = found.cpu().numpy()
    names, chance = dataset.classes, logits.softmax(1)
    facts = {
        "model": subject.name, "dataset": dataset.name, "image_id": str(ids[0]),
        "label": names[int(dataset.labels[face])], "condition": condition.name,
        "occluder": condition.occluder, "fill": condition.fill, "fraction": condition.fraction,
        "explained": names[target], "predictions": [names[i] for i in logits.argmax(1).tolist()],
        "probabilities": [round(p, 6) for p in chance[:, target].tolist()],
        "signed": [m for m in maps if is_signed(m)],
    }
    pictures = (255 * images[:, 0]).round().to(torch.uint8).numpy()
    return Example(pictures, covered.mask[0].numpy(), maps, facts)
