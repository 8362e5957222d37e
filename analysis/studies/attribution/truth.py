"""Where a rendered head carries its expression: known, as it was rendered with and without."""

from torch import Tensor

from iram.data.dataset import FaceDataset

SHARE = 0.1  # of the picture: its places of the strongest evidence
LEAST = 0.01  # gray values


def evidence_masks(dataset: FaceDataset) -> Tensor | None:
    """(N, S, S) bool: the tenth of the picture that carries most of the expression.

    Empty for neutral heads; None for data whose evidence is not known, which is all but heads.
    """
    if not dataset.renders:
        return None
    from iram.data.heads.truth import evidence_map

    metadata = dataset.metadata
    objects = [None if name == "none" else name for name in metadata["occluder"]]
    evidence = evidence_map(
        metadata["row"].tolist(), seed=dataset.seed, size=dataset.size, occluder=objects
    )
    if "neutral" in dataset.classes:
        neutral = dataset.labels == dataset.classes.index("neutral")
        evidence[neutral] = 0  # it has units near rest, but no expression that they carry
    highest = evidence.flatten(1).quantile(1 - SHARE, 1).clamp_min(LEAST)
    return evidence > highest[:, None, None]
