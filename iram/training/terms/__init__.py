"""The terms of the loss: registered, each with a weight in the recipe."""

from iram.training.terms.base import (  # noqa: I001 (in the order of the registry)
    TERMS, Batch, Loss, Term, check_terms, term_weights, unfit,
)
from iram.training.terms.usual import cross_entropies, pair_loss
from iram.training.terms.parts import bootstrap
from iram.training.terms import consistency  # noqa: F401 (its terms are registered)

__all__ = ["TERMS", "Batch", "Loss", "Term", "bootstrap", "check_terms", "cross_entropies",
           "pair_loss", "term_weights", "unfit"]
