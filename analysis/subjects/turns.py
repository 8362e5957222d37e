"""Nets that keep numbers of a pass in themselves (`self.x = ...`), where passes of other threads
would change them before they are read: they are asked in turn."""

import threading
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from analysis.subjects.tensors import same
from iram.errors import listing

TURN = threading.RLock()  # of all such nets: they may share what they keep
TORCHS_OWN = ("_buffers", "_parameters", "_modules")  # where it keeps what is set as an attribute
PLAIN = (bool, int, float, str, tuple)


def kept(net: nn.Module, ask: Callable[[Tensor], Tensor], pictures: Tensor) -> str:
    """Names of what a net's modules hold otherwise after one picture than after the others; "" if
    there is nothing.

    Attributes are looked at, and what lies in lists and dicts there; not what is global.

    Args:
        ask: a pass of pictures (N, C, H, W) through the net.
        pictures: two or more, none like the first.
    """
    held = []
    with torch.no_grad():
        for part in (pictures[:1], pictures[1:]):
            ask(part)
            held.append(dict(_attributes(net)))
    first, second = held
    names = [name for name, value in second.items()
             if name not in first or not _same(first[name], value)]
    return listing(dict.fromkeys(name for name, _ in names), 3) if names else ""


def _attributes(net: nn.Module) -> Iterator[tuple[tuple[str, object], object]]:
    """((name of the attribute, place in it), value)"""
    for path, module in net.named_modules():
        for name, value in vars(module).items():
            inside = value if isinstance(value, Mapping) else (
                dict(enumerate(value)) if isinstance(value, list) else {"": value})
            for key, one in inside.items():
                called = str(key) if name in TORCHS_OWN else name
                yield (f"{path}.{called}".removeprefix("."), key), one


def _same(one, other) -> bool:
    return one is other or same(one, other) or (
        type(one) is type(other) and isinstance(one, PLAIN) and one == other)
