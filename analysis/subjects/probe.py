"""What a model from outside can do, found on a few pictures before anything is run."""

from collections import Counter
from collections.abc import MutableMapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.attributions.gradients import slope
from analysis.attributions.layers import (
    chosen,
    crossed,
    grid_around,
    name_layer,
    spatial_layers,
    survey,
    with_features_alone,
)
from analysis.attributions.places import Layout
from analysis.attributions.question import fitted, undisturbed
from analysis.subjects.answers import alike, pictures, spread
from analysis.subjects.attention import check_range, shares_in
from analysis.subjects.outside import OutsideModel
from analysis.subjects.process import put_back, settings
from analysis.subjects.tensors import not_numbers, same
from analysis.subjects.windows import check_windows
from iram.errors import InputError, listing, one_line

SIGMOID = ("all outputs lie from 0 to 1, as probabilities of a sigmoid do: logits are expected, "
           "which a net gives without its last sigmoid")
HUGE = 1e15  # of a logit: in differences and squares nothing is left of it
SUMS = 1e-2  # how far from 1 probabilities may sum


@dataclass(frozen=True)
class Finding:
    """What became of one trial: whether it went well, what there is to know, and what may be wrong
    although it works."""

    what: str
    good: bool
    told: str
    hints: tuple[str, ...] = ()


def basics(model: nn.Module, images: Tensor) -> list[Finding]:
    """What every study needs of a model: numbers, that belong to the picture alone, and that a pass
    does not change."""
    held = _held(model)
    with torch.no_grad():
        before = settings()
        try:
            logits = model(images)
        except InputError as error:
            return [Finding("forward", False, str(error))]
        finally:
            set_by_it = put_back(before)
        found = [Finding("forward", True, f"{tuple(images.shape)} -> {tuple(logits.shape)}")]
        known = bool((logits.abs() < HUGE).all())
        found.append(Finding("finite", known, "all outputs are numbers" if known else
                             _not_finite(model) if not logits.isfinite().all() else
                             f"outputs of {float(logits.abs().max()):.2g}, of which no squares can "
                             "be computed in single precision"))
        if not known:
            return found
        found.append(_state(model, held, set_by_it))
        if not found[-1].good:  # further passes would change it again
            return found
        width = spread(logits)
        allowed = alike(model) * width
        again = float((model(images) - logits).abs().max())
        found.append(_same("determinism", again, allowed, "the same picture gives the same",
                           "is it left to chance (dropout) in eval mode?"))
        alone = torch.cat([model(images[:1]), model(images[-1:])])
        apart = float((alone - logits[[0, -1]]).abs().max())
        found.append(_same("batch independence", apart, allowed,
                           "a picture's outputs are its own", "does it use batch statistics "
                           "(BatchNorm in training mode, scales of dynamic quantisation)?"))
    return found


def _not_finite(model: nn.Module) -> str:
    wrong = not_numbers(model.state_dict())
    return "outputs are NaN or infinite" + (f", for its weights hold {wrong}" if wrong else "")


def _same(what: str, change: float, allowed: float, good: str, bad: str) -> Finding:
    if change <= allowed:
        return Finding(what, True, f"{good} (to {change:.2g})")
    return Finding(what, False, f"outputs change by {change:.2g}, where rounding explains "
                   f"{allowed:.2g}; {bad}")


def outputs(model: nn.Module, logits: Tensor) -> Finding:
    """Whether the outputs are what the description calls them."""
    described = model.description.output if isinstance(model, OutsideModel) else "logits"
    logits = logits.float()
    total, positive = logits.exp().sum(1), bool((logits >= 0).all())
    if described != "logits":
        good = bool(((total - 1).abs() < SUMS).all())
        return Finding("outputs", good, f"{described}, as described" if good else
                       f"described as {described}, but they sum to {total[0]:.3g}, not 1"
                       )
    if positive and bool(((logits.sum(1) - 1).abs() < SUMS).all()):
        return Finding("outputs", False, "they look like probabilities (from 0, summing to 1): "
                       'write output = "probabilities"')
    if positive and bool(((logits.sum(1) / 100 - 1).abs() < SUMS).all()):
        return Finding("outputs", False, "they look like percentages (from 0, summing to 100): "
                       'return the logits, or shares of 1 with output = "probabilities"')
    hints = (SIGMOID,) if positive and bool((logits <= 1).all()) else ()
    return Finding("outputs", True, "logits", hints)


Held = tuple[str, MutableMapping[str, Tensor | None], str, Tensor, Tensor]


def _held(model: nn.Module) -> list[Held]:
    """(name, where it stands, its key there, it, a copy) of weights and buffers."""
    return [(f"{path}.{key}".removeprefix("."), place, key, tensor, tensor.detach().clone())
            for path, module in model.named_modules()
            for place in (module._parameters, module._buffers)
            for key, tensor in place.items() if tensor is not None]


def _state(model: nn.Module, held: list[Held], set_by_it: list[str]) -> Finding:
    """Whether a forward pass left weights, buffers and mode as they were; they are put back, also
    where others stand in their places.

    Args:
        set_by_it: what it changed for the whole process.
    """
    changed = []
    for name, place, key, tensor, before in held:
        now = dict(place.items()).get(key)  # a scripted module has no dict
        if not same(now, before):
            changed.append(name)
        if now is not tensor:
            place[key] = tensor
        if not same(tensor, before):
            with torch.no_grad():
                tensor.copy_(before)
    training = [n for n, m in model.named_modules() if m.training]
    model.eval()
    if set_by_it:
        return Finding("state", False, f"a pass changes {listing(set_by_it)} for the whole process;"
                       " it must put that back")
    if changed or training:
        told = f"a pass changes {listing(changed, 3)}" if changed else (
            f"a pass puts {listing(training, 3)} into training mode")
        return Finding("state", False, told)
    kinds = {type(m).__name__ for m in model.modules() if isinstance(m, TRAINED_OTHERWISE)}
    told = f"; in eval mode: {listing(sorted(kinds))}" if kinds else ""
    return Finding("state", True, f"a pass leaves weights and buffers as they were{told}")


TRAINED_OTHERWISE = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)


def gradient(model: nn.Module, images: Tensor, target: Tensor) -> Finding:
    """Whether a gradient of the target's logit reaches the picture."""
    try:
        with undisturbed(model):
            found = slope(model, fitted(model, images[:2]), target[:2])
    except (InputError, RuntimeError) as error:
        return Finding("gradients", False, f"no gradient passes through it: {one_line(error, 200)}")
    if not found.isfinite().all() or not found.any():
        kind = "not finite" if found.any() else "zero"
        return Finding("gradients", False, f"its gradient at the picture is {kind}")
    return Finding("gradients", True, "reaches the picture")


def layers(model: nn.Module, images: Tensor) -> Finding:
    """Whether a layer with places can be read."""
    try:
        name, layout, _ = chosen(model, fitted(model, images))
    except InputError as error:
        return Finding("layers", False, str(error))
    count = len(spatial_layers(model, fitted(model, images)))
    named = "the one named" if getattr(model, "cam_layer", None) else "the last that all depends on"
    return Finding("layers", True, f"{count} with places; {named}: {name} ({layout})")


def layer_found(model: nn.Module) -> str:
    """The layer with places that is found in a model from outside, of which no weights tell it; ""
    where there is none, and of models of ours."""
    if not isinstance(model, OutsideModel) or "layers" in model.lacks:
        return ""
    name, layout, _ = chosen(model, fitted(model, pictures()))
    return f"{name} ({layout})"


def stages(model: nn.Module, images: Tensor) -> dict[str, Layout]:
    """The last layer of each size, first to last, of those that all depends on; gates left out."""
    with undisturbed(model):
        seen = survey(model, fitted(model, images))
    sizes: dict[tuple, str] = {}
    for name in with_features_alone(model, crossed(seen)):
        size = seen[name].grid
        sizes.pop(size, None)
        sizes[size] = name
    return {name: seen[name].layout for name in sizes.values()}


def attention(model: nn.Module, images: Tensor) -> Finding:
    """The attention maps as described.

    Raises:
        InputError: a layer that is not there, or whose output is none of the described kind.
    """
    if isinstance(model, OutsideModel):
        _check_used_once(model, images)
        if model.description.attention.read == "windows":
            _check_windows(model, images)
    with torch.no_grad():
        found = model.trace(images).attention
    names = model.layers if isinstance(model, OutsideModel) else range(len(found))
    for layer, one in zip(names, found, strict=True):
        check_range(one, layer)
        if not one.isfinite().all() or len(one) != len(images):
            raise InputError(f"attention layer '{layer}': {tuple(one.shape)} with values that are "
                             f"no maps of {len(images)} pictures")
    told = "; ".join(f"{tuple(one.shape[1:])} from {one.min():.2g} to {one.max():.2g}"
                     for one in found)
    return Finding("attention", True, told)


@torch.no_grad()
def _check_used_once(model: OutsideModel, images: Tensor) -> None:
    uses = Counter()
    with model.hooked({n: lambda *_, n=n: uses.update([n]) for n in model.layers}):
        model(images)
    for name in model.layers:
        if uses[name] != 1:
            told = f"is used {uses[name]} times" if uses[name] else "was not reached"
            raise InputError(f"attention layer '{name}' {told} in a forward pass; it must be used "
                             "once")


def _check_windows(model: OutsideModel, images: Tensor) -> None:
    told, outputs = model.description.attention, {}
    with torch.no_grad(), model.hooked({n: lambda m, a, o, n=n: outputs.__setitem__(n, o)
                                        for n in told.layers}):
        model(images)
    with undisturbed(model):
        seen = survey(model, fitted(model, images))
    for index, name in enumerate(told.layers):
        _, grid, shift = told.patches(index)
        try:
            check_windows(shares_in(outputs[name], name, told.read), grid, shift,
                          grid_around(f"net.{name}", seen))
        except InputError as error:
            raise InputError(f"attention layer '{name}': {error}") from None


def interventions(model: nn.Module, images: Tensor) -> Finding:
    """Whether its own map put back changes nothing, and another one something."""
    with torch.no_grad():
        trace = model.trace(images)
        empty = [layer for layer, own in enumerate(trace.attention) if not own.any()]
        if empty:
            return Finding("interventions", False, f"the map of layer {listing(empty)} sums to "
                           "zero: it has no shares, and nothing to replace")
        width = spread(trace.logits)
        idle = []
        for layer, own in enumerate(trace.attention):
            with model.intervene({layer: own}):
                same = float((model(images) - trace.logits).abs().max())
            if not same <= alike(model) * width:
                return Finding("interventions", False, f"putting back layer {layer}'s own map "
                               f"changes the logits by {same:.2g}")
            slope = torch.linspace(0.2, 1.8, own.shape[3], device=own.device)
            with model.intervene({layer: (own.mean((2, 3), keepdim=True) * slope).clamp(0, 1)}):
                moved = float((model(images) - trace.logits).abs().max())
            idle += [] if moved > 0 else [layer]
    if idle:
        return Finding("interventions", False, f"replacing the map of layer {listing(idle)} "
                       "changes nothing: what follows does not use it")
    return Finding("interventions", True, "its own maps put back change nothing, others do")


def with_layer(model: nn.Module, layer: str | None, device: str = "cpu") -> nn.Module:
    """The model, told which layer to take; see `name_layer`.

    Raises:
        InputError: no such layer, or one without places; the message lists the real ones.
    """
    if layer and getattr(name_layer(model, layer), "cam_layer", None) == layer:
        try:
            chosen(model, fitted(model, pictures().to(device)))
        except InputError as error:
            called = getattr(model, "where", "") or type(model).__name__
            raise InputError(f"--layer: {called}: {error}") from None
    return model
