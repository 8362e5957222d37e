"""Terms of nets that are made of parts: streams, members, and ways back to the face."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from iram.seeds import derived_seed
from iram.training.terms.base import TERMS, Term, unfit
from iram.training.terms.labels import cross_entropies
from iram.zoo.common import Members, Streams


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
