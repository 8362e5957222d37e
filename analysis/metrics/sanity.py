"""Does a map depend on what the model has learned? Its layers lose their weights from the top down.

A method whose maps stay as they were shows the picture, not the model.

Reference: Adebayo et al., NeurIPS 2018 (cascading randomisation).
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.metrics.agreement import AGREEMENT
from iram.errors import InputError
from iram.registry import Registry, unknown
from iram.seeds import seeded

RANDOMISATIONS = Registry("randomisation")


@RANDOMISATIONS.register("permute")
def permute(module: nn.Module, generator: torch.Generator) -> None:
    """Shuffles each of the module's own parameters within itself.

    Size and spread of the weights stay, so that signals do, too. A tensor of equal values does not
    change, nor do buffers (a batch norm's running mean and variance).
    """
    for parameter in _own(module):
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        parameter.copy_(parameter.flatten()[order].view_as(parameter))


@RANDOMISATIONS.register("reinitialise")
def reinitialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draws the module's own parameters as they were before training, as Adebayo et al. do.

    By its `reset_parameters`, which for batch norm forgets the running mean and variance, or
    where it has none from a Gaussian with each tensor's mean and standard deviation. Signals and
    gates of a network so treated are almost constant: it can be a trivial null.
    """
    if hasattr(module, "reset_parameters"):
        seed = int(torch.randint(2**62, (), generator=generator))
        with seeded(seed):
            module.reset_parameters()
        return
    for parameter in _own(module):
        draws = torch.randn(parameter.shape, generator=generator).to(parameter)
        parameter.copy_(parameter.mean() + draws * parameter.std(correction=0))


def _own(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters(recurse=False) if p.is_floating_point()]


def layers_from_top(model: nn.Module, example: Tensor | None = None) -> list[str]:
    """Names of the modules that hold parameters of their own, the nearest to the output first.

    Args:
        example: a picture (1, C, H, W): the order is that in which the forward pass reaches them.
            Without it, the order in which they were registered, which is that of most networks.
    """
    names = [name for name, module in model.named_modules() if _own(module)]
    if example is None:
        return names[::-1]
    reached = _reached(model, example)

    def first_reached(name: str) -> int:  # one that is used without being called: with its parent
        while name not in reached and name:
            name = name.rpartition(".")[0]
        return reached[name]

    return sorted(names, key=first_reached)[::-1]


def _reached(model: nn.Module, example: Tensor) -> dict[str, int]:
    """{name of each module that is called: when it is called first}."""
    reached: dict[str, int] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(*_) -> None:  # a hook's return value would replace the module's input
            reached.setdefault(name, len(reached))

        return hook

    hooks = [module.register_forward_pre_hook(note(name)) for name, module in model.named_modules()]
    try:
        with torch.no_grad():
            model(example)
    finally:
        for hook in hooks:
            hook.remove()
    return reached


@contextlib.contextmanager
def cascade(
    model: nn.Module, generator: torch.Generator, how: str = "permute",
    layers: Sequence[str] | None = None,
) -> Iterator[Iterator[str]]:
    """Gives an iterator over layers; as it yields a name, that layer and all before are random.

    The model has its weights and buffers back, bit for bit, when the context is left, after an
    error too:

        with cascade(model, generator) as stages:
            for layer in stages:
                maps = attribute(model)

    Args:
        generator: equal generators give equal weights; so give each part of a data set its own,
            equally seeded.
        how: a name in RANDOMISATIONS.
        layers: names of modules, the first to lose its weights first; each stands for all
            parameters in it that are in no other one named. All of `layers_from_top` if left out,
            which is many: naming whole blocks gives a shorter cascade.

    Raises:
        InputError: an unknown randomisation or module.
    """
    randomise = RANDOMISATIONS[how]
    groups = _groups(model, layers_from_top(model) if layers is None else layers)
    saved = [
        (module, name, tensor, tensor.detach().clone())
        for module in model.modules()
        for name, tensor in _tensors(module)
    ]

    def stages() -> Iterator[str]:
        for layer, modules in groups.items():
            with torch.no_grad():
                for module in modules:
                    randomise(module, generator)
            yield layer

    try:
        yield stages()
    finally:
        with torch.no_grad():
            for module, name, tensor, values in saved:
                tensor.copy_(values)
                setattr(module, name, tensor)


def _tensors(module: nn.Module) -> list[tuple[str, Tensor]]:
    own = dict(recurse=False, remove_duplicate=False)
    return [*module.named_parameters(**own), *module.named_buffers(**own)]


def _groups(model: nn.Module, layers: Sequence[str]) -> dict[str, list[nn.Module]]:
    """{layer: the modules with parameters in it that are in no other layer named}."""
    known = [name for name, _ in model.named_modules()]
    for name in layers:
        if name not in known:
            raise InputError(unknown("layer", name, known[1:]))
    groups: dict[str, list[nn.Module]] = {name: [] for name in layers}
    for name, module in model.named_modules():
        while name and name not in groups:
            name = name.rpartition(".")[0]
        if name in groups and _own(module):
            groups[name].append(module)
    return groups


@dataclass(frozen=True)
class Cascade:
    """How alike the maps stay.

    Attributes:
        layers: the L layers, the first one randomised first; those before stay randomised.
        similarity: {metric: (L, N)}, each map with the same image's before.
    """

    layers: list[str]
    similarity: dict[str, Tensor]


def cascade_similarity(
    model: nn.Module, attribute: Callable[[nn.Module], Tensor], generator: torch.Generator, *,
    how: str = "permute", layers: Sequence[str] | None = None,
    metrics: Sequence[str] = ("spearman", "ssim"),
) -> Cascade:
    """How alike a method's maps are to their originals as the model loses its weights.

    A method that explains the model falls to the metric's chance value; *low* at the end = sound.

    Args:
        attribute: model -> maps (N, H, W), of the same images and targets at every call.
        metrics: names in AGREEMENT.
        generator, how, layers: see `cascade`.
    """
    originals = attribute(model).detach().clone()
    names, similarity = [], {metric: [] for metric in metrics}
    with cascade(model, generator, how, layers) as stages:
        for layer in stages:
            maps = attribute(model)
            names.append(layer)
            for metric, values in similarity.items():
                values.append(AGREEMENT[metric](originals, maps))
    return Cascade(names, {metric: torch.stack(v) for metric, v in similarity.items()})
