"""Predictions and accuracy of a model on a data set."""

import contextlib
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from iram.data.dataset import FaceDataset

VIEWS = ("single", "flip", "crops")
CROP = 11 / 12  # of the side: 44 of 48 px
Z = 1.959963984540054  # of the normal distribution, 95% lie within so many standard deviations


@torch.inference_mode()
def predict(
    model: nn.Module,
    dataset: FaceDataset,
    *,
    batch_size: int = 256,
    views: str = "single",
    bf16: bool = False,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Logits (N, num_classes), float32 on the CPU, in eval mode (the mode is restored).

    Args:
        views: of each picture, whose logits are averaged: "single" (as it is), "flip" (and its
            mirror image) or "crops" (ten crops).
    """
    logits = []
    with evaluating(model):
        for start in range(0, len(dataset), batch_size):
            x = dataset.images(slice(start, start + batch_size)).to(device)
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
                seen = [model(view).float() for view in seen_as(x, views)]
            logits.append(torch.stack(seen).mean(0).cpu())
    return torch.cat(logits)


def seen_as(x: Tensor, views: str) -> Iterator[Tensor]:
    """The views of a batch (N, C, H, W), each of its shape.

    Ten crops are those of Krizhevsky et al. (NIPS 2012): the corners and the centre and their
    mirror images. Each is 11/12 of the side, resampled (bilinear) to the size that the model is
    for, where they fed it the crop itself.
    """
    if views not in VIEWS:
        raise ValueError(f"views is {views!r}; it must be one of {', '.join(VIEWS)}")
    if views != "crops":
        yield x
        if views == "flip":
            yield x.flip(3)
        return
    height, width = x.shape[2:]
    h, w = round(CROP * height), round(CROP * width)
    bottom, right = height - h, width - w
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    for top, left in corners:
        crop = x[:, :, top : top + h, left : left + w]
        crop = F.interpolate(crop, (height, width), mode="bilinear", align_corners=False)
        yield crop
        yield crop.flip(3)


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """Eval mode inside the block; after it, and after an error, every module's own mode again."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield model.eval()
    finally:
        for module, mode in modes:
            module.training = mode


def accuracy(
    logits: Tensor, labels: Tensor, photographs: np.ndarray | None = None
) -> dict[str, float | int]:
    """Share of right predictions with its 95% Wilson interval: accuracy, low, high, n, pictures.

    Copies of a picture tell no more than one: where they are known, the interval is that of as many
    independent pictures as have this share's variance over clusters of copies (the effective sample
    size; Dean & Pagano, Survey Research Methods 9(2), 2015), of as many as there are different ones
    (`pictures`) at most.

    Args:
        photographs: (N,) the same number for all copies of a picture
            (`FaceDataset.photographs`); None: each is a picture of its own.
    """
    right = (logits.argmax(1) == labels).double().numpy()
    share, pictures = float(right.mean()), len(right)
    independent = float(pictures)
    if photographs is not None:
        _, own, sizes = np.unique(photographs, return_inverse=True, return_counts=True)
        pictures = len(sizes)
        over_clusters = (np.bincount(own, right - share) ** 2).sum()
        over_rows = ((right - share) ** 2).sum()
        independent = min(pictures, len(right) * over_rows / over_clusters
                          if over_clusters > 0 else pictures)
    low, high = _wilson(share, independent)
    return {"accuracy": round(share, 6), "low": round(low, 6), "high": round(high, 6),
            "n": len(right), "pictures": pictures}


def _wilson(share: float, count: float) -> tuple[float, float]:
    """The 95% interval of a share among so many; Wilson, JASA 22, 1927."""
    whole = 1 + Z**2 / count
    centre = (share + Z**2 / (2 * count)) / whole
    half = Z / whole * math.sqrt(share * (1 - share) / count + (Z / (2 * count)) ** 2)
    return max(0.0, centre - half), min(1.0, centre + half)


def measure_name(split: str, views: str) -> str:
    """What a card calls the accuracy on this split with these views: "PrivateTest, flip"."""
    return split if views == "single" else f"{split}, {views}"


def single_views(accuracies: dict[str, dict]) -> dict[str, dict]:
    """Those of a card's accuracies that are of the single picture, by split, validation first."""
    return {name: result for name, result in accuracies.items()
            if not name.endswith(tuple(f", {views}" for views in VIEWS))}
