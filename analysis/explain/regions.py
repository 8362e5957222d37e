"""Where the parts of each face are, and how much of the decision each carries."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.attributions import shapley_values
from analysis.attributions.explanation import as_input
from analysis.stimuli.landmarks import known_landmarks, read_landmarks
from analysis.stimuli.landmarks.reader import Landmarks
from analysis.stimuli.landmarks.writer import usual_68
from analysis.stimuli.layout import fit_cameras
from analysis.stimuli.regions import placed_regions
from analysis.subjects.answers import numbers
from iram.data.dataset import FaceDataset
from iram.errors import InputError

SIZE = 48  # side of the crops that landmarks are known by, as `folder:` reads them


class Placement:
    """Says how each face stands in its crop.

    Args:
        path: a landmark file of the crops, known by their pixels; without, those that ship with
            this package are looked up, of FER2013's test faces.

    Attributes:
        known: number of faces so far whose landmarks were known.

    Raises:
        InputError: no such file, or one that knows its faces by the rows of a data set.
    """

    def __init__(self, path: Path | None = None):
        self.landmarks: Landmarks | None = None if path is None else read_landmarks(path)
        self.known = 0
        if self.landmarks is not None and self.landmarks.picture is None:
            raise InputError(f"{path}: knows faces by their rows in a data set; of photographs' "
                             "crops they must be known by their pictures (`iram landmarks --data "
                             "folder:OUT/crops`)")

    def __call__(self, crops: np.ndarray) -> tuple[Tensor, np.ndarray]:
        """(N, 2, 4) the camera of each crop (N, 48, 48), the mean face's where nothing is known;
        and (N,) bool, of which landmarks are known."""
        count = len(crops)
        metadata = pd.DataFrame({"image_id": [f"face {k + 1}" for k in range(count)],
                                 "row": range(count)})
        dataset = FaceDataset(name="crops", classes=("face",), labels=[0] * count, size=SIZE,
                              metadata=metadata, pixels=crops)
        if self.landmarks is None:
            points = known_landmarks(dataset)
        else:
            points = usual_68(self.landmarks.of(dataset, needed=False))
        known = np.isfinite(points).all((1, 2))
        self.known += int(known.sum())
        return fit_cameras(points / SIZE), known


def region_labels(camera: Tensor | None, size: int) -> Tensor:
    """(size, size) int64: which of FACE_REGIONS each pixel of a face shows; camera: (2, 4), None:
    as the mean face."""
    return placed_regions(None if camera is None else camera[None], 1, size)[0].long()


def region_values(
    model, face: np.ndarray, targets: Sequence[int], labels: Tensor, count: int
) -> np.ndarray:
    """(classes, count) exact Shapley value of each region for each of these classes, in logits; 0
    without a pixel.

    What is not shown is replaced by the picture's mean gray, so they sum to the logit of the face
    less that of an even gray. The first class's forward passes serve the others.

    Args:
        face: (S, S) or (S, S, 3) uint8 at the model's size.
        labels: (S, S) below `count`.
    """
    x, answers = as_input(face), []

    def asked(pictures: Tensor) -> Tensor:
        answers.append(numbers(model(pictures), model.name))
        return answers[-1]

    found = [shapley_values(model, x, targets[0], labels, passes=asked)]
    for target in targets[1:]:
        known = iter(answers)
        found.append(shapley_values(model, x, target, labels, passes=lambda _, k=known: next(k)))
    values = torch.cat(found).numpy()
    # A face turned away may lack the last regions.
    return np.pad(values, ((0, 0), (0, count - values.shape[1])))
