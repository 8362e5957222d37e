"""How an ensemble's members are combined into one decision: by simulated annealing or evenly, and
what else they could have been combined by.

The weights are found on the validation faces alone; on the test faces they are only measured.
"""

import math

import torch
from torch import Tensor, nn

from iram.data.dataset import FaceDataset
from iram.evaluate import accuracy, predict
from iram.model import FERClassifier
from iram.seeds import derived_seed
from iram.zoo.common import Members, Mixture

STEPS = 3000
HOT, COLD = 0.01, 0.0001  # of the error: first and last temperature, which falls geometrically


def anneal(decisions: Tensor, labels: Tensor, seed: int, steps: int = STEPS) -> Tensor:
    """(M,) weights of the members, 0 or more, which sum to 1: those of the smallest error that
    simulated annealing (Kirkpatrick, Gelatt & Vecchi, Science 220, 1983) meets, from equal ones.

    A step moves a random share of one member's weight to another.

    Args:
        decisions: logits (N, M, K) of the members.
    """
    single = decisions.double().softmax(2).permute(1, 0, 2)  # (M, N, K)
    draws = torch.Generator().manual_seed(derived_seed(seed, "annealing"))
    members = len(single)
    now = torch.full((members,), 1 / members, dtype=torch.float64)
    mixed = torch.tensordot(now, single, 1)
    error = _error(mixed, labels)
    best, least = now.clone(), error
    for step in range(steps):
        giver, taker = torch.randperm(members, generator=draws)[:2].tolist()
        share, chance = torch.rand(2, generator=draws, dtype=torch.float64).tolist()
        moved = share * now[giver]
        other = mixed + moved * (single[taker] - single[giver])
        tried = _error(other, labels)
        heat = HOT * (COLD / HOT) ** (step / steps)
        if tried <= error or chance < math.exp((error - tried) / heat):
            now[giver] -= moved
            now[taker] += moved
            mixed, error = other, tried
            if error < least:
                best, least = now.clone(), error
    return best.clamp_min(0) / best.clamp_min(0).sum()


def _error(probabilities: Tensor, labels: Tensor) -> float:
    return (probabilities.argmax(1) != labels).double().mean().item()


def vote(decisions: Tensor) -> Tensor:
    """(N, K) votes of members (N, M, K), each for one class; equal ones are decided by the members'
    mean probability."""
    votes = nn.functional.one_hot(decisions.argmax(2), decisions.shape[2]).sum(1)
    return votes + decisions.double().softmax(2).mean(1) / 2


def combine(model: FERClassifier, dataset: FaceDataset, seed: int) -> dict:
    """Settles the weights of an ensemble, in place, and tells what they are worth.

    Returns:
        {} of a net that is no ensemble; else for its card: `weights` (M,), and by the data set's
        name of the validation and test split the accuracy of `members` (each), of `equal` weights,
        of the `vote`, and, where they are annealed, `annealed` and `shuffled` (annealed on shuffled
        labels: what annealing finds in noise).
    """
    if not isinstance(model.backbone, Members):
        return {}
    roles = [role for role in ("validation", "test") if role in set(dataset.metadata["split"])]
    faces = {role: dataset.split(role) for role in roles}
    told = {role: members_of(model, one) for role, one in faces.items()}
    equal = Mixture(len(model.backbone.chains))
    ways = {"equal": equal, "vote": vote}
    if model.backbone.samples:
        labels = faces["validation"].labels
        draws = torch.Generator().manual_seed(derived_seed(seed, "shuffled labels"))
        shuffled = labels[torch.randperm(len(labels), generator=draws)]
        ways["annealed"] = weighed(anneal(told["validation"], labels, seed))
        ways["shuffled"] = weighed(anneal(told["validation"], shuffled, seed))
        model.classifier.load_state_dict(ways["annealed"].state_dict())
    found = {"weights": [round(one, 4) for one in model.classifier.weights.tolist()]}
    for role in roles:
        own, labels, same = told[role], faces[role].labels, faces[role].photographs()
        found[faces[role].metadata["usage"].iloc[0]] = {
            "members": [accuracy(own[:, m], labels, same) for m in range(own.shape[1])],
            **{name: accuracy(way(own), labels, same) for name, way in ways.items()},
        }
    return found


def weighed(weights: Tensor) -> Mixture:
    """The mixture with these weights (M,), as half precision, which ships, has them."""
    mixture = Mixture(len(weights))
    mixture.weights.copy_(weights.half())
    return mixture


def members_of(model: FERClassifier, faces: FaceDataset) -> Tensor:
    """(N, M, K): the logits of each member."""
    return predict(_Apart(model), faces)


class _Apart(nn.Module):
    """The members' decisions, not combined."""

    def __init__(self, model: FERClassifier):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model.run(x).embedding
