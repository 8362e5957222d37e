"""The logits in whatever a net returns: a tensor, or one among others."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from iram.errors import InputError, listing

NAMED = ("logits", "logit", "output", "outputs", "out", "scores", "pred", "prediction",
         "predictions")
"""What a mapping or an object calls its logits, the surest first."""
DEPTH = 3  # of tuples in tuples


def logits_in(returned, count: int, classes: int, where: str) -> Tensor:
    """(count, classes) floats: the only tensor of that size in what a net returned for `count`
    pictures; of several the one that is called logits (or the like), or the first of a tuple.

    A tensor may have further axes of size 1, as (N, K, 1, 1), and for one picture lack the first.
    Half precision becomes float32.

    Raises:
        InputError: none fits, or which of several it is can't be told.
    """
    found = dict(_tensors(returned))
    fitting = _fitting(found, count, classes)
    if not fitting:
        raise InputError(f"{where}: for {count} picture{'s' * (count > 1)} it must return "
                         f"{(count, classes)}, one number a class; it returned "
                         f"{_told(returned, found)}{_way(found, classes)}")
    chosen = fitting[_chosen(fitting, returned, where)]
    if not chosen.is_floating_point():
        raise InputError(f"{where}: it must return floats, not {chosen.dtype}: the logits, before "
                         "argmax or rounding")
    return chosen.float() if chosen.dtype in (torch.float16, torch.bfloat16) else chosen


def choice_told(returned, count: int, classes: int) -> list[str]:
    """What is to be said of which tensor `logits_in` takes: where several fit, and none is called
    logits."""
    fits = [*_fitting(dict(_tensors(returned)), count, classes)]
    return [] if _named(fits) else _first_of(fits)


def _fitting(found: Mapping[str, Tensor], count: int, classes: int) -> dict[str, Tensor]:
    return {name: logits for name, tensor in found.items()
            if (logits := _fitted(tensor, count, classes)) is not None}


def _chosen(fitting: Mapping[str, Tensor], returned, where: str) -> str:
    """The name of the logits among tensors that could be them."""
    named = _named(fitting)
    if named or len(fitting) == 1 or isinstance(returned, list | tuple):
        return (named or list(fitting))[0]
    raise InputError(f"{where}: it returns several tensors that could be the logits: "
                     f"{listing(fitting)}; return one of them, or call it logits")


def chosen_of_file(fits: Sequence[str], kind: str) -> tuple[str, list[str]]:
    """Of a file's outputs that could be the logits, the one that is called so, or the first; and
    what is to be said of that.

    Args:
        kind: what the description calls the output; what is called logits is no probability.
    """
    if named := _named(fits) if kind == "logits" else []:
        return named[0], []
    return fits[0], _first_of(fits)


def _first_of(fits: Sequence[str]) -> list[str]:
    """That the first of several is taken; what has no name is told by its place."""
    places = all(name.replace(".", "").isdigit() for name in fits)
    return [f"{'outputs ' * places}{listing(fits)} could all be its output: the first of them is "
            "taken"] * (len(fits) > 1)


def _named(names: Iterable[str]) -> list[str]:
    """Those that are called logits, or the like, the surest first."""
    last = {name.rpartition(".")[2].lower(): name for name in reversed([*names])}
    return [last[name] for name in NAMED if name in last]


def _tensors(value, name: str = "", depth: int = DEPTH) -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of all in a tensor, tuple, list, dict or object with attributes."""
    if isinstance(value, Tensor):
        yield name, value
        return
    if not depth:
        return
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        parts = {str(place): part for place, part in enumerate(value)}
    elif isinstance(value, Mapping):
        parts = dict(value)
    else:
        named = hasattr(value, "_asdict")  # a named tuple
        parts = value._asdict() if named else dict(getattr(value, "__dict__", {}))
        if isinstance(own := getattr(value, "logits", None), Tensor):
            parts["logits"] = own
    for key, part in parts.items():
        yield from _tensors(part, f"{name}.{key}" if name else str(key), depth - 1)


def _fitted(tensor: Tensor, count: int, classes: int) -> Tensor | None:
    """(count, classes) of a tensor that has these numbers and no others; else None."""
    shape = tuple(tensor.shape)
    if shape[:1] == (count,) and sorted(shape[1:])[-1:] == [classes] and (
            tensor.numel() == count * classes):
        return tensor.flatten(1)
    return tensor[None] if count == 1 and shape == (classes,) else None


def _told(returned, found: Mapping[str, Tensor]) -> str:
    if isinstance(returned, Tensor):
        return str(tuple(returned.shape))
    kind = type(returned).__name__
    if not found:
        return f"{kind} without a tensor" if isinstance(returned, list | tuple | Mapping) else kind
    return f"{kind} of " + listing(
        f"{tuple(t.shape)}" if name.isdigit() else f"{name} {tuple(t.shape)}"
        for name, t in found.items())


def _way(found: Mapping[str, Tensor], classes: int) -> str:
    """What may be the matter, where it can be guessed."""
    [first, *others] = found.values() if found else [None]
    if first is not None and not others and first.ndim == 2 and first.is_floating_point():
        return f": it has {first.shape[1]} outputs, its description {classes} classes"
    if found:
        return ": return the logits, after the last linear layer"
    return ""
