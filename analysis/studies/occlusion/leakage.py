"""Does the mask alone give the expression away?

An occluder must be placed without looking at the label. If a classifier that sees only where the
mask lies, never the picture, tells the expressions apart better than chance, then accuracy under
that occluder mixes what it hides with what it says. Where a face stands in its picture, and so an
occluder that follows it, can tell a little of the expression, which the picture tells as well.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.engine.statistics import LEVEL, holm
from analysis.stimuli.conditions import Condition
from analysis.stimuli.perturb import Perturbed
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.seeds import derived_seed

SIDE = 16  # masks are averaged to 16 x 16
FOLDS = 5
AT_LEAST, AT_MOST = 250, 1000  # permutations
ENOUGH = 20  # permutations that do as well as the labels, after which more change no verdict
RIDGE = 1.0  # added to the variances of standardised features, whose mean is 1
BLOCK = 50  # permutations that are scored at once: 100 MB at most on 10,000 faces
COLUMNS = ["occluder", "fraction", "balanced_accuracy", "chance", "null_low", "null_high", "p",
           "p_holm", "permutations", "n", "verdict"]


def leakage(
    dataset: FaceDataset,
    conditions: Sequence[Condition],
    seed: int = 0,
    cameras: Tensor | None = None,
    wrap: Callable[[list], Iterable] = iter,
) -> pd.DataFrame:
    """One row per occluder and fraction: how well the expression is told from the masks.

    balanced_accuracy: mean recall over the expressions that occur, 0 to 1, by 5-fold stratified
        cross-validation of a linear discriminant with equal priors (the nearest class mean after
        whitening by the total covariance plus a ridge) on the mask averaged to 16 x 16, its centre
        and its size. It sees differences between the mean masks of the expressions; a leak that
        leaves these equal escapes it.
    chance: 1 / expressions that occur.
    null_low, null_high: the middle 95% of it under random labels, permuted within the folds.
    p: share of those permutations, the observed labels counted in, that do as well; one-sided.
    p_holm: p after Holm's correction over all rows that were tested.
    verdict: "leaks" if p_holm < 0.05, else "at chance"; "constant" where all faces have the same
        mask, which can say nothing and is not tested (balanced accuracy = chance, p = 1).

    permutations: 250 if by then 20 did as well (sequential stopping), else on to 1,000, or as many
        as Holm's correction over this many rows needs to be able to find a single leak.

    Args:
        conditions: those without an occluder are passed over; each occluder and fraction is
            measured once, upright, since neither fill nor pose moves a mask.
        seed: of the occluders' places (as in a benchmark), folds and permutations.
        cameras: how each face stands in its picture, where occluders are placed by it.
        wrap: around the list of what is measured, such as a progress bar.

    Raises:
        InputError: no occluder among the conditions; fewer than two expressions or 10 faces.

    Reference: Ojala & Garriga, Permutation Tests for Studying Classifier Performance, JMLR 2010;
    Besag & Clifford, Sequential Monte Carlo p-values, Biometrika 1991.
    """
    measured = masking(conditions)
    labels = dataset.labels.numpy()
    folds = stratified_folds(labels, seed)
    chance = 1 / len(np.unique(labels))
    at_most = max(AT_MOST, int(len(measured) / (1 - LEVEL)) + 1)
    table = []
    for condition in wrap(measured):
        features = mask_features(masks(dataset, condition, seed, cameras))
        row = {"occluder": condition.occluder, "fraction": condition.fraction, "chance": chance,
               "n": len(labels)}
        if not len(features.T):
            found = {"balanced_accuracy": chance, "null_low": chance, "null_high": chance, "p": 1.0,
                     "permutations": 0}
        else:
            found = tested(features, labels, folds, at_most, seed)
        table.append(row | found | {"constant": not len(features.T)})
    table = pd.DataFrame(table)
    tried = ~table["constant"]
    table["p_holm"] = 1.0
    table.loc[tried, "p_holm"] = holm(table.loc[tried, "p"].to_numpy())
    verdict = np.where(table["p_holm"] < 1 - LEVEL, "leaks", "at chance")
    table["verdict"] = np.where(table["constant"], "constant", verdict)
    return table[COLUMNS]


def masking(conditions: Sequence[Condition]) -> list[Condition]:
    """Each occluder and fraction of the conditions once, upright and without regard to the fill.

    Raises:
        InputError: there is none.
    """
    found = {(c.occluder, c.fraction): Condition(c.occluder, c.fraction, "mean")
             for c in conditions if c.occluder != "none"}
    if not found:
        names = ", ".join(condition.name for condition in conditions)
        raise InputError(f"--conditions: no occluder in {names}; name one, such as box or quick")
    return list(found.values())


def masks(
    dataset: FaceDataset,
    condition: Condition,
    seed: int,
    cameras: Tensor | None = None,
    block: int = 512,
) -> Iterator[Tensor]:
    """Blocks (n, S, S) of the masks that a benchmark with this seed and these cameras puts over
    these faces; no picture is read."""
    for start in range(0, len(dataset), block):
        part = slice(start, start + block)
        own = None if cameras is None else cameras[part]
        yield Perturbed(dataset, part, condition, cameras=own, seed=seed).mask


def mask_features(blocks: Iterable[Tensor]) -> np.ndarray:
    """(N, d) float32: what a classifier sees of the masks, whitened; d = 0 if all are the same.

    The mask averaged to 16 x 16, its centre of mass (the middle if empty) and its size, each
    standardised, then turned to uncorrelated directions over whose variance a ridge lies. No label
    enters, so this may be done over all folds at once.
    """
    raw = torch.cat([_raw_features(block.float()) for block in blocks]).double().numpy()
    varying = np.ptp(raw, axis=0) > 1e-6
    x = raw[:, varying] - raw[:, varying].mean(0)
    x /= x.std(0)
    variances, directions = np.linalg.eigh(x.T @ x / len(x))
    kept = variances > 1e-6
    return (x @ (directions[:, kept] / np.sqrt(variances[kept] + RIDGE))).astype(np.float32)


def _raw_features(mask: Tensor) -> Tensor:
    size = mask.mean((1, 2))
    places = (torch.arange(mask.shape[-1]) + 0.5) / mask.shape[-1]
    total = mask.sum((1, 2)).clamp(min=1)
    x, y = (mask.sum(1) @ places) / total, (mask.sum(2) @ places) / total
    centre = [torch.where(size > 0, place, 0.5) for place in (x, y)]
    pixels = F.adaptive_avg_pool2d(mask[:, None], SIDE).flatten(1)
    return torch.cat([pixels, torch.stack([*centre, size], 1)], 1)


def stratified_folds(labels: np.ndarray, seed: int) -> np.ndarray:
    """(N,) fold of each face, 0 to 4; every class is spread over the folds as evenly as can be.

    Raises:
        InputError: fewer than two classes, or fewer than 10 faces.
    """
    if len(labels) < 2 * FOLDS or len(np.unique(labels)) < 2:
        raise InputError(f"{len(labels)} faces of {len(np.unique(labels))} expressions are too few "
                         f"to tell apart; at least {2 * FOLDS} of two are needed")
    generator = np.random.default_rng(derived_seed(seed, "folds"))
    shuffled = generator.permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    folds = np.empty(len(labels), dtype=int)
    folds[order] = np.arange(len(labels)) % FOLDS
    return folds


def tested(features, labels, folds, at_most: int, seed: int) -> dict:
    """Balanced accuracy, its null interval and p, by permutations of the labels within folds.

    Within folds, so that every permutation is as evenly spread as the labels are.
    """
    generator = np.random.default_rng(derived_seed(seed, "permutations"))
    classes, labels = np.unique(labels, return_inverse=True)
    observed = balanced_accuracy(features, labels[None], folds, len(classes))[0]
    null, as_good = np.empty(0), 0
    while len(null) < at_most and (len(null) < AT_LEAST or as_good < ENOUGH):
        drawn = np.tile(labels, (BLOCK, 1))
        for fold in range(FOLDS):
            inside = np.flatnonzero(folds == fold)
            drawn[:, inside] = generator.permuted(drawn[:, inside], axis=1)
        null = np.append(null, balanced_accuracy(features, drawn, folds, len(classes)))
        as_good = int((null >= observed - 1e-9).sum())
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(null, [tail, 1 - tail])
    return {"balanced_accuracy": observed, "null_low": low, "null_high": high,
            "p": (1 + as_good) / (1 + len(null)), "permutations": len(null)}


def balanced_accuracy(features, labels, folds, num_classes: int) -> np.ndarray:
    """(B,) mean recall of the nearest class mean, cross-validated, for B labellings (B, N) at once.

    All labellings have the same number of faces of each class in each fold, and every class occurs.
    """
    own = np.moveaxis(np.eye(num_classes, dtype=np.float32)[labels], 2, 1)  # (B, K, N)
    parts = [np.flatnonzero(folds == fold) for fold in range(FOLDS)]
    sums = [_product(own[:, :, part], features[part]) for part in parts]  # (B, K, d) each
    total, hits = sum(sums), np.zeros(own.shape[:2])
    counts = own[0].sum(1)
    for part, held_out in zip(parts, sums, strict=True):
        left = counts - own[0][:, part].sum(1)
        means = (total - held_out) / np.maximum(left, 1)[:, None]
        scores = _product(means, features[part].T) - (means**2).sum(2)[:, :, None] / 2
        scores[:, left == 0] = -np.inf  # a class with no face to learn from is never answered
        right = scores.argmax(1) == labels[:, part]
        hits += (own[:, :, part] * right[:, None]).sum(2)
    return (hits / counts).mean(1)


def _product(stack: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(B, K, n) @ (n, m) as one product."""
    return (stack.reshape(-1, stack.shape[2]) @ matrix).reshape(*stack.shape[:2], -1)
