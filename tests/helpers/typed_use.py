"""A user's calls, for the type checker: every public name with arguments of every kind it takes.

Not a test by itself: `test_types.py` checks it, and that what is wrong in it is found.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor, nn

from analysis import (
    Condition,
    Result,
    Subject,
    attribute,
    attribution_suite,
    benchmark,
    shift,
)
from analysis.subjects.outside import OutsideModel
from iram import (
    FaceDataset,
    FERClassifier,
    InputError,
    build_model,
    load_model,
    open_dataset,
)
from iram.contract import Model


def my_faces() -> FaceDataset:
    images: np.ndarray = np.zeros((4, 48, 48), np.uint8)
    return FaceDataset.of(images, ["happy", "sad"] * 2, classes=["happy", "sad"], name="mine")


def my_net(net: nn.Module) -> Subject:
    return Subject.of(net, classes=["happy", "sad"], size=112, channels=3, mean=[0.5, 0.5, 0.5],
                      std=0.2, name="mine", attention=["stage2.gate"])


def three_studies(net: nn.Module) -> list[Result]:
    faces: FaceDataset = open_dataset("heads:n=70", split="test")
    one = benchmark(faces, [my_net(net), "iram,none"], ["eyes-0.3-mean", Condition("box", 0.3)],
                    out=Path("runs"), limit=10, workers=2)
    two = attribution_suite("heads", "iram", "cheap", random_labels="iram-random-labels")
    three = shift(my_faces(), load_model("iram"), out="s3://bucket/runs", ran_lists="lists")
    return [one, two, three]


def read(result: Result) -> pd.DataFrame:
    text: str = result.report()
    notes: list[str] = result.notes
    made: int = result.made
    if not text or not made:
        raise InputError("; ".join(notes))
    return result.tables["summary"]


def explained(model: FERClassifier, faces: FaceDataset) -> Tensor:
    x: Tensor = faces.images([0, 1])
    return attribute(model, x, 0, method="gradcam")


def as_model(ours: FERClassifier, theirs: OutsideModel) -> list[Model]:
    return [ours, theirs, build_model(attention="iram")]
