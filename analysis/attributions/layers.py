"""Reading a layer's output, and its gradient, in any torch module."""

import contextlib
import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from analysis.attributions.question import gradient
from iram import contract
from iram.errors import InputError
from iram.registry import unknown


def activation(model: nn.Module, x: Tensor, layer: str | None = None) -> Tensor:
    """(N, C, h, w): the output of a layer; see `chosen` for which."""
    with torch.no_grad(), captured(model, chosen(model, x, layer)) as outputs:
        model(x.clone())
    return outputs[-1]


def activation_and_gradient(
    model: nn.Module, x: Tensor, target: Tensor, layer: str | None = None
) -> tuple[Tensor, Tensor]:
    """The output of a layer and the gradient of each target's logit there, both (N, C, h, w)."""
    with captured(model, chosen(model, x, layer)) as outputs:
        logits = model(x.clone().requires_grad_().clone())
    return outputs[-1].detach(), gradient(logits, target, outputs[-1])


def chosen(model: nn.Module, x: Tensor, layer: str | None = None) -> str:
    """The name of the layer asked for, by default the last one that still has places.

    "Last" is the last module to finish whose output is (N, C, h, w) with more than one place: the
    last convolution stage's output in most nets. Modules that put out attention, where a model
    says which (`gates`), are passed over: theirs are no features.

    Raises:
        InputError: no such layer, or one without such an output; the message lists the real ones.
    """
    names = spatial_layers(model, x)
    if not names:
        raise InputError("no layer of this model puts out (N, C, h, w) with more than one place")
    if layer is None:
        return with_features_alone(model, names)[-1]
    if layer in names:
        return layer
    kind = "layer without places" if layer in dict(model.named_modules()) else "layer"
    raise InputError(unknown(kind, layer, names))


def with_features_alone(model: nn.Module, names: list[str]) -> list[str]:
    """The layers that are neither a gate nor in one; all of them if there is no other."""
    inside = {n for n in names for g in contract.gates(model) if n == g or n.startswith(f"{g}.")}
    return [name for name in names if name not in inside] or names


@torch.no_grad()
def spatial_layers(model: nn.Module, x: Tensor) -> list[str]:
    """Names of the modules with an output of more than one place, in the order they finish."""
    names, handles = {}, []

    def note(name: str):
        def hook(module, arguments, output):
            tensor = features(output)
            if tensor is not None and tensor.ndim == 4 and tensor.shape[2] * tensor.shape[3] > 1:
                names.pop(name, None)  # a module used twice counts where it is last used
                names[name] = True

        return hook

    try:
        for name, module in model.named_modules():
            if name:
                handles.append(module.register_forward_hook(note(name)))
        model(x[:1].clone())
    finally:
        for handle in handles:
            handle.remove()
    return list(names)


@contextlib.contextmanager
def captured(model: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """A list that fills with the layer's outputs, one per use.

    What follows gets a copy: an in-place operation after the layer would change what was captured.
    """
    outputs = []

    def hook(module, arguments, output):
        outputs.append(features(output))
        return with_features(output, outputs[-1].clone())

    handle = model.get_submodule(layer).register_forward_hook(hook)
    try:
        yield outputs
    finally:
        handle.remove()


def features(output) -> Tensor | None:
    """The features in a module's output: itself, or its `features` (our blocks and modules)."""
    output = getattr(output, "features", output)
    return output if isinstance(output, Tensor) else None


def with_features(output, new: Tensor):
    """The same output with other features."""
    if isinstance(output, Tensor):
        return new
    if dataclasses.is_dataclass(output):
        return dataclasses.replace(output, features=new)
    return output._replace(features=new)
