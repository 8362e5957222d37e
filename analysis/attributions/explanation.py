"""What one model says of one picture, in the form that figures and pages show."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from iram import contract
from iram.data.classes import canonical
from iram.errors import InputError
from iram.model import FERClassifier


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
        against: the class that it is asked against; "" for its logit alone.
    """

    model: str
    classes: tuple[str, ...]
    probabilities: np.ndarray
    attention: list[np.ndarray]
    face: np.ndarray
    maps: Sequence[MethodMap] = ()
    against: str = ""

    @property
    def prediction(self) -> str:
        return self.classes[int(self.probabilities.argmax())]

    @property
    def explained(self) -> str:
        """What the maps are of: "happy", or "happy rather than surprise"."""
        return rather(self.prediction, self.against)


def rather(target: str, against: str = "") -> str:
    """What is explained, in words."""
    return f"{target} rather than {against}" if against else target


def picture_size(model) -> int:
    """Pixels a side of what the model sees; one from outside resizes pictures itself."""
    return contract.input_size(model) or model.size


def as_input(face: np.ndarray) -> torch.Tensor:
    """(1, C, S, S) in [0, 1] of a picture (S, S), or (S, S, 3) in colour, uint8."""
    x = torch.tensor(face).float() / 255
    return x[None, None] if x.ndim == 2 else x.permute(2, 0, 1)[None].contiguous()


def class_names(model) -> tuple[str, ...]:
    """The model's classes, under the usual names where it has others (Happiness: happy)."""
    return tuple(map(canonical, model.classes))


def method_map(
    model: FERClassifier, x: torch.Tensor, target: int, method: str, against: int | None = None
) -> MethodMap:
    """A method's map of one picture (1, 1, S, S); methods over regions take the mean face's.

    A map that is the same at every place is none.

    Args:
        against: the class that the target is asked against; None: its logit is explained.

    Raises:
        InputError: unknown method.
    """
    from analysis.attributions import ATTRIBUTIONS, attribute, missing, options_of
    from analysis.attributions.base import NOT_NUMBERS, SAME_EVERYWHERE, is_constant, reason

    lacking, signed = missing(method, model), ATTRIBUTIONS.about(method).signed
    if lacking:
        return MethodMap(method, None, signed, reason(model, lacking))
    options = {"regions": "face"} if "regions" in options_of(method) else {}
    try:
        values = attribute(model, x, target, method, against=against, **options)
    except InputError as error:
        return MethodMap(method, None, signed, str(error))
    if not values.isfinite().all():
        return MethodMap(method, None, signed, NOT_NUMBERS)
    if is_constant(values) and not ATTRIBUTIONS.about(method).trivial:
        return MethodMap(method, None, signed, SAME_EVERYWHERE)
    return MethodMap(method, values[0].cpu().numpy(), signed)
