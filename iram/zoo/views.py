"""What a chain of a net sees instead of the whole picture: parts of it, or other pictures of it.

All let gradients pass to the pixels.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

NEIGHBOURS = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))  # row, column of 3x3


class Part(nn.Module):
    """A box of the picture at `side` pixels a side, bilinear; left, top, right, bottom in shares of
    the picture's side."""

    def __init__(self, side: int, box: tuple[float, ...] = (0, 0, 1, 1)):
        super().__init__()
        self.side, self.box = side, box

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        left, right = (round(share * width) for share in self.box[::2])
        top, bottom = (round(share * height) for share in self.box[1::2])
        part = x[:, :, top:bottom, left:right]
        return F.interpolate(part, (self.side, self.side), mode="bilinear", align_corners=False)


class Equalised(nn.Module):
    """Histogram equalisation of each picture, -1 to 1: linear between its quantiles, of which there
    are `steps` + 1."""

    def __init__(self, steps: int = 32):
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        order = flat.detach().sort(1).values
        places = torch.linspace(0, flat.shape[1] - 1, self.steps + 1, device=x.device)
        knots = order[:, places.round().long()].contiguous()
        below = torch.searchsorted(knots, flat.detach().contiguous(), right=True) - 1
        below = below.clamp(0, self.steps - 1)
        low, high = knots.gather(1, below), knots.gather(1, below + 1)
        within = ((flat - low) / (high - low).clamp_min(1e-3)).clamp(0, 1)
        return (2 * (below + within) / self.steps - 1).view_as(x)


class BinaryPatterns(nn.Module):
    """Local binary patterns of the eight neighbours (Ojala, Pietikainen & Harwood 1996), -1 to 1;
    in place of each comparison a sigmoid as steep as `softness`, in standard deviations."""

    def __init__(self, softness: float = 0.05):
        super().__init__()
        self.softness = softness

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        around = F.pad(x, (1, 1, 1, 1), mode="replicate")
        code = torch.zeros_like(x)
        for bit, (row, column) in enumerate(NEIGHBOURS):
            neighbour = around[:, :, row : row + height, column : column + width]
            code = code + 2**bit * ((neighbour - x) / self.softness).sigmoid()
        return 2 * code / 255 - 1


class LearnedPatterns(nn.Module):
    """The picture, and beside it a map of each of `count` patterns of 3x3 pixels that k-means finds
    in training faces: how near each place is to it, softmax of -4 times the squared distance.
    Places and patterns are less their mean. (N, 1, H, W) -> (N, 1 + count, H, W).

    `fit` finds them before the first step; the weights hold them.
    """

    def __init__(self, count: int = 8):
        super().__init__()
        random = torch.randn(count, 1, 3, 3, generator=torch.Generator().manual_seed(0))
        self.register_buffer("patterns", random - random.mean((2, 3), keepdim=True))

    def forward(self, x: Tensor) -> Tensor:
        # |place|^2 is the same for all patterns, and its mean falls out: a convolution is left.
        around = F.pad(x, (1, 1, 1, 1), mode="replicate")
        bias = -4 * self.patterns.square().sum((1, 2, 3))
        near = F.conv2d(around, 8 * self.patterns, bias).softmax(1)
        return torch.cat([x, near.to(x.dtype)], 1)

    def fit(self, faces: Tensor, seed: int, most: int = 50_000) -> None:
        """Finds the patterns of normalised training faces (N, 1, H, W)."""
        from scipy.cluster.vq import kmeans2

        places = F.unfold(faces, 3).transpose(1, 2).flatten(0, 1).double().numpy()
        random = np.random.default_rng(seed)
        chosen = places[random.permutation(len(places))[:most]]
        chosen = chosen - chosen.mean(1, keepdims=True)
        centres, _ = kmeans2(chosen, len(self.patterns), minit="++", seed=random)
        self.patterns.copy_(torch.from_numpy(centres).view_as(self.patterns))
