"""Batch norms taken into the convolutions before them: in eval mode both are one convolution."""

import copy
from collections import Counter
from collections.abc import Iterator

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

FOLDED = {nn.Conv1d: nn.BatchNorm1d, nn.Conv2d: nn.BatchNorm2d, nn.Conv3d: nn.BatchNorm3d}


def folded(model: nn.Module) -> nn.Module:
    """A copy in eval mode, every batch norm folded that follows a convolution whose output nothing
    else reads; all other modules stay, under their names.

    They are found in the graph that torch.fx traces; of a net that it can't trace, in those of the
    parts that it can. A convolution or norm that is used twice, is of another class than torch's
    own, has hooks or keeps no running statistics is left as it is. The weights are multiplied in
    double precision.
    """
    apart = copy.deepcopy(model).eval()
    places = Counter(module for _, module in apart.named_modules(remove_duplicate=False))
    for owner, first, second in list(_pairs(apart)):
        conv, norm = owner.get_submodule(first), owner.get_submodule(second)
        if places[conv] == places[norm] == 1 and _plain(conv, norm):
            _fold(conv, norm)
            owner.set_submodule(second, nn.Identity())
    return apart


def _pairs(module: nn.Module) -> Iterator[tuple[nn.Module, str, str]]:
    """(module, name, name) of neighbours in the graph of the module, or of each part that has one.
    """
    try:
        graph = fx.Tracer().trace(module)
    except Exception:  # whatever its code does with what is no tensor
        for child in module.children():
            yield from _pairs(child)
        return
    calls = Counter(node.target for node in graph.nodes if node.op == "call_module")
    for node in graph.nodes:
        if node.op != "call_module" or len(node.args) != 1 or node.kwargs:
            continue
        before = node.args[0]
        if not isinstance(before, fx.Node) or before.op != "call_module":
            continue
        if len(before.users) == 1 and calls[before.target] == calls[node.target] == 1:
            yield module, before.target, node.target


def _plain(conv: nn.Module, norm: nn.Module) -> bool:
    hooked = any(m._forward_hooks or m._forward_pre_hooks for m in (conv, norm))
    return type(norm) is FOLDED.get(type(conv)) and norm.running_mean is not None and not hooked


@torch.no_grad()
def _fold(conv: nn.Module, norm: nn.Module) -> None:
    told = conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias
    exact = (one if one is None else one.double() for one in told)
    weight, bias, mean, var, gain, shift = exact
    weight, bias = fuse_conv_bn_weights(weight, bias, mean, var, norm.eps, gain, shift)
    kind = conv.weight.dtype
    conv.weight, conv.bias = (nn.Parameter(one.to(kind), False) for one in (weight, bias))
