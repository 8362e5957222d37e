"""The maps of one model by one method: made once, kept as half floats, and read by all scores."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.metrics import LOCALISATION
from analysis.studies.attribution.plan import BATCH, Suite, blocks
from analysis.subjects import Subject

Advance = Callable[[int], None]


def compute_clean(suite: Suite, subject: Subject, advance: Advance) -> None:
    """The clean pass: what is predicted, and so explained."""
    logits = []
    for part in suite.parts():
        logits.append(subject.logits(suite.dataset.images(part)))
        advance(len(part))
    columns = dict(zip(suite.dataset.classes, torch.cat(logits).T.numpy(), strict=True))
    rows = pd.DataFrame({"image_id": suite.ids, "label": suite.dataset.labels, **columns})
    suite.write("clean", subject, None, rows)


def compute_maps(suite: Suite, subject: Subject, method: str, advance: Advance) -> None:
    """Maps of the clean pictures, and how far those of occluded ones lie on the occluder."""
    target, maps = suite.targets(subject), []
    for part in suite.parts():
        images = suite.dataset.images(part)
        maps.append(suite.attribute(subject, method, images, part, target[part]))
        advance(len(part))
    rows = pd.DataFrame({"image_id": suite.ids, **packed(torch.cat(maps))})
    for name, values in hidden_scores(suite, subject, method, advance).items():
        rows[name] = np.nan
        rows.loc[suite.some(suite.sizes.reference), name] = values.numpy()
    suite.write("maps", subject, method, rows)


def hidden_scores(
    suite: Suite, subject: Subject, method: str, advance: Advance
) -> dict[str, Tensor]:
    """`localised` of occluded pictures, of the faces that have a reference."""
    faces, target, maps = suite.some(suite.sizes.reference), suite.targets(subject), []
    for part, masks in zip(blocks(faces), suite.occluded.split(BATCH), strict=True):
        images = suite.occluded_images(part, masks)
        maps.append(suite.attribute(subject, method, images, part, target[part]))
        advance(len(part))
    return localised(torch.cat(maps), suite.occluded, suite.partners(subject, faces))


def localised(maps: Tensor, masks: Tensor, partner: Tensor) -> dict[str, Tensor]:
    """{metric: (N,)}, and {metric--chance: (N,)} with the map of another face in the same mask."""
    found = {}
    for name, metric in LOCALISATION.items():
        found[name] = metric(maps, masks)
        chance = metric(maps[partner.clamp_min(0)], masks)
        found[f"{name}--chance"] = chance.where(partner >= 0, torch.nan)
    return found


def packed(maps: Tensor) -> dict[str, object]:
    """Columns of maps (N, H, W): half floats in shares of each map's largest absolute value."""
    scale = maps.abs().amax((1, 2))
    halves = (maps / scale.where(scale > 0, 1)[:, None, None]).half().numpy()
    return {"scale": scale, "map": [values.astype("<f2").tobytes() for values in halves]}


def unpacked(rows: pd.DataFrame, size: int) -> Tensor:
    """(N, size, size) float16 in [-1, 1]: maps but for their scale, which no score depends on."""
    flat = np.frombuffer(b"".join(rows["map"]), dtype="<f2").astype(np.float16)
    return torch.from_numpy(flat.copy()).view(len(rows), size, size)


def stored_maps(suite: Suite, subject: Subject, method: str, faces=slice(None)) -> Tensor:
    """Maps (n, S, S) of a finished cell, without their scale; see `unpacked`."""
    rows = suite.read("maps", subject, method, ["map"])
    return unpacked(rows.iloc[faces], suite.dataset.size)


def scaled_maps(suite: Suite, subject: Subject, method: str, faces) -> Tensor:
    """Maps (n, S, S) float32 of a finished cell in the method's own unit."""
    scale = suite.read("maps", subject, method, ["scale"])["scale"].to_numpy(copy=True)[faces]
    return (
        stored_maps(suite, subject, method, faces).float() * torch.from_numpy(scale)[:, None, None]
    )
