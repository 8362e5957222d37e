"""Terms over pairs of faces of the batch."""

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.errors import InputError
from iram.training.terms.base import TERMS, Term, unfit
from iram.zoo.common import Members


@TERMS.register("contrastive", title="contrastive pairs")
class Contrastive(Term):
    """Over all pairs of the batch, of the hardest half (`pair_loss`), between unit embeddings: the
    net's `verify`, if its backbone has one, else what is classified."""

    @staticmethod
    def check(model, recipe):
        if recipe.mixup:
            raise InputError(f"recipe: mixup is {recipe.mixup}; it must be 0 (off) beside the term "
                             "contrastive: a mixed face is of no one class")
        if isinstance(model.backbone, Members):
            raise unfit("contrastive", "a net with one embedding", model)

    def forward(self, batch):
        verify = getattr(batch.model.backbone, "verify", lambda one: one)
        return pair_loss(verify(batch.seen.embedding.float()), batch.targets.argmax(1))


def pair_loss(embedding: Tensor, labels: Tensor, margin: float = 1.0) -> Tensor:
    """Contrastive loss (Hadsell, Chopra & LeCun, CVPR 2006): d^2 of pairs of one class, and
    max(0, margin - d)^2 of the others, d between the embeddings (N, D) at unit length. The mean
    over the hardest half of each kind, the two kinds alike; 0 of a kind that there is no pair of.
    """
    unit = F.normalize(embedding, dim=1)
    upper = torch.ones(len(unit), len(unit), device=unit.device).triu(1).bool()
    # Not 2 - 2 cos: autocast would make the matrix product of bf16, whose digits are too few.
    squares = (unit[:, None] - unit[None]).square().sum(2)[upper]
    same = (labels[:, None] == labels)[upper]
    apart = (margin - (squares[~same] + 1e-12).sqrt()).clamp_min(0) ** 2
    kinds = [_hardest_half(one) for one in (squares[same], apart)]
    return sum(kinds) / 2


def _hardest_half(losses: Tensor) -> Tensor:
    return losses.topk((len(losses) + 1) // 2).values.mean() if len(losses) else losses.sum()
