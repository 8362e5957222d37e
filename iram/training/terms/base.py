"""The terms of the loss: registered, each with a weight in the recipe; who writes one adds one.

The loss is the sum of weight x term. Without a word in the recipe it is cross-entropy alone.
"""

import math
from dataclasses import dataclass

from torch import Tensor, nn

from iram.backbones import Pass
from iram.errors import InputError
from iram.model import FERClassifier
from iram.registry import Registry, unknown
from iram.training.beside import Covered
from iram.training.recipe import Recipe

TERMS = Registry("term of the loss")


@dataclass
class Batch:
    """One step, as a term sees it.

    Attributes:
        model: the net in training.
        images: (N, 1, H, W) in [0, 1], augmented.
        targets: (N, K), each face's class, or two of them mixed.
        rows: (N,) which of the training faces they are.
        share: of all steps, how many are done, 0 to 1.
        seen: the backbone's pass.
        logits: (N, K) float32.
        covered: the same faces covered, if a term is `paired`.
    """

    model: FERClassifier
    images: Tensor
    targets: Tensor
    rows: Tensor
    share: float
    seen: Pass
    logits: Tensor
    covered: Covered | None = None


class Term(nn.Module):
    """A term of the loss: a batch -> one number.

    Its parameters are trained beside the net's, and go with its buffers into the checkpoint;
    neither ships.

    Args:
        model: the net that is trained.
        recipe: how.
        faces: how many training faces there are.
        seed: of the training.

    Attributes:
        paired: whether it needs the same faces covered.
        local: whether it needs the pass of both layer by layer (`Pass.layers`).
        attentive: whether it needs attention that differs from place to place.
    """

    paired = False
    local = False
    attentive = False

    def __init__(self, model: FERClassifier, recipe: Recipe, faces: int, seed: int):
        super().__init__()

    @staticmethod
    def check(model: FERClassifier, recipe: Recipe) -> None:
        """Raises InputError unless the term fits the net and the recipe, whatever the data."""

    def forward(self, batch: Batch) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define forward()")


class Loss(nn.Module):
    """The terms of a recipe, and their sum; the arguments are those of `Term`.

    Raises:
        InputError: a term doesn't fit the net, the recipe or the data's classes.
    """

    def __init__(self, model: FERClassifier, recipe: Recipe, faces: int, seed: int):
        super().__init__()
        check_terms(model, recipe)
        self.weights = recipe.term_weights
        self.terms = nn.ModuleDict(
            {name: TERMS[name](model, recipe, faces, seed) for name in self.weights}
        )

    @property
    def paired(self) -> bool:
        """Whether a term needs the same faces covered."""
        return any(term.paired for term in self.terms.values())

    @property
    def local(self) -> bool:
        """Whether a term needs the layers of a face and the same face covered."""
        return any(term.local for term in self.terms.values())

    def forward(self, batch: Batch) -> Tensor:
        return sum(weight * self.terms[name](batch) for name, weight in self.weights.items())


def term_weights(terms: str) -> dict[str, float]:
    """{term: weight} of a recipe's text; terms of weight 0 are left out.

    Raises:
        InputError: no such term, one that is named twice, a weight that is no number from 0, or no
            term at all.
    """
    told = {"cross_entropy": 1.0}
    named = [part.strip() for part in terms.split("+")] if terms else []
    for part in named:
        name, _, number = part.partition(":")
        if name not in TERMS:
            raise InputError(f"recipe: {unknown(TERMS.kind, name, TERMS)}")
        if sum(one.partition(":")[0] == name for one in named) > 1:
            raise InputError(f"recipe: terms is {terms!r}; it names {name} twice")
        told[name] = _weight(part, number)
    if not any(told.values()):
        raise InputError(f"recipe: terms is {terms!r}; one term must have a weight above 0")
    return {name: weight for name, weight in told.items() if weight}


def _weight(part: str, number: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise InputError(f"recipe: terms has {part!r}; the weight must be a number from 0, as in "
                         f"{part.partition(':')[0]}:0.5")
    return weight


def unfit(term: str, needed: str, model: FERClassifier) -> InputError:
    """The error of a term that doesn't fit the net."""
    return InputError(f"recipe: the term {term} needs {needed}; {model.architecture.backbone} is "
                      "none")


def check_terms(model: FERClassifier, recipe: Recipe) -> None:
    """Raises InputError unless each term fits the net and the recipe."""
    for name in recipe.term_weights:
        TERMS[name].check(model, recipe)
