"""How concentrated a map is; (maps) -> (N,) float64, of absolute values.

None says whether a map is right. NaN where a map is all zero or not finite. Chance values are
those of independent pixels: uniform in [0, 1], and Gaussian around 0.
"""

import torch
from torch import Tensor

from analysis.metrics.base import rows
from iram.registry import Registry

COMPLEXITY = Registry("complexity metric", better="none", chance=None)


@COMPLEXITY.register("gini", title="Gini index", chance=1 / 3)
def gini(maps: Tensor) -> Tensor:
    """Gini index, 0 (constant) to 1 - 1/P (a single one of P pixels); higher = more concentrated.

    Random pixels: uniform 1/3, Gaussian sqrt(2) - 1 = 0.414.

    Reference: Hurley & Rickard, IEEE Trans. Information Theory 2009; Chalasani et al., ICML 2020.
    """
    shares = _shares(maps).sort(1).values
    pixels = shares.shape[1]
    place = torch.arange(1, pixels + 1, dtype=torch.float64, device=shares.device)
    return 1 - 2 * (shares * ((pixels - place + 0.5) / pixels)).sum(1)


@COMPLEXITY.register("entropy")
def entropy(maps: Tensor) -> Tensor:
    """Entropy over that of a constant map, 0 (one pixel) to 1 (constant); lower = simpler.

    Random pixels: uniform 1 - 0.193 / log P, 0.975 at 48 x 48; Gaussian 1 - 0.284 / log P, 0.963.

    Reference: Bhatt, Weller & Moura, IJCAI 2020 (complexity, there not divided by log P).
    """
    return _entropy(maps) / torch.tensor(maps[0].numel()).double().log()


@COMPLEXITY.register("effective_pixels")
def effective_pixels(maps: Tensor) -> Tensor:
    """exp(entropy): the number of pixels that a constant map as spread as this one would have.

    1 to P. Random pixels: uniform 0.824 P, Gaussian 0.753 P.
    """
    return _entropy(maps).exp()


def _entropy(maps: Tensor) -> Tensor:
    return torch.special.entr(_shares(maps)).sum(1)


def _shares(maps: Tensor) -> Tensor:
    """(N, P): absolute values over their sum; NaN in every pixel where this is undefined."""
    values = rows(maps).abs()
    values = values / values.amax(1, keepdim=True)  # sums neither over- nor underflow
    return values / values.sum(1, keepdim=True)
