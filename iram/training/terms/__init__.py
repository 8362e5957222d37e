"""The terms of the loss: one contract (`base.py`), one registry."""

from iram.training.terms import labels, pairs, parts, consistency  # noqa: F401, I001 (they register)
from iram.training.terms.base import TERMS, Batch, Loss, Term, check_terms, term_weights

__all__ = ["TERMS", "Batch", "Loss", "Term", "check_terms", "term_weights"]
