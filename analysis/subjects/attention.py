"""Reading and replacing attention in what a module of an outside model puts out.

A kind of `read` in the description says what the output is:

- gate: the map itself, (N, C, h, w) in [0, 1]; C is 1 where all channels share one map.
- sigmoid: (N, C, h, w), of which the sigmoid is the map: the layer before a functional sigmoid.
- tokens: the softmax of a transformer, (N, heads, T, T), rows summing to 1: query by key. Of the T
  tokens the first `prefix_tokens` (class token, registers) are no places; the others are a square
  grid of patches, row by row. The map (N, heads, h, w) is how the class token, the first of all,
  looks at the patches; without prefix tokens the mean over all queries. Replaced, the row (without
  prefix tokens every row, by the ratio of new to own) keeps the sum that it had. In timm's models
  such a module is `blocks.N.attn.attn_drop`, once their `fused_attn` is False. A module that puts
  out several things (context, weights), as those of transformers, is read by its weights; the
  context is made of them already, so that they can be read and not replaced. docs/own-models.md
  says how to open fused attention, which gives none.
- windows: the same softmax within the windows of a Swin transformer; see `windows`.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from analysis.attributions.maps import gates_channels
from analysis.subjects.windows import read_windows, write_windows
from iram.errors import InputError

EDGE = 1e-6  # a sigmoid's map is kept this far from 0 and 1, where its inverse is endless
OUTSIDE = 1e-3  # how far rounding may take a map out of [0, 1]


class Patches(NamedTuple):
    """Where the patches of a layer's attention are: `prefix` tokens stand before them; of windows,
    `grid` patches a side, rolled by `shift`."""

    prefix: int = 1
    grid: int = 0
    shift: int = 0


CLASS_TOKEN = Patches()


@dataclass(frozen=True)
class AttentionLayers:
    """Which modules put out attention, and how a map is read from what they put out."""

    layers: tuple[str, ...]
    read: str = "gate"
    prefix_tokens: int = 1
    grid: tuple[int, ...] = ()
    shift: tuple[int, ...] = (0,)

    def patches(self, index: int) -> Patches:
        """Where the patches of a layer are."""
        grid, shift = (each[index if len(each) > 1 else 0] if each else 0
                       for each in (self.grid, self.shift))
        return Patches(self.prefix_tokens, grid, shift)


class Kind(NamedTuple):
    """Of maps: how they are read, `read(output, patches) -> (N, C, h, w)`, and put in the place of
    the own ones, `write(output, map, patches) -> output`."""

    read: object
    write: object


def _read_gate(output: Tensor, patches: Patches) -> Tensor:
    return output


def _write_gate(output: Tensor, new: Tensor, patches: Patches) -> Tensor:
    return new.to(output)


def _read_sigmoid(output: Tensor, patches: Patches) -> Tensor:
    return output.sigmoid()


def _write_sigmoid(output: Tensor, new: Tensor, patches: Patches) -> Tensor:
    return new.float().logit(eps=EDGE).to(output)


def _read_tokens(output: Tensor, patches: Patches) -> Tensor:
    prefix = patches.prefix
    looks = output[:, :, 0, prefix:] if prefix else output.mean(2)
    return looks.unflatten(2, 2 * [_side(output, prefix)])


def _write_tokens(output: Tensor, new: Tensor, patches: Patches) -> Tensor:
    own, new = (one.flatten(2) for one in (_read_tokens(output, patches), new.to(output)))
    if prefix := patches.prefix:
        row = new * (own.sum(2, keepdim=True) / new.sum(2, keepdim=True).clamp(min=EDGE))
        first = torch.cat([output[:, :, :1, :prefix], row[:, :, None]], 3)
        return torch.cat([first, output[:, :, 1:]], 2)
    rows = output * (new / own.clamp(min=EDGE))[:, :, None]
    return rows * (output.sum(3, keepdim=True) / rows.sum(3, keepdim=True).clamp(min=EDGE))


def _side(output: Tensor, prefix: int) -> int:
    """Patches along a side."""
    count = output.shape[-1] - prefix
    side = math.isqrt(max(0, count))
    if side * side != count or side < 2:
        raise InputError(f"{output.shape[-1]} tokens without {prefix} prefix_tokens are no square "
                         "grid of patches")
    return side


def _only_weights(output, layer: str) -> Tensor:
    """The attention among what a module puts out: itself, or the one of several that is (N, heads,
    T, T)."""
    if not isinstance(output, tuple | list):
        return output
    found = [one for one in output if isinstance(one, Tensor) and one.ndim == 4
             and one.shape[2] == one.shape[3]]
    if len(found) != 1:
        got = ", ".join(str(tuple(one.shape)) if isinstance(one, Tensor) else str(one)[:20]
                        for one in output)
        raise InputError(f"attention layer '{layer}' puts out ({got}), without one (N, heads, T, T)"
                         "; fused attention gives no weights: see docs/own-models.md")
    return found[0]


KINDS = {
    "gate": Kind(_read_gate, _write_gate),
    "sigmoid": Kind(_read_sigmoid, _write_sigmoid),
    "tokens": Kind(_read_tokens, _write_tokens),
    "windows": Kind(lambda output, at: read_windows(output, at.grid, at.shift),
                    lambda output, new, at: write_windows(output, new, at.grid, at.shift)),
}
OF_TOKENS = ("tokens", "windows")  # shares of tokens to tokens


def read_map(output, layer: str, read: str, patches: Patches = CLASS_TOKEN) -> Tensor:
    """(N, C, h, w): the map in a module's output.

    Raises:
        InputError: an output that is none of this kind, or that has no places.
    """
    output = shares_in(output, layer, read)
    try:
        found = KINDS[read].read(output, patches)
    except InputError as error:
        raise InputError(f"attention layer '{layer}': {error}") from None
    if found.shape[2] * found.shape[3] < 2 or gates_channels(found):
        raise InputError(f"attention layer '{layer}' gates channels alone: its map has no places")
    return found


def shares_in(output, layer: str, read: str) -> Tensor:
    """The tensor of four axes in a module's output that the map is read from.

    Raises:
        InputError: an output that is none of this kind.
    """
    if read in OF_TOKENS:
        output = _only_weights(output, layer)
    if not isinstance(output, Tensor) or output.ndim != 4:
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        wanted = "(N, heads, T, T)" if read in OF_TOKENS else "(N, C, h, w)"
        raise InputError(f"attention layer '{layer}' puts out {got}; '{read}' needs {wanted}")
    if read in OF_TOKENS and output.shape[2] != output.shape[3]:
        raise InputError(f"attention layer '{layer}' puts out {tuple(output.shape)}; '{read}' "
                         "needs as many queries as keys")
    return output


def check_range(found: Tensor, layer: str) -> None:
    """Raises InputError for a map that leaves [0, 1]."""
    low, high = found.amin().item(), found.amax().item()
    if not (low >= -OUTSIDE and high <= 1 + OUTSIDE):
        raise InputError(f"attention layer '{layer}' has a map from {low:.3g} to {high:.3g}; it "
                         'must be in [0, 1]: is it read = "sigmoid"?')


def write_map(output: Tensor, own: Tensor, new: Tensor, layer: str, read: str,
              patches: Patches = CLASS_TOKEN):
    """The output with another map in the place of its own.

    Raises:
        InputError: a map that does not broadcast to the own one.
    """
    try:
        new = new.expand_as(own)
    except RuntimeError as error:
        raise InputError(f"the map for attention layer '{layer}' has shape {tuple(new.shape)}; it "
                         f"must broadcast to {tuple(own.shape)}") from error
    if isinstance(output, tuple | list):
        weights = _only_weights(output, layer)
        written = KINDS[read].write(weights, new, patches)
        return type(output)(written if one is weights else one for one in output)
    return KINDS[read].write(output, new, patches)
