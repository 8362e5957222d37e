"""The terms of the loss: registered, each with a weight in the recipe; who writes one adds one.

The loss is the sum of weight x term. Without a word in the recipe it is cross-entropy alone.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from iram.backbones import Pass
from iram.errors import InputError
from iram.model import FERClassifier
from iram.registry import Registry, unknown
from iram.seeds import derived_seed
from iram.training.recipe import Recipe
from iram.weights import find_weights, load_model, read_card
from iram.zoo.common import Members, Streams

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
    """

    model: FERClassifier
    images: Tensor
    targets: Tensor
    rows: Tensor
    share: float
    seen: Pass
    logits: Tensor


class Term(nn.Module):
    """A term of the loss: a batch -> one number.

    Its parameters are trained beside the net's, and go with its buffers into the checkpoint;
    neither ships.

    Args:
        model: the net that is trained.
        recipe: how.
        faces: how many training faces there are.
        seed: of the training.
    """

    def __init__(self, model: FERClassifier, recipe: Recipe, faces: int, seed: int):
        super().__init__()

    @property
    def identity(self) -> dict:
        """{name: value} of what else than the recipe decides the term; a card tells it."""
        return {}

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
    def identity(self) -> dict:
        """What else than the recipe decides the loss, of all terms."""
        return {name: one for term in self.terms.values() for name, one in term.identity.items()}

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

    @property
    def identity(self):
        return {"teacher_sha256": self.known[0].weights_sha256}

    def forward(self, batch):
        with torch.no_grad():
            taught = self.known[0](batch.images).float()
        own, wanted = ((one / self.temperature).log_softmax(1) for one in (batch.logits, taught))
        return self.temperature**2 * F.kl_div(own, wanted, reduction="batchmean", log_target=True)


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


@TERMS.register("streams", title="streams apart, then joined")
class StreamsApart(Term):
    """For the first two thirds of the steps each stream's own cross-entropy, by a head that is cut
    after; then that of the joined net. The learning rate's cosine makes the rest a fine-tuning."""

    apart = 2 / 3

    @staticmethod
    def check(model, recipe):
        if not isinstance(model.backbone, Streams):
            raise unfit("streams", "a net of several streams", model)

    def __init__(self, model, recipe, faces, seed):
        super().__init__(model, recipe, faces, seed)
        self.smoothing = recipe.label_smoothing
        self.heads = nn.ModuleList(nn.Linear(chain.channels, len(model.classes))
                                   for chain in model.backbone.chains)

    def forward(self, batch):
        if batch.share >= self.apart:
            return cross_entropies(batch.logits, batch.targets, self.smoothing).mean()
        pairs = zip(self.heads, batch.seen.parts, strict=True)
        return sum(cross_entropies(head(part.embedding.float()), batch.targets,
                                   self.smoothing).mean() for head, part in pairs)


@TERMS.register("members", title="each member's own")
class EachMember(Term):
    """The sum over an ensemble's members of their own cross-entropy, each face as often as the
    member's bootstrap sample has it (Breiman 1996): they are trained apart, in one pass."""

    @staticmethod
    def check(model, recipe):
        if not isinstance(model.backbone, Members):
            raise unfit("members", "an ensemble", model)

    def __init__(self, model, recipe, faces, seed):
        super().__init__(model, recipe, faces, seed)
        self.smoothing, numbers = recipe.label_smoothing, model.backbone.samples
        drawn = {number: bootstrap(faces, derived_seed(seed, "bootstrap", number))
                 for number in set(numbers)}
        self.counts = torch.stack([drawn[number] for number in numbers], 1) if numbers else None

    def forward(self, batch):
        losses = cross_entropies(batch.seen.embedding, batch.targets, self.smoothing)  # (N, M)
        if self.counts is not None:
            losses = losses * self.counts[batch.rows.cpu()].to(losses)
        return losses.mean(0).sum()


def bootstrap(faces: int, seed: int) -> Tensor:
    """(faces,): how often each is drawn, of as many draws with replacement."""
    drawn = torch.randint(faces, (faces,), generator=torch.Generator().manual_seed(seed))
    return drawn.bincount(minlength=faces)


@TERMS.register("reconstruction")
class Reconstruction(Term):
    """The sum over the members of the mean squared error of the face that each draws from its code
    and the class (`draw`), against the normalised picture."""

    @staticmethod
    def check(model, recipe):
        chains = getattr(model.backbone, "chains", [model.backbone])
        if not all(hasattr(chain, "draw") for chain in chains):
            raise unfit("reconstruction", "a net that draws faces", model)

    def forward(self, batch):
        told = batch.model.architecture
        wanted = (batch.images - told.mean) / told.std
        chains = getattr(batch.model.backbone, "chains", [batch.model.backbone])
        parts = batch.seen.parts or [batch.seen]
        drawn = [chain.draw(part.map, batch.targets, wanted.shape[3]).float()
                 for chain, part in zip(chains, parts, strict=True)]
        return sum(F.mse_loss(one, wanted) for one in drawn)
