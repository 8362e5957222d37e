"""Whether a net's answers to clean faces are those of a net that was described rightly and works.

Drops and ratios of accuracy mean nothing of a net that recognises nothing: it has nothing to lose,
and looks robust. What is found here is told before such figures, and marks them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iram.errors import listing

FEW = 10  # faces of which nothing is said
CONSTANT = 0.95  # share of one answer
P_CHANCE = 0.01  # beyond it, accuracy is not told from that of one answer for all
P_BETTER = 0.001  # below it, one reading of the answers fits measurably better than another
GAIN = 0.05  # of accuracy, by which it has to be better to be told


@dataclass(frozen=True)
class Judgement:
    """What a net's answers show.

    Attributes:
        mark: why nothing is to be read from its robustness; "" where nothing is the matter.
        hints: all that there is to say, the mark's reasons among it.
    """

    mark: str = ""
    hints: tuple[str, ...] = ()


def judge(predictions: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Judgement:
    """Of a net's answers (N,) to clean faces of these classes (N,), both as places in `classes`.

    Nothing is said of fewer than 10 faces, or of faces that are all of one class.
    """
    count, k = len(labels), len(classes)
    given = np.bincount(labels, minlength=k)
    if count < FEW or given.max() == count:
        return Judgement()
    told = np.bincount(predictions, minlength=k)
    if told.max() > CONSTANT * count and given.max() <= CONSTANT * told.max():
        every = "all" if told.max() == count else f"{told.max():,} of"
        return _marked(f"answers '{classes[told.argmax()]}' for {every} {count:,} faces")
    silent, swapped = _never(given, told, classes), _swapped(predictions, labels, classes)
    wrong = [_chance(predictions, labels, classes), swapped]
    wrong += [silent] if 2 * ((told == 0) & (given > 0)).sum() >= (given > 0).sum() else []
    mark = "; ".join(filter(None, wrong))
    return Judgement(mark, tuple(dict.fromkeys(filter(None, [*wrong, silent]))))


def _marked(told: str) -> Judgement:
    return Judgement(told, (told,))


def _never(given: np.ndarray, told: np.ndarray, classes: Sequence[str]) -> str:
    """The classes that are there and never answered, if that can't well be chance."""
    silent = np.flatnonzero((told == 0) & (given > 0))
    if given[silent].sum() < FEW:
        return ""
    return (f"{len(silent)} of its {(given > 0).sum()} classes here are never predicted: "
            f"{listing(classes[one] for one in silent)} ({given[silent].sum():,} faces; wrong "
            "mean, std or order of classes?)")


def _chance(predictions: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> str:
    """Whether its accuracy can't be told from that of the best single answer for all faces."""
    from scipy.stats import binomtest  # it takes half a second, and models open before it

    given = np.bincount(labels, minlength=len(classes))
    right, best = int((predictions == labels).sum()), given.max() / len(labels)
    if binomtest(right, len(labels), best, alternative="greater").pvalue <= P_CHANCE:
        return ""
    return (f"clean accuracy {right / len(labels):.1%} of {len(labels):,} faces is not measurably "
            f"above the {best:.1%} of always answering '{classes[given.argmax()]}'")


def _swapped(predictions: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> str:
    """Whether other names for its classes fit its answers measurably better, and which.

    The names that fit one half of the faces best are tried on the other half, so that a net that
    answers by chance is not found to have them wrong.
    """
    halves = np.random.default_rng(0).permutation(len(labels)) % 2
    other = np.empty_like(predictions)
    for half in (0, 1):
        names = assigned(predictions[halves != half], labels[halves != half], len(classes))
        other[halves == half] = names[predictions[halves == half]]
    names = assigned(predictions, labels, len(classes))
    if not better(other == labels, predictions == labels) or _chance(other, labels, classes):
        return ""
    seen = counted(predictions, labels, len(classes))
    moved = [j for j, i in enumerate(names) if seen[j, i] > seen[j, j]]
    pairs = listing(f"what it calls {classes[j]} fits {classes[names[j]]}" for j in moved)
    right = [float((one == labels).mean()) for one in (predictions, names[predictions])]
    return (f"wrong order of classes? {pairs}: right would be {right[1]:.1%} of the faces, not "
            f"{right[0]:.1%}")


def assigned(predictions: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """(k,): for each class that is answered the one that it fits best, one to one, so that most
    faces are right; where several ways are equal, its own."""
    from scipy.optimize import linear_sum_assignment

    seen = counted(predictions, labels, k)
    return linear_sum_assignment(-(seen + 0.5 * np.eye(k) / k))[1]


def counted(predictions: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """(k, k): how many faces of each class (column) get each answer (row)."""
    seen = np.zeros((k, k))
    np.add.at(seen, (predictions, labels), 1)
    return seen


def better(one: np.ndarray, other: np.ndarray, gain: float = GAIN, trials: int = 1) -> bool:
    """Whether one reading is right on measurably more faces than another (N,), (N,) bool: an exact
    test on the faces on which they differ, and by `gain` of all.

    Args:
        trials: how many readings are tried (Bonferroni).
    """
    from scipy.stats import binomtest

    won, lost = int((one & ~other).sum()), int((other & ~one).sum())
    if won - lost < gain * len(one):
        return False
    return binomtest(won, won + lost, alternative="greater").pvalue < P_BETTER / trials
