"""The target's logit of many masked copies of each picture, in batches of one size."""

from collections.abc import Callable

import torch
from torch import Tensor

from analysis.attributions.question import of_target
from analysis.stimuli.fills import FILLS, Scene
from iram.errors import InputError
from iram.registry import unknown

BASELINES = ("black", "mean", "blur")
"""Fills that need neither chance nor another face: what a removed pixel is replaced with."""

Passes = Callable[[Tensor], Tensor]
Keep = Callable[[Tensor, Tensor], Tensor]
"""(picture numbers, variant numbers), both (B,) -> (B, H, W): True, or a share, of what stays."""


def baseline(x: Tensor, fill: str = "mean") -> Tensor:
    """(N, C, H, W): the pictures with everything removed.

    Args:
        fill: "black"; "mean" (each picture's own mean gray) or "blur" (its own Gaussian blur of an
            eighth of the side, at which no part of the face is left).

    Raises:
        InputError: another fill.
    """
    if fill not in BASELINES:
        raise InputError(unknown("baseline", fill, BASELINES))
    everything = torch.ones(1, *x.shape[2:], dtype=torch.bool, device=x.device)
    return FILLS[fill](Scene(x, everything)).to(x).expand_as(x)


@torch.no_grad()
def masked_logits(
    model, x: Tensor, target: Tensor, variants: int, keep: Keep,
    fill: str = "mean", batch_size: int = 32, bf16: bool = False, passes: Passes | None = None,
) -> Tensor:
    """(N, variants) float32: the target's logit of each variant of each picture.

    Batches run over pictures and variants alike, and only one of them exists at a time: memory
    does not grow with the number of either.

    Args:
        variants: number of masked copies of a picture.
        keep: what stays of each; what does not is replaced by the fill.
        passes: what gives the model's logits faster (see `analysis.subjects.backends`); default:
            the model.
        bf16: forward passes in bfloat16 (autocast), about 1.6 times as fast on a CPU that has it,
            with logits good to two or three digits.
    """
    check_batch_size(batch_size)
    removed = baseline(x, fill)
    logits = torch.empty(len(x) * variants, device=x.device)
    for part in torch.arange(len(logits), device=x.device).split(batch_size):
        picture = part.div(variants, rounding_mode="floor")
        stays = keep(picture, part % variants)[:, None]
        shown = blended(x[picture], removed[picture], stays)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            answers = (passes or model)(shown)
        logits[part] = of_target(answers.float(), target[picture])
    return logits.view(len(x), variants)


def blended(shown: Tensor, removed: Tensor, stays: Tensor) -> Tensor:
    """The picture where it stays, the fill elsewhere; in between for shares."""
    if stays.dtype == torch.bool:
        return torch.where(stays, shown, removed)
    return removed + stays * (shown - removed)


def check_batch_size(size: int) -> None:
    if not isinstance(size, int) or size < 1:
        raise InputError(f"the batch size is {size!r}; it must be a whole number from 1")
