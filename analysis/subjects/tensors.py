"""Tensors of any layout and type, as weights may be: sparse, quantised, with NaN in them."""

import torch
from torch import Tensor


def dense(tensor: Tensor) -> Tensor:
    """The same numbers in the usual layout, without a graph."""
    tensor = tensor.detach()
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def bits(tensor: Tensor) -> Tensor:
    """Its bytes, (B,) uint8, on its own device; two NaN of the same bytes are alike."""
    return dense(tensor).contiguous().flatten().view(torch.uint8)


def same(one, other) -> bool:
    """Whether both are tensors of the same shape, type and bytes."""
    return isinstance(one, Tensor) and isinstance(other, Tensor) and (
        one.shape == other.shape and one.dtype == other.dtype
        and torch.equal(bits(one), bits(other)))
