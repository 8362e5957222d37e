"""Predictions and accuracy of a model on a data set."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from iram.data.dataset import FaceDataset

VIEWS = ("single", "flip", "crops")
CROP = 11 / 12  # of the side: 44 of 48 px


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


def accuracy(logits: Tensor, labels: Tensor) -> dict:
    """Share of right predictions with its 95% Wilson interval: accuracy, low, high, n."""
    from scipy.stats import binomtest  # it takes half a second, and few commands evaluate

    hits = int((logits.argmax(1) == labels).sum())
    interval = binomtest(hits, len(labels)).proportion_ci(0.95, method="wilson")
    return {
        "accuracy": round(hits / len(labels), 6),
        "low": round(float(interval.low), 6),
        "high": round(float(interval.high), 6),
        "n": len(labels),
    }


def measure_name(split: str, views: str) -> str:
    """What a card calls the accuracy on this split with these views: "PrivateTest, flip"."""
    return split if views == "single" else f"{split}, {views}"


def single_views(accuracies: dict[str, dict]) -> dict[str, dict]:
    """Those of a card's accuracies that are of the single picture, by split, validation first."""
    return {name: result for name, result in accuracies.items()
            if not name.endswith(tuple(f", {views}" for views in VIEWS))}
