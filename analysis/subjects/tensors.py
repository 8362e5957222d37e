"""Tensors of any layout and type, as weights may be: sparse, quantised, with NaN in them."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from iram.errors import listing


def dense(tensor: Tensor) -> Tensor:
    """The same numbers in the usual layout, without a graph."""
    tensor = tensor.detach()
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def bits(tensor: Tensor) -> Tensor:
    """Its bytes, (B,) uint8, on its own device; two NaN of the same bytes are alike."""
    return dense(tensor).contiguous().flatten().view(torch.uint8)


def not_numbers(tensors: Mapping) -> str:
    """Which of them hold NaN or infinity, and how many of their numbers; "" where none does. Minus
    infinity is one: it masks."""
    found = []
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor) and tensor.is_floating_point() and not is_lazy(tensor):
            numbers = dense(tensor)
            numbers = numbers.float() if numbers.element_size() == 1 else numbers
            wrong = int((numbers.isnan() | numbers.isposinf()).sum())
            found += [f"{name} ({wrong:,} of {numbers.numel():,})"] * bool(wrong)
    return f"NaN or infinity in {listing(found, 3)}" if found else ""


def same(one, other) -> bool:
    """Whether both are tensors of the same shape, type and bytes."""
    return isinstance(one, Tensor) and isinstance(other, Tensor) and (
        one.shape == other.shape and one.dtype == other.dtype
        and torch.equal(bits(one), bits(other)))
