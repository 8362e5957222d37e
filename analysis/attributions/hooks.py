"""Forward hooks on a net's modules, and the features in what these put out."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass, replace

from torch import Tensor, nn


@contextlib.contextmanager
def hooked(model: nn.Module, hooks: dict[str, Callable]) -> Iterator[None]:
    """Forward hooks on modules by their names."""
    handles = []
    try:
        for name, hook in hooks.items():
            handles.append(model.get_submodule(name).register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def captured(model: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """A list that fills with the layer's outputs, one per use.

    What follows gets a copy: an in-place operation after the layer would change what was captured.
    """
    outputs = []

    def hook(module, arguments, output):
        outputs.append(features(output))
        return with_features(output, outputs[-1].clone())

    with hooked(model, {layer: hook}):
        yield outputs


def features(output) -> Tensor | None:
    """The features in a module's output: itself, its `features` (our blocks and modules), or the
    first of several."""
    output = getattr(output, "features", output)
    if isinstance(output, dict):
        output = tuple(output.values())
    if isinstance(output, tuple | list) and output:
        output = output[0]
    return output if isinstance(output, Tensor) else None


def with_features(output, new: Tensor):
    """The same output with other features."""
    if isinstance(output, Tensor):
        return new
    if isinstance(output, dict):
        return type(output)({**output, next(iter(output)): new})
    if is_dataclass(output):
        return replace(output, features=new)
    if hasattr(output, "_replace"):
        return output._replace(**{"features" if hasattr(output, "features") else
                                  output._fields[0]: new})
    return type(output)((new, *output[1:]))
