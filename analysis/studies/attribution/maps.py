"""What scores are taken of: the clean pass, exact Shapley values, and maps; each made once."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import pad

from analysis.attributions import FACE_REGIONS, shapley_interactions
from analysis.engine.cells import Advance
from analysis.metrics import LOCALISATION
from analysis.studies.attribution import interacting
from analysis.studies.attribution.held import HELD
from analysis.studies.attribution.packing import packed
from analysis.studies.attribution.plan import Suite
from analysis.studies.attribution.questions import blocks
from analysis.subjects import Subject
from analysis.subjects.answers import numbers
from iram import contract

PASSES = 64  # pictures a forward pass


def clean_rows(suite: Suite, subject: Subject, method: None, advance: Advance) -> pd.DataFrame:
    """The clean pass: what is predicted, and so explained."""
    logits = []
    for part in suite.parts():
        logits.append(subject.logits(suite.seen_by(subject).images(part)))
        advance(len(part))
    answers = numbers(torch.cat(logits), subject.name)
    columns = dict(zip(suite.dataset.classes, answers.T.numpy(), strict=True))
    return pd.DataFrame({"image_id": suite.ids, "label": suite.dataset.labels, **columns})


def reference_rows(suite: Suite, subject: Subject, method: None, advance: Advance) -> pd.DataFrame:
    """The reference of faithfulness: exact Shapley values of the regions of each face, and how the
    regions work together (`interacting.COLUMNS`).

    2^8 = 256 forward passes a face; regions are replaced with the face's mean gray.
    """
    target, rival, found = suite.targets(subject), suite.rivals(subject), []
    faces = suite.some(suite.sizes.reference)
    for part in blocks(faces):
        one = shapley_interactions(
            subject.model, suite.seen_by(subject).images(part), subject.columns[target[part]],
            suite.regions[part], batch_size=PASSES, passes=subject.passes,
            against=None if rival is None else subject.columns[rival[part]],
        )
        missing = len(FACE_REGIONS) - one.values.shape[1]  # no pixel of the last regions here
        columns = dict(zip(FACE_REGIONS, pad(one.values, (0, missing)).T.numpy(), strict=True))
        columns |= interacting.columns(*(pad(table, (0, missing, 0, missing))
                                         for table in (one.pairs, one.covered)))
        found.append(pd.DataFrame({"image_id": suite.ids[part], **columns}))
        advance(len(part))
    return pd.concat(found, ignore_index=True)


def map_rows(suite: Suite, subject: Subject, method: str, advance: Advance) -> pd.DataFrame:
    """Maps of the clean pictures, and how far those of occluded ones lie on the occluder."""
    target, maps = suite.targets(subject), []
    for part in suite.parts():
        images = suite.seen_by(subject).images(part)
        maps.append(suite.attribute(subject, method, images, part, target[part], fast=True))
        advance(len(part))
    rows = pd.DataFrame({"image_id": suite.ids, **packed(torch.cat(maps))})
    hidden = hidden_scores(suite, subject, method, HELD["localisation"], advance)
    for name, values in hidden.items():
        rows[name] = np.nan
        rows.loc[suite.some(suite.sizes.reference), name] = values.numpy()
    return rows


def hidden_scores(
    suite: Suite, subject: Subject, method: str, metrics: Iterable[str], advance: Advance
) -> dict[str, Tensor]:
    """{metric: (n,)} of maps of occluded pictures against the occluder, of the faces that have a
    reference; and {metric--chance: (n,)} with the map of another face in the same mask."""
    faces, target, maps = suite.some(suite.sizes.reference), suite.targets(subject), []
    for part, occluded in zip(blocks(faces), suite.occluded, strict=True):
        images = occluded.seen_by(contract.channels(subject)).pictures
        maps.append(suite.attribute(subject, method, images, part, target[part], fast=True))
        advance(len(part))
    maps, partner = torch.cat(maps), suite.partners(subject, faces)
    masks, found = torch.cat([occluded.mask for occluded in suite.occluded]), {}
    for name in metrics:
        found[name] = LOCALISATION[name](maps, masks)
        chance = LOCALISATION[name](maps[partner.clamp_min(0)], masks)
        found[f"{name}--chance"] = chance.where(partner >= 0, torch.nan)
    return found
