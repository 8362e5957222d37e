"""Trials of a method: sanity and robustness of its maps, and deletion in the model's domain."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.attributions.contrast import pairwise
from analysis.attributions.layers import activation
from analysis.attributions.question import fitted
from analysis.engine.cells import Advance
from analysis.metrics import TRIALS, Case
from analysis.studies.attribution.plan import Suite
from analysis.studies.attribution.record import Record
from analysis.studies.attribution.sanity import blocks_from_top
from analysis.subjects import Subject
from iram.seeds import derived_seed, generators


def trial_rows(
    suite: Suite, subject: Subject, method: str, metrics: Sequence[str], advance: Advance
) -> list[pd.DataFrame]:
    """The rows of each metric trials/NAME of a method; they share what they ask."""
    cases, found = {}, []
    for name in (metric.partition("/")[2] for metric in metrics):
        about, faces = TRIALS.about(name), suite.faces_of_trial(name)
        if about.faces not in cases:
            cases[about.faces] = case_of(suite, subject, method, faces)
        case, record = cases[about.faces], Record(suite, subject, method=method)
        fill = case.fill if "covering" in about.needs else "none"
        record.add(faces, *TRIALS[name](case), family=about.family, metric=name, test=about.test,
                   layer=about.layer, region="none", fill=fill)
        found.append(record.rows())
        advance(len(faces))
    return found


def case_of(suite: Suite, subject: Subject, method: str, faces: np.ndarray) -> Case:
    """What trials may ask of a method, a model and some of the faces."""
    images, target = suite.seen_by(subject).images(faces), suite.targets(subject)[faces]

    def explain(pictures: Tensor, places: Tensor) -> Tensor:
        return suite.attribute(subject, method, pictures, faces[places.numpy()], target[places])

    def features(pictures: Tensor) -> Tensor:
        return activation(subject.model, fitted(subject.model, pictures)).flatten(1)

    def weights(purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(derived_seed(suite.seed, purpose))

    return Case(
        subject.model, images, suite.questions(subject)[faces],
        suite.scaled_maps(subject, method, faces), suite.partners(subject, faces), explain,
        subject.logits,
        lambda purpose: list(generators(suite.seed, purpose, suite.ids[faces])), weights, features,
        blocks_from_top(subject.model, images[:1]), suite.fill_of(subject),
        **({"scores": pairwise} if suite.against else {}),
    )
