"""Terms that hold the net's answer against a label, or against another net's answer."""

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.errors import InputError
from iram.training.terms.base import TERMS, Term
from iram.weights import find_weights, load_model, read_card


def cross_entropies(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """(N, ...) of logits (N, ..., K), float32, each with its face's target (N, K)."""
    spread = (1 - smoothing) * targets + smoothing / targets.shape[-1]
    spread = spread.reshape(len(targets), *[1] * (logits.ndim - 2), -1)
    return -(spread * logits.float().log_softmax(-1)).sum(-1)


@TERMS.register("cross_entropy", title="cross-entropy")
class CrossEntropy(Term):
    """Of the net's logits, labels smoothed as the recipe says; weight 1 unless it is given."""

    def __init__(self, model, recipe, faces, seed):
        super().__init__(model, recipe, faces, seed)
        self.smoothing = recipe.label_smoothing

    def forward(self, batch):
        return F.cross_entropy(batch.logits, batch.targets, label_smoothing=self.smoothing)


@TERMS.register("distillation")
class Distillation(Term):
    """T^2 KL(teacher || net) of their probabilities at temperature T = 4 (Hinton, Vinyals & Dean,
    2015). The teacher (`recipe.teacher`) sees the same augmented picture."""

    temperature = 4.0

    @staticmethod
    def check(model, recipe):
        read_card(find_weights(recipe.teacher))

    def __init__(self, model, recipe, faces, seed):
        super().__init__(model, recipe, faces, seed)
        teacher = load_model(recipe.teacher)
        if teacher.classes != model.classes or teacher.input_size != model.input_size:
            raise InputError(
                f"recipe: teacher {recipe.teacher} tells {len(teacher.classes)} classes "
                f"({', '.join(teacher.classes)}) at {teacher.input_size} px; the net to be trained "
                f"tells {len(model.classes)} ({', '.join(model.classes)}) at {model.input_size} px"
            )
        self.known = (teacher.requires_grad_(False),)  # no part of what is trained and stored

    def _apply(self, fn, recurse=True):
        self.known[0]._apply(fn)
        return super()._apply(fn, recurse)

    def forward(self, batch):
        with torch.no_grad():
            taught = self.known[0](batch.images).float()
        own, wanted = ((one / self.temperature).log_softmax(1) for one in (batch.logits, taught))
        return self.temperature**2 * F.kl_div(own, wanted, reduction="batchmean", log_target=True)
