"""Predictions and accuracy of a model on a data set."""

import contextlib
from collections.abc import Iterator

import torch
from scipy.stats import binomtest
from torch import Tensor, nn

from iram.data.dataset import FaceDataset


@torch.inference_mode()
def predict(
    model: nn.Module,
    dataset: FaceDataset,
    *,
    batch_size: int = 256,
    flip: bool = False,
    bf16: bool = False,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Logits (N, num_classes), float32 on the CPU, in eval mode (the mode is restored).

    Args:
        flip: average the logits of each picture and its mirror image.
    """
    logits = []
    with evaluating(model):
        for start in range(0, len(dataset), batch_size):
            x = dataset.images(slice(start, start + batch_size)).to(device)
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
                out = model(x).float()
                if flip:
                    out = (out + model(x.flip(3)).float()) / 2
            logits.append(out.cpu())
    return torch.cat(logits)


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
    hits = int((logits.argmax(1) == labels).sum())
    interval = binomtest(hits, len(labels)).proportion_ci(0.95, method="wilson")
    return {
        "accuracy": round(hits / len(labels), 6),
        "low": round(float(interval.low), 6),
        "high": round(float(interval.high), 6),
        "n": len(labels),
    }
