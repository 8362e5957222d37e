"""Do a method's maps depend on what was learned? Randomised weights, and random labels."""

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor, nn

from analysis.engine.cells import Advance
from analysis.metrics import AGREEMENT, cascade_similarity
from analysis.metrics.sanity import layers_from_top
from analysis.studies.attribution.plan import Suite
from analysis.studies.attribution.record import Record
from analysis.subjects import Subject
from iram.model import FERClassifier
from iram.seeds import derived_seed

METRICS = ("spearman", "ssim")
LABELS = "random labels"


def sanity_rows(suite: Suite, subject: Subject, method: str, advance: Advance) -> pd.DataFrame:
    """Likeness of a method's maps to the originals as blocks lose their weights, top first."""
    faces, record = suite.some(suite.sizes.sanity), Record(suite, subject, method=method)
    images, target = suite.seen_by(subject).images(faces), suite.targets(subject)[faces]

    def attribute(model: nn.Module) -> Tensor:
        return suite.attribute(subject, method, images, faces, target)  # `model` is its model

    generator = torch.Generator().manual_seed(derived_seed(suite.seed, "cascade"))
    found = cascade_similarity(subject.model, attribute, generator, metrics=METRICS,
                               layers=blocks_from_top(subject.model, images[:1]))
    maps = suite.maps(subject, method).float()
    partner = suite.partners(subject)[faces]
    other = suite.randomised.get(subject.name)
    if other is not None:
        of_other = suite.attribute(subject, method, images, faces, target, other)
    for metric in METRICS:
        chance = AGREEMENT[metric](maps[faces], maps[partner.clamp_min(0)])
        chance = chance.where(partner >= 0, torch.nan)
        for layer, value in zip(found.layers, found.similarity[metric], strict=True):
            record.add(faces, value, chance, test="weights", layer=layer, metric=metric)
        if other is not None:
            value = AGREEMENT[metric](maps[faces], of_other)
            record.add(faces, value, chance, test="labels", layer=LABELS, metric=metric)
    advance(len(faces))
    return record.rows()


def blocks_from_top(model: nn.Module, example: Tensor) -> Sequence[str]:
    """The classifier, each block and the stem of our models, of those that have weights; every
    layer of others."""
    if not isinstance(model, FERClassifier):
        return layers_from_top(model, example)
    names = ["classifier", *(f"backbone.{name}" for name in model.backbone.from_top())]
    return [name for name in names if any(True for _ in model.get_submodule(name).parameters())]
