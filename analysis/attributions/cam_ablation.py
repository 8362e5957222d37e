"""Ablation-CAM: features weighted by what the logit loses without them, without gradients."""

from itertools import count

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.cams import combined, most_varied
from analysis.attributions.hooks import features, hooked, with_features
from analysis.attributions.layers import SAME, Layer, activation, chosen
from analysis.attributions.masking import check_batch_size
from analysis.attributions.places import brought
from analysis.attributions.question import of_target
from iram import contract

ROUNDING = 4 * torch.finfo(torch.float32).eps  # of the largest logit


@attribution("ablation_cam", "layers", title="Ablation-CAM", cost="several passes")
def ablation_cam(
    model, x, target, layer: str | None = None, relu: bool = False, batch_size: int = 256,
    most: int | None = None,
) -> Tensor:
    """sum_c w_c A_c, w_c = logit - logit with channel c of the layer at 0.

    Desai & Ramaswamy, WACV 2020, equations 2 and 3. Deviation: the paper divides all weights by the
    logit, which turns the map where that is below 0. What lies before the layer is computed once a
    batch of channels, for one picture; what lies behind it once a channel. Where a net does not let
    a layer make several of one picture, all is computed once a channel.

    Args:
        batch_size: channels at once.
        most: only so many channels, those that vary most over the places, for a trial.
    """
    check_batch_size(batch_size)
    at, found = chosen(model, x, layer), activation(model, x, layer)
    channels = most_varied(found, most)
    fits, weights = _fits(model, x[:1], at, channels), []
    for picture, own in zip(x.split(1), target.split(1), strict=True):
        parts = torch.cat([channels.new_tensor([-1]), channels]).split(batch_size)
        logits = torch.cat([_without(model, picture, at, part, fits) for part in parts])
        logits = of_target(logits.float(), own.expand(len(logits)))
        moved = logits[0] - logits[1:]
        # A channel that nothing reads moves the logit by rounding, on some processors.
        weights.append(moved.where(moved.abs() > ROUNDING * logits.abs().amax(), 0))
    return combined(torch.stack(weights)[:, :, None, None].to(found), found[:, channels], relu)


def _fits(model, picture: Tensor, at: Layer, channels: Tensor) -> bool:
    """Whether one picture, of which the layer makes three, gets the answers that three get.

    A net that takes the number of pictures from what it is given, say, fails on them, or mixes
    them up.
    """
    part = channels[[0, -1, 0]]
    whole = _without(model, picture, at, part, fits=False)
    try:
        found = _without(model, picture, at, part, fits=True)
    except Exception:  # of the net's own code
        return False
    return found.shape == whole.shape and bool(
        (found - whole).abs().amax() <= SAME * whole.std(1).amax())


@torch.no_grad()
def _without(model, picture: Tensor, at: Layer, part: Tensor, fits: bool) -> Tensor:
    """(len(part), K) logits of one picture without each of these channels; of -1, with all."""
    uses = count(1)

    def without(module, arguments, output):
        if next(uses) < at.uses:
            return None
        own = features(output)
        own = own.repeat_interleave(len(part) // len(own), 0)  # a copy
        places, rows = brought(own, at.layout, picture.shape[2:]), (part >= 0).nonzero()[:, 0]
        places[rows, part[rows]] = 0
        return with_features(output, own)

    with hooked(model, {at.name: without}), contract.copied(len(part) if fits else 1):
        return model(picture.clone() if fits else picture.repeat(len(part), 1, 1, 1))
