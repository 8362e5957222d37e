"""The reference of faithfulness: exact Shapley values of the regions of each face."""

import pandas as pd
import torch

from analysis.attributions import FACE_REGIONS, shapley_values
from analysis.studies.attribution.maps import Advance
from analysis.studies.attribution.plan import Suite, blocks
from analysis.subjects import Subject

PASSES = 64  # pictures a forward pass


def compute_reference(suite: Suite, subject: Subject, advance: Advance) -> None:
    """2^8 = 256 forward passes a face; regions are replaced with the face's mean gray."""
    target, found = suite.targets(subject), []
    faces = suite.some(suite.sizes.reference)
    for part in blocks(faces):
        values = shapley_values(
            subject.model, suite.dataset.images(part), subject.columns[target[part]],
            suite.regions[part], batch_size=PASSES,
        )
        missing = len(FACE_REGIONS) - values.shape[1]  # no pixel of the last regions in this part
        found.append(torch.nn.functional.pad(values.cpu(), (0, missing)))
        advance(len(part))
    columns = dict(zip(FACE_REGIONS, torch.cat(found).T.numpy(), strict=True))
    suite.write("reference", subject, None, pd.DataFrame({"image_id": suite.ids[faces], **columns}))
