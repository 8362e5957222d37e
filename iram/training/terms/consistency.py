"""Terms of a face beside the same face covered: what should stay as it is, and what should fall.

Both pass the net in one batch (`iram.training.beside`), whichever of the terms are asked for. What
is covered is known, since training covers it (`recipe.erasing`). The uncovered face is the teacher
in every term: no gradient goes through its side.

Attention is read as the effective multiplier m (`iram.backbones.effective_multiplier`), which the
study of shifts judges: what the gate's pattern makes of the features that the next block gets. A
gate can fall and change nothing, where the fusion has learned to leave it out or the shortcut
passes it by; its multiplier can't. Covered and visible are the study's cells (`iram.cells`): what
lies between, about a cell wide, belongs to neither, and faces of which nothing or all is covered
have no say. Means are over the faces, then over the layers.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.attention import ATTENTION
from iram.backbones import Layer
from iram.cells import Cells, area, mean_over
from iram.errors import InputError
from iram.training.terms.base import TERMS, Batch, Term

TARGET = 0.25  # log units, five times the margin from which the study counts a fall


class Paired(Term):
    """A term that needs the same faces covered, and compares places unless it says otherwise."""

    paired = True
    local = True

    @classmethod
    def check(cls, model, recipe):
        own = next(name for name, term in TERMS.items() if term is cls)
        if not recipe.erasing:
            raise InputError(f"recipe: erasing is {recipe.erasing}; it must be above 0 for the term"
                             f" {own}: the share of the faces that are covered")
        if recipe.mixup:
            raise InputError(f"recipe: mixup is {recipe.mixup}; it must be 0 (off) beside the term "
                             f"{own}: of mixed faces nobody knows what is covered")
        if cls.local and "layers" in model.lacks:
            raise InputError(f"recipe: the term {own} needs layers that show the whole face; "
                             f"{model.architecture.backbone} lacks them: {model.lacks['layers']}")
        attention = model.architecture.attention
        if cls.attentive and not (model.has_attention and ATTENTION.about(attention).places):
            raise InputError(f"recipe: the term {own} needs attention that differs from place to "
                             f"place; that of the net is {attention}")


def over_layers(batch: Batch, term: Callable[[Layer, Layer, Cells], Tensor]) -> Tensor:
    """The mean over the layers, each a mean over its defined faces, of a term (N,).

    Args:
        term: a layer's clean side, its covered side, and the cells -> (N,). Of faces that are not
            defined all cells are covered and visible alike, so that nothing is NaN.
    """
    found = []
    for clean, covered in zip(batch.seen.layers, batch.covered.seen.layers, strict=True):
        cells = batch.covered.cells(*clean.features.shape[2:])
        defined = cells.defined
        even = [torch.where(defined[:, None, None], one, 1.0) for one in (cells.inside, cells.rest)]
        each = term(clean, covered, Cells(*even))
        found.append(torch.where(defined, each, 0.0).sum() / defined.sum().clamp(min=1))
    return torch.stack(found).mean()


def log_share(maps: Tensor, cells: Cells) -> Tensor:
    """(N,): log of the maps' mean on the covered cells over that on the face's."""
    return (mean_over(maps, cells.inside) / mean_over(maps, cells.face)).log()


@TERMS.register("consistency", title="the prediction stays")
class Consistency(Paired):
    """KL(p || q) = sum_k p_k log(p_k / q_k), p of the face, q of the same face covered."""

    local = False

    def forward(self, batch):
        clean, covered = (one.log_softmax(1) for one in (batch.logits, batch.covered.logits))
        return F.kl_div(covered, clean.detach(), reduction="batchmean", log_target=True)


@TERMS.register("attention_stays", title="attention on the visible part stays")
class AttentionStays(Paired):
    """Mean over the visible cells of (log r_covered - log r_clean)^2, r = m / (m's mean over the
    visible cells): its pattern stays. Its level is free, since what leaves the covered part has to
    go there."""

    attentive = True

    def forward(self, batch):
        def change(clean, covered, cells):
            own, wanted = (_within(one.effective, cells.rest) for one in (covered, clean))
            return mean_over((own - wanted.detach()).square(), cells.rest)

        return over_layers(batch, change)


def _within(maps: Tensor, weights: Tensor) -> Tensor:
    """(N, h, w): log of the maps over their mean under the weights."""
    return maps.log() - mean_over(maps, weights).log()[:, None, None]


@TERMS.register("attention_falls", title="attention on the covered part falls")
class AttentionFalls(Paired):
    """max(0, T + s_covered - s_clean), s = log of (m's mean on the covered cells / its mean on the
    face): it falls by T = 0.25, that is 22%, against the same place of the face, and then no
    further. The only term that is told what is covered so as to answer otherwise there."""

    attentive = True

    def forward(self, batch):
        def left(clean, covered, cells):
            before, after = (log_share(one.effective, cells) for one in (clean, covered))
            return (TARGET + after - before.detach()).clamp(min=0)

        return over_layers(batch, left)


@TERMS.register("features_stay", title="features of the visible part stay")
class FeaturesStay(Paired):
    """sum |y_covered - y_clean|^2 / sum |y_clean|^2 over the visible cells, y what a block hands
    on."""

    def forward(self, batch):
        def change(clean, covered, cells):
            wanted = clean.features.float().detach()
            off = (covered.features.float() - wanted).square().sum(1)
            return area(off * cells.rest) / area(wanted.square().sum(1) * cells.rest).clamp(1e-12)

        return over_layers(batch, change)
