"""Deletion that is no surprise to the model: covered faces were part of its training."""

import torch
from torch import Tensor

from analysis.metrics.curves import reference
from analysis.metrics.faithfulness import region_rank_correlation
from analysis.metrics.trials import TRIALS, Case

GRID = 4  # patches a side


@TRIALS.register("in_domain_deletion", title="in-domain single deletion (IDSDS)", chance=0.0,
                 family="faithfulness", needs=("covering",), faces="curves", maps=0,
                 passes=GRID**2 + 1)
def in_domain_deletion(case: Case) -> tuple[Tensor, Tensor]:
    """Spearman's correlation, over the 4 x 4 patches of a picture, of the map's sum with what the
    logit loses when the patch alone is covered.

    -1 to 1, *higher* = more faithful; chance 0 (SD 0.26 a face). NaN where the map is constant or
    ranks no patch above another.

    The model that is explained judges itself, as in the paper: held against another net's losses, a
    map would tell how alike the nets are. There a trained net is tuned on pictures with patches
    deleted; here it is one that saw covered faces all through its training (half of them, by
    rectangles of 2-33% of the picture or by regions), in the fill that it knows. A patch is 6%.

    Reference: Hesse, Schaub-Meyer & Roth, Benchmarking the Attribution Quality of Vision Models,
    NeurIPS 2024 (in-domain single-deletion score).
    """
    images = case.images
    patches = grid(*images.shape[2:]).to(images.device)
    covered = reference(images, case.fill, case.generators("in-domain"))
    pictures = torch.stack([images, *(torch.where(patches == number, covered, images)
                                      for number in range(GRID**2))], 1)
    scores = case.answered(pictures, lambda some: case.scores(case.logits(some)))
    explained = scores.gather(2, case.target[:, None, None].expand(-1, len(scores[0]), 1))[:, :, 0]
    lost = explained[:, :1] - explained[:, 1:]
    return tuple(region_rank_correlation(maps, patches, lost)
                 for maps in (case.maps, case.others(case.maps)))


def grid(height: int, width: int, side: int = GRID) -> Tensor:
    """(1, H, W) int64: the patch, row by row from 0, that each pixel is in."""
    rows, columns = (torch.arange(n) * side // n for n in (height, width))
    return (rows[:, None] * side + columns)[None]
