"""Reading a layer's output, and its gradient, in any torch module."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from analysis.attributions.dominance import Edge, Paths, edge_of
from analysis.attributions.hooks import captured, features, hooked, with_features
from analysis.attributions.once import shared
from analysis.attributions.places import (
    ASKED,
    Layout,
    brought,
    candidates,
    pictures_to_ask,
    read_layout,
    recognised,
)
from analysis.attributions.question import gradient, gradients_told, undisturbed
from iram import contract
from iram.errors import InputError
from iram.registry import unknown

SAME = 1e-4  # of the spread of the logits: what is left of the picture behind a constant layer


class Layer(NamedTuple):
    """A layer with places: a module's name, where in its output they are, and how often a pass uses
    it; the last use counts."""

    name: str
    layout: Layout
    uses: int = 1


@dataclass
class Seen:
    """What was seen of a layer's last use in the pass over `pictures_to_ask`.

    Attributes:
        shape: of what it put out.
        edge: what made it; None where no gradient passes.
        shaped: the layouts that the shape allows.
        layout: the one that follows the picture; None where none does.
        grid: rows and columns of its places.
        moves: whether the logits move with its places, each picture's with its own alone.
        uses: how often it was used.
    """

    shape: tuple[int, ...]
    edge: Edge | None
    shaped: list[Layout]
    layout: Layout | None
    grid: tuple[int, int] | None = None
    moves: bool = False
    uses: int = 1


@shared
def activation(model: nn.Module, x: Tensor, layer: str | None = None) -> Tensor:
    """(N, C, h, w): the output of a layer; see `chosen` for which."""
    name, layout, _ = chosen(model, x, layer)
    with torch.no_grad(), captured(model, name) as outputs:
        model(x.clone())
    if not outputs:
        raise InputError(f"layer '{name}' was not reached in this pass")
    return _at_places(outputs[-1], name, layout, x)


@shared
def activation_and_gradient(
    model: nn.Module, x: Tensor, target: Tensor, layer: str | None = None
) -> tuple[Tensor, Tensor]:
    """The output of a layer and the gradient of each target's logit there, both (N, C, h, w)."""
    name, layout, _ = chosen(model, x, layer)
    with captured(model, name) as outputs:
        logits = model(x.clone().requires_grad_().clone())
    slope = gradient(logits, target, outputs[-1])
    return tuple(_at_places(one, name, layout, x) for one in (outputs[-1].detach(), slope))


def _at_places(output: Tensor, name: str, layout: Layout, x: Tensor) -> Tensor:
    found = brought(output, layout, x.shape[2:])
    if found is None or len(found) != len(x):
        raise InputError(f"layer '{name}' puts out {tuple(output.shape)} for {len(x)} pictures, "
                         f"which is no {layout}")
    return found


_found: WeakKeyDictionary = WeakKeyDictionary()


def chosen(model: nn.Module, x: Tensor, layer: str | None = None) -> Layer:
    """The layer asked for, by default the one that its description names (see
    `analysis.subjects.description`), else the last one with places that all depends on.

    The last module to finish whose output has places (see `places`), where every path from the
    logits to the picture crosses it, and the logits move with what stands at its places: the last
    convolution stage in most nets, the last block but one in a transformer that reads its class
    token. Behind it replaced by a constant, all pictures must have the same logits. Modules that
    put out attention, where a model says which (`gates`), are passed over.

    Raises:
        InputError: no such layer, or one without places; the message lists the real ones.
    """
    reshape = getattr(model, "cam_reshape", None) if layer is None else None
    layer = layer or getattr(model, "cam_layer", None)
    key = (layer, reshape, tuple(x.shape[1:]))
    known = _found.setdefault(model, {})
    if key not in known:
        with undisturbed(model):
            known[key] = _last(model, x) if layer is None else _named(model, x, layer, reshape)
    return known[key]


def name_layer(model: nn.Module, layer: str | None) -> nn.Module:
    """The model, told which layer to take where none is asked for; None: it finds one. One whose
    layers can't be read at all stays as it is."""
    if layer and not getattr(model, "alone", "") and "layers" not in getattr(model, "never", ()):
        model.cam_layer = layer
        if "layers" in contract.lacks(model):  # what was found without a name
            model.lacks.pop("layers")
    return model


def _named(model: nn.Module, x: Tensor, layer: str, reshape: str | None) -> Layer:
    known = read_layout(reshape) if reshape else None
    seen, modules = survey(model, x, known), dict(model.named_modules())
    if layer not in modules and f"net.{layer}" in modules:  # of a model from outside
        layer = f"net.{layer}"
    if layer in seen:
        one = seen[layer]
        if one.uses > 1 and not one.moves:
            raise InputError(f"layer '{layer}' is used {one.uses} times in a pass, and the logits "
                             "depend on more than its last use; name another")
        other = survey(model, x)[layer].layout if known and not one.layout else None
        if other:
            raise InputError(f"layer '{layer}' puts out {one.shape} for {ASKED} pictures, which "
                             f"follow them as {other}, not as {known}")
        if one.layout or len(one.shaped) == 1:
            return Layer(layer, one.layout or one.shaped[0], one.uses)
        raise InputError(f"layer '{layer}' puts out {seen[layer].shape} for {ASKED} pictures, in "
                         "which no places are found" + (f" as {known}" if known else
                         "; say where they are by reshape in the description"))
    kind = "layer without places" if layer in modules else "layer"
    outside = "" if layer.startswith("net.") or not hasattr(model, "net") else "net."
    raise InputError(unknown(kind, layer, [n.removeprefix(outside) for n in with_places(seen)]))


def _last(model: nn.Module, x: Tensor) -> Layer:
    seen = survey(model, x)
    names = crossed(seen)
    two = pictures_to_ask(x)[:2]
    with torch.no_grad():
        own = model(two.clone()).float()
    for name in reversed(with_features_alone(model, names)):
        if _all_depends_on(model, two, own, name):
            return Layer(name, seen[name].layout, seen[name].uses)
    if not with_places(seen):
        if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
            raise InputError("its layers can't be read: parts of it are TorchScript")
        if again := [name for name, one in seen.items() if one.uses > 1 and one.shaped]:
            raise InputError(f"'{again[-1].removeprefix('net.')}' is used {seen[again[-1]].uses} "
                             "times in a pass, the last time of a picture that does not lie as it "
                             "was given, such as a mirrored one; no other layer has places")
        raise InputError("no layer of this model puts out (N, C, h, w), (N, h, w, C) or tokens "
                         "(N, T, C) with more than one place that follow the picture")
    if torch.equal(own[0], own[1]):
        raise InputError("its logits are the same for any picture, so no layer decides them")
    if not any(one.moves for one in seen.values()):
        raise InputError("the logits of this model move with no layer that has places, or not with "
                         "each as a whole; name one (layer = ... in the description, --layer)")
    raise InputError("no layer with places carries all that the logits depend on; name one "
                     "(layer = ... in the description, --layer)")


def with_places(seen: dict[str, Seen]) -> list[str]:
    """The layers whose places are known, in the order they finish."""
    return [name for name, one in seen.items() if one.layout]


def grid_around(name: str, seen: dict[str, Seen]) -> tuple[int, int] | None:
    """The places of the innermost module around another that has any."""
    around = (one for n, one in seen.items() if name.startswith(f"{n}.") and one.grid)
    return next((one.grid for one in around), None)  # inner ones finish first


def crossed(seen: dict[str, Seen]) -> list[str]:
    """Those of them that the logits move with, and that all paths to the logits cross."""
    return [name for name in with_places(seen) if seen[name].moves]


def with_features_alone(model: nn.Module, names: list[str]) -> list[str]:
    """The layers that are neither a gate nor in one; all of them if there is no other."""
    inside = {n for n in names for g in contract.gates(model) if n == g or n.startswith(f"{g}.")}
    return [name for name in names if name not in inside] or names


def spatial_layers(model: nn.Module, x: Tensor) -> list[str]:
    """Names of the modules whose output has places, in the order they finish."""
    with undisturbed(model):
        return with_places(survey(model, x))


def survey(model: nn.Module, x: Tensor, known: Layout | None = None) -> dict[str, Seen]:
    """{name: what was seen} of the modules that put out a tensor for each picture, in the order
    they finish; a module that is used twice counts where it is last used. Made once a model.

    Args:
        x: pictures of the shape, type and device that the model is asked with.
        known: the layout that is looked for; by default any.
    """
    made, key = _found.setdefault(model, {}), (known, tuple(x.shape[1:]))
    if key not in made:
        made[key] = _surveyed(model, x, known)
    return made[key]


def _surveyed(model: nn.Module, x: Tensor, known: Layout | None) -> dict[str, Seen]:
    pictures, size = pictures_to_ask(x), tuple(x.shape[2:])
    pictures.requires_grad_()
    found: dict[str, Seen] = {}
    done = []  # checkpointed layers are run once more in the backward pass

    def note(name: str) -> Callable:
        def hook(module, arguments, output):
            tensor = features(output)
            if done or tensor is None or not _one_a_picture(tensor):
                return
            before = found.pop(name, None)
            shaped = candidates(tensor, size, known)
            found[name] = one = Seen(tuple(tensor.shape), edge_of(tensor), shaped,
                                     recognised(tensor, size, shaped))
            one.uses += before.uses if before else 0
            if one.layout:
                one.grid = tuple(brought(tensor.detach(), one.layout, size).shape[2:])
            if one.layout and tensor.requires_grad:
                tensor.register_hook(lambda slope: _note_slope(one, slope, size))

        return hook

    with hooked(model, {name: note(name) for name, _ in model.named_modules() if name}):
        logits = model(pictures.clone())
        done.append(True)
        if logits.requires_grad:
            _note_paths(found, logits, pictures)
        else:  # a net that cuts the graph: only replacing a layer can tell
            for one in found.values():
                one.moves = True
    return found


def _one_a_picture(tensor: Tensor) -> bool:
    own = tensor.detach()
    return (tensor.ndim in (3, 4) and tensor.is_floating_point() and len(tensor) == ASKED
            and not torch.equal(own[0], own[1]))


def _note_slope(one: Seen, slope: Tensor, size: tuple[int, int]) -> None:
    """The slope is that of the first picture's logits: the others' features must not move them."""
    places = brought(slope, one.layout, size).abs().flatten(1).amax(1)
    one.moves = bool(places[0] > 0) and bool((places[1:] <= SAME * places[0]).all())


def _note_paths(found: dict[str, Seen], logits: Tensor, pictures: Tensor) -> None:
    draws = torch.Generator().manual_seed(0)
    weights = torch.randn(logits.shape[1:], generator=draws).to(logits)
    paths = Paths(logits, pictures)
    with gradients_told():
        torch.autograd.grad((logits[0] * weights).sum(), pictures, allow_unused=True)
    for one in found.values():
        one.moves &= one.edge is not None and paths.all_cross(one.edge)
        one.edge = None  # it holds the whole graph


@torch.no_grad()
def _all_depends_on(model: nn.Module, two: Tensor, own: Tensor, name: str) -> bool:
    """Whether two pictures, whose logits are known, have the same ones once the layer gives both
    the same."""

    def same(module, arguments, output):
        own = features(output)
        return with_features(output, own[:1].expand_as(own).clone())

    with hooked(model, {name: same}):
        blind = model(two.clone()).float()
    return bool((blind[0] - blind[1]).abs().max() <= SAME * (own[0] - own[1]).abs().max())
