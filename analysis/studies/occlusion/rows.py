"""The rows of a cell: one per image, with what a model answered and how far the face was hidden."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.stimuli.conditions import Condition
from analysis.subjects import Subject
from analysis.subjects.answers import numbers
from iram.data.dataset import FaceDataset
from iram.registry import Registry

VERSION = 2  # raise it when what a cell holds changes, so that old cells are made again
HELD = ("prediction", "correct", "margin", "probability", "confidence")  # by cells of VERSION
MEASURES = Registry("measure of an answer")  # each (logits (N, K), labels (N,)) -> (N,)


def rows_of(
    dataset: FaceDataset, part: slice, condition: Condition, subject: Subject, logits: Tensor,
    fractions: Tensor,
) -> pd.DataFrame:
    """One row per face of a part of the data set, with the `measures` of its logits.

    Args:
        logits: (N, classes), in the data set's order of faces and classes.
        fractions: (3, N) what is occluded of the face, what is painted of the picture, and what of
            the face the head itself hides, 0 to 1.

    Raises:
        InputError: logits that are not numbers.
    """
    labels, logits = dataset.labels[part], numbers(logits, subject.name, condition.name)
    constant = {
        "dataset": dataset.name, "model": subject.name, "seed": subject.seed,
        "condition": condition.name, "occluder": condition.occluder, "fill": condition.fill,
        "corruption": condition.corruption,
    }
    return pd.DataFrame(
        {
            "image_id": dataset.metadata["image_id"].iloc[part].reset_index(drop=True),
            "label": labels.to(torch.int8),
            **{name: pd.Categorical.from_codes(np.zeros(len(labels), np.int8), [value])
               for name, value in constant.items()},
            "occlusion_fraction": fractions[0], "painted_fraction": fractions[1],
            "self_occlusion_fraction": fractions[2],
            "yaw_deg": np.float32(condition.yaw_deg or 0),
            "pitch_deg": np.float32(condition.pitch_deg or 0),
            "roll_deg": np.float32(condition.roll_deg), "severity": np.int8(condition.severity),
            **measures(logits, labels),
        }
    )


def measures(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """{name: (N,)}: each of MEASURES of logits (N, K) and labels (N,)."""
    return {name: measure(logits, labels) for name, measure in MEASURES.items()}


@MEASURES.register("prediction")
def prediction(logits: Tensor, labels: Tensor) -> Tensor:
    """The class of the highest logit (the first of equals), int8."""
    return logits.argmax(1).to(torch.int8)


@MEASURES.register("correct")
def correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Whether the prediction is the label."""
    return logits.argmax(1) == labels


@MEASURES.register("margin")
def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """The label's logit minus the highest other one, in logits; above 0 = right."""
    own = logits.gather(1, labels[:, None])
    return own[:, 0] - logits.scatter(1, labels[:, None], -torch.inf).amax(1)


@MEASURES.register("probability")
def probability(logits: Tensor, labels: Tensor) -> Tensor:
    """Softmax probability of the label, 0 to 1."""
    return logits.softmax(1).gather(1, labels[:, None])[:, 0]


@MEASURES.register("confidence")
def confidence(logits: Tensor, labels: Tensor) -> Tensor:
    """Softmax probability of the prediction, 1/K to 1."""
    return logits.softmax(1).amax(1)
