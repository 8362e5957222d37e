"""Nulls and controls: what attention would do without moving, or without having learned to."""

import copy

import torch
from torch import Tensor, nn

from analysis.stimuli.layout import FaceLayout
from analysis.stimuli.occluders import cover
from analysis.subjects.roles import PERMUTED
from iram.cells import Cells
from iram.seeds import derived_seed, generators

CALIBRATION = 128  # faces


def mechanical_null(clean: Tensor, cells: Cells) -> Tensor:
    """(N, h, w): the clean map without what is covered, brought back to its sum.

    What attention would do that is only cut off and has moved nowhere. Bringing it back to its sum
    lifts what is visible by one factor, so its shares there are those of the clean map. Against
    shares (`expressive_mass`) and distances (`movement`, `away`) it is the null as it is. Whether
    the visible face *gains* is asked of the gates' own values, which nothing brings to a sum: cut
    off, they leave the visible face as it was, a gain of 0. That is not all that goes without
    movement, since any patch in the picture, also one that covers nothing of the face, can stir the
    gates of the whole face. So the gain must exceed 0, and also the gain of the same cells beside
    a sham of the same fill.
    """
    left = clean * (1 - (cells.inside > 0).float())
    total, kept = (one.flatten(1).sum(1)[:, None, None] for one in (clean, left))
    return left * total / kept.clamp(min=1e-12)


def permuted_mask(
    covered: Tensor, fraction: float, layout: FaceLayout, image_ids, seed: int
) -> Tensor:
    """(N, S, S) bool: the random box of another face, less what is covered in this one.

    A box, since a region's mask lies in nearly the same place on every face: exchanged between
    faces it would still be the covered region, and no null.
    """
    places = generators(seed, "permuted mask", image_ids)
    return cover("box", fraction, layout, places).mask & ~covered


@torch.no_grad()
def permuted_weights(model: nn.Module, images: Tensor, seed: int = 0) -> nn.Module:
    """A copy with the entries of every trained tensor permuted; the model itself is untouched.

    So each layer keeps the distribution of its weights, where a fresh initialisation would have
    almost constant gates and make a trivial null. The running statistics of batch norm belong to
    the unpermuted weights and would flatten the gates (of the shipped IRAM from a spatial
    standard deviation of 0.03-0.1 to 0.002-0.02): they are taken anew from `images` (N, 1, S, S).
    """
    permuted = copy.deepcopy(model)
    for name, tensor in permuted.named_parameters():
        generator = torch.Generator().manual_seed(derived_seed(seed, PERMUTED, name))
        order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
        tensor.copy_(tensor.flatten()[order].view_as(tensor))
    recalibrate(permuted, images)
    return permuted


@torch.no_grad()
def recalibrate(model: nn.Module, images: Tensor) -> None:
    """Takes the batch norm statistics of a model in eval mode from these pictures."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over what it sees
        norm.train()
    if norms:
        model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
