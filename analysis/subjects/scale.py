"""Whether a net was trained on pictures of another range than its description says."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from analysis.subjects.judgement import GAIN, better
from analysis.subjects.outside import OutsideModel

BYTE = 1 / 255
IMAGENET = {"gray": ((0.449,), (0.226,)),
            "rgb": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}
SECONDS = 0.6  # of this thread, whatever else the machine does, that all ranges may take
BATCH = 16
FEW = 4  # faces by which the time is measured


def ranges(colour: str) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
    """{what pictures are: (mean, std)} of the usual ranges."""
    mean, std = IMAGENET[colour]
    return {
        "in 0 to 1 (mean = 0, std = 1)": ((0.0,), (1.0,)),
        f"in 0 to 255 (mean = 0, std = {BYTE:.6f})": ((0.0,), (BYTE,)),
        "in -1 to 1 (mean = 0.5, std = 0.5)": ((0.5,), (0.5,)),
        f"normalised as for ImageNet (mean = {list(mean)}, std = {list(std)})": (mean, std),
        f"in 0 to 255 less ImageNet's mean (mean = {list(mean)}, std = {BYTE:.6f})":
            (mean, (BYTE,)),
    }


@torch.inference_mode()
def another_range(
    model: OutsideModel, faces: Tensor, labels: Tensor, columns: Tensor | Sequence[int],
    gain: float = GAIN, seconds: float | None = None,
) -> str:
    """What is told where a net recognises measurably more faces in another range of pictures than
    the one described; "" where it does not, or as far as the time allows.

    Args:
        faces: (N, 1, S, S) in [0, 1], in any order; fewer are asked of a slow net.
        labels: (N,) their classes.
        columns: for each class the place of its logit.
        gain: share of the faces by which it must be better.
        seconds: that a face takes; None: it is measured.
    """
    device, described = model.mean.device, model.description
    tried = {told: (mean, std) for told, (mean, std) in ranges(described.colour).items()
             if not _alike(mean, described.mean) or not _alike(std, described.std)}

    def right(net: OutsideModel, count: int) -> np.ndarray:
        logits = torch.cat([net(part.to(device)).cpu() for part in faces[:count].split(BATCH)])
        return (logits[:, columns].argmax(1) == labels[:count]).numpy()

    if seconds is None:
        started = time.thread_time()
        right(model, FEW)
        seconds = (time.thread_time() - started) / min(FEW, len(faces))
    count = min(len(faces), int(SECONDS / seconds / (1 + len(tried))))
    if count < BATCH:
        return ""
    own, found = right(model, count), {}
    for told, (mean, std) in tried.items():
        other = OutsideModel(model.net, replace(described, mean=mean, std=std), model.where)
        answers = right(other.eval().to(device), count)
        if better(answers, own, gain, len(tried)):
            found[told] = answers
    if not found:
        return ""
    best = max(found, key=lambda told: found[told].sum())
    return (f"wrong mean or std? With pictures {best} it is right on {found[best].mean():.1%} of "
            f"{count} faces, as described on {own.mean():.1%}")


def _alike(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two means or two deviations are the same, to the first digits."""
    return bool(np.allclose(np.broadcast_to(one, 3), np.broadcast_to(other, 3), rtol=0.02,
                            atol=0.002))
