"""Ablation-CAM: features weighted by what the logit loses without them, without gradients."""

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.cams import combined
from analysis.attributions.layers import activation, chosen, features, hooked, with_features
from analysis.attributions.masking import check_batch_size
from analysis.attributions.places import Layout, brought
from analysis.attributions.question import of_target
from iram.errors import InputError


@attribution("ablation_cam", "layers", title="Ablation-CAM", cost="several passes")
def ablation_cam(
    model, x, target, layer: str | None = None, relu: bool = False, batch_size: int = 256,
    most: int | None = None,
) -> Tensor:
    """sum_c w_c A_c, w_c = logit - logit with channel c of the layer at 0.

    Desai & Ramaswamy, WACV 2020, equations 2 and 3. Deviation: the paper divides all weights by the
    logit, which turns the map where that is below 0. What lies before the layer is computed once a
    batch of channels, for one picture; what lies behind it once a channel.

    Args:
        batch_size: channels at once.
        most: only the first so many channels, for a trial.
    """
    check_batch_size(batch_size)
    name, layout = chosen(model, x, layer)
    found = activation(model, x, layer)[:, :most]
    weights = [_losses(model, x[k : k + 1], target[k : k + 1], name, layout, found.shape[1],
                       batch_size) for k in range(len(x))]
    return combined(torch.stack(weights)[:, :, None, None].to(found), found, relu)


@torch.no_grad()
def _losses(
    model, x: Tensor, target: Tensor, name: str, layout: Layout, channels: int, batch_size: int
) -> Tensor:
    """(C,) what one picture's logit loses without each channel."""
    logits = []
    for part in torch.arange(-1, channels, device=x.device).split(batch_size):  # -1: without none

        def without(module, arguments, output, part=part):
            own = features(output)
            own = own.repeat_interleave(len(part) // len(own), 0)  # a copy
            places, rows = brought(own, layout, x.shape[2:]), (part >= 0).nonzero()[:, 0]
            places[rows, part[rows]] = 0
            return with_features(output, own)

        with hooked(model, {name: without}):
            answers = _answers(model, x, len(part))
        logits.append(of_target(answers.float(), target.expand(len(part))))
    logits = torch.cat(logits)
    return logits[0] - logits[1:]


def _answers(model, x: Tensor, count: int) -> Tensor:
    """(count, K) logits of one picture, of which a layer makes so many; where what goes round that
    layer does not fit so many, of as many pictures from the beginning."""
    try:
        answers = model(x.clone())
    except (RuntimeError, InputError):  # a net from outside tells how many answers it gave
        answers = x[:0]
    return answers if len(answers) == count else model(x.repeat(count, 1, 1, 1))
