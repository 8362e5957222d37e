"""What a model says of a picture: probabilities, its attention, and where that attention is."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from analysis.attributions.attention import at_largest, maps_of
from analysis.attributions.question import fitted
from analysis.explorer.picture import Picture
from analysis.stimuli.resizing import resize
from analysis.studies.shift.measures import log_mass
from analysis.subjects.answers import numbers
from iram.cells import cells
from iram.errors import InputError


class Answer(NamedTuple):
    """One forward pass of one picture.

    Attributes:
        probabilities: (K,) softmax, summing to 1.
        attention: (1, h, w) in (0, 1) per layer, first to last; empty for a model without any.
    """

    probabilities: Tensor
    attention: list[Tensor]

    @property
    def prediction(self) -> int:
        return int(self.probabilities.argmax())


@torch.inference_mode()
def ask(model, x: Tensor) -> Answer:
    """The model's answer to a picture (1, 1, S, S), brought to its size as `attribute` does."""
    trace = model.trace(fitted(model, x))
    logits = numbers(trace.logits, model.name)
    return Answer(logits.softmax(1)[0], maps_of(trace) if trace.attention else [])


def attention_map(answer: Answer, layer: int | None, size: int) -> Tensor | None:
    """(size, size) in (0, 1): one layer's attention, or the mean of all; as `attribute` with the
    methods `attention_layer` and `attention`. None for a model without attention.

    Raises:
        InputError: no such layer.
    """
    if not answer.attention:
        return None
    if layer is None:
        return resize(torch.stack(at_largest(answer.attention)).mean(0), size, size)[0]
    if not 0 <= layer < len(answer.attention):
        raise InputError(f"no attention layer {layer}; there are 0 to {len(answer.attention) - 1}")
    return resize(answer.attention[layer], size, size)[0]


class OnCovered(NamedTuple):
    """Attention on the covered part, over an even share: 1 if it has as much per area as the whole
    face, below 1 if less; before the part was covered and after. NaN where it is not defined.
    """

    before: float
    after: float


def on_covered(picture: Picture, before: Answer, after: Answer) -> list[OnCovered]:
    """One per layer, by the study's measure: exp of `analysis.studies.shift.measures.log_mass`.

    Pictures of other sizes than the model's are compared on the model's layers all the same, since
    cells are shares of the picture.
    """
    found = []
    for one, other in zip(before.attention, after.attention, strict=True):
        where = cells(picture.mask, picture.face_area, *one.shape[1:])
        found.append(OnCovered(*(math.exp(float(log_mass(m, where))) for m in (one, other))))
    return found
