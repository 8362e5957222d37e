"""The model's own attention as a map: what it gates, whatever the class.

These maps do not depend on the target. SE and ECA gate channels alone, so their spatial attention
is the same everywhere. Their map here is each place's gate, every channel weighted by its energy
there: sum_c g_c F_c^2 / sum_c F_c^2 with F the block's output. It is in (0, 1) like a spatial
attention, constant if all gates are equal, and large where the features that pass are.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.attributions.base import attribution
from analysis.attributions.layers import activation
from analysis.attributions.maps import gates_channels, spatial_attention
from analysis.stimuli.resizing import resize
from iram.attention.iram import IRAM
from iram.errors import InputError, listing


@attribution("attention", "attention", title="own attention", signed=False, of_class=False)
def attention(model, x, target) -> Tensor:
    """The mean of all layers' spatial attention, at the size of the largest, in (0, 1)."""
    return torch.stack(at_largest(layer_maps(model, x))).mean(0)


@attribution("attention_last", "attention", title="own attention, last", signed=False,
             of_class=False)
def attention_last(model, x, target) -> Tensor:
    """The last layer's spatial attention, in (0, 1)."""
    return layer_maps(model, x)[-1]


@attribution("attention_layer", "attention", title="own attention, one layer", signed=False,
             of_class=False, by_name=True)
def attention_layer(model, x, target, layer: int | str = 0) -> Tensor:
    """One layer's spatial attention, in (0, 1).

    Args:
        layer: its number, from 0, or from -1 backwards.

    Raises:
        InputError: no such layer.
    """
    maps = layer_maps(model, x)
    known = {str(i): i for i in range(-len(maps), len(maps))}
    if str(layer) not in known:
        raise InputError(f"no attention layer '{layer}'; there are {listing(range(len(maps)))}")
    return maps[known[str(layer)]]


@attribution("attention_rollout", "attention", title="attention rollout", signed=False,
             of_class=False)
def attention_rollout(model, x, target) -> Tensor:
    """The last layer's attention followed back along the path by which it was made, in (0, 1).

    R_0 = S_0 and R_l = (1 - r) S_l + r R_(l-1), with S_l the layer's spatial attention and r its
    reused share. IRAM makes its map from m = (its own part) + (what it reuses of the previous
    layer's m); per place r = mean_c |reused| / (mean_c |reused| + mean_c |own|). A share of
    the map that came from an earlier, finer map is shown there, at the size of the largest. Named
    after attention rollout (Abnar & Zuidema, ACL 2020), which follows shares of attention in the
    same way through a transformer's layers. Modules that reuse nothing have r = 0 everywhere, and
    their rollout is `attention_last`.
    """
    with torch.no_grad():
        trace = model.trace(x.clone())
    shares = reused_shares(model, trace.attention)
    maps = at_largest(maps_of(trace))
    height, width = maps[0].shape[1:]
    rolled = maps[0]
    for own, share in zip(maps[1:], shares[1:], strict=True):
        share = resize(share, height, width)
        rolled = (1 - share) * own + share * rolled
    return rolled


@attribution("activation_energy", "layers", title="activation energy", signed=False, of_class=False)
def activation_energy(model, x, target, layer: str | None = None) -> Tensor:
    """mean_c F_c^2 of a layer's output: where a net is active, with or without attention."""
    return activation(model, x, layer).float().square().mean(1)


@torch.no_grad()
def layer_maps(model, x: Tensor) -> list[Tensor]:
    """One spatial map (N, h, w) in (0, 1) per attention layer, first to last."""
    return maps_of(model.trace(x.clone()))


def maps_of(trace) -> list[Tensor]:
    """The spatial maps of a trace; see the module for gates over channels alone."""
    pairs = zip(trace.attention, trace.features, strict=True)
    return [weighted_gate(a, f) if gates_channels(a) else spatial_attention(a) for a, f in pairs]


def weighted_gate(gate: Tensor, features: Tensor) -> Tensor:
    """(N, h, w): the mean gate of each place, each channel weighted by its energy there.

    Where there is no energy at all, the plain mean.
    """
    energy = features.square()
    total = energy.sum(1)
    weighted = (gate * energy).sum(1) / total.where(total > 0, 1)
    return weighted.where(total > 0, gate.mean(1))


def at_largest(maps: list[Tensor]) -> list[Tensor]:
    """All maps at the size of the one with the most places."""
    height, width = max((m.shape[1:] for m in maps), key=lambda size: size[0] * size[1])
    return [resize(m, height, width) for m in maps]


def reused_shares(model, attention: list[Tensor]) -> list[Tensor]:
    """Per layer (N, h, w) in [0, 1]: the share of its map that it took from the layer before."""
    modules = [m for m in model.modules() if isinstance(m, IRAM)]
    shares = [torch.zeros_like(a[:, 0]) for a in attention]
    if len(modules) != len(attention):
        return shares
    logits = [a.float().logit(eps=1e-6) for a in attention]
    for i in range(1, len(modules)):
        if modules[i].reuse_layer:
            shares[i] = reused_share(modules[i], logits[i - 1], logits[i])
    return shares


@torch.no_grad()
def reused_share(module: IRAM, memory: Tensor, logits: Tensor) -> Tensor:
    """(N, h, w): |reused| / (|reused| + |own|), each the mean over channels; 0 where both are 0."""
    if memory.shape[2:] != logits.shape[2:]:
        memory = F.adaptive_avg_pool2d(memory, logits.shape[2:])
    reused = module.memory_weight * module.project(memory)
    own = (logits - reused).abs().mean(1)
    both = reused.abs().mean(1) + own
    return (1 - own / both.where(both > 0, 1)).where(both > 0, 0)
