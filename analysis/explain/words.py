"""What spoke for and against a prediction, in one sentence."""

from collections.abc import Sequence

import numpy as np

LITTLE = 0.05  # logits, or of the largest part's value: what is less is not named
MOST = 2  # parts that are named on either side
PLURAL = ("brows", "eyes", "cheeks")


def sentence(
    classes: Sequence[str], probabilities: np.ndarray, regions: Sequence[str], values: np.ndarray
) -> str:
    """Such as "happy (83%) rather than surprise (9%): the mouth speaks for it (+1.42 logits), the
    eyes against it (-0.31)".

    Args:
        probabilities: (K,) of the classes; the two highest are told.
        values: (R,) what each region is worth for the first rather than the second of them: the
            exact Shapley values of the difference of their logits. Named are the largest on either
            side, of those that reach 0.05 logits and 5% of the largest.
    """
    first, second = ranked(probabilities)[:2]
    told = f"{_class(classes, probabilities, first)} rather than " \
           f"{_class(classes, probabilities, second)}: "
    least = max(LITTLE, LITTLE * np.abs(values).max())
    order = np.argsort(-np.abs(values), kind="stable")
    for_it = [k for k in order if values[k] >= least][:MOST]
    against = [k for k in order if values[k] <= -least][:MOST]
    if not for_it and not against:
        return told + f"no part of the face is worth {LITTLE:g} logits"
    parts = []
    for chosen, side in ((for_it, "for it"), (against, "against it")):
        if chosen:
            names = " and ".join(f"the {_region(regions[k])} ({values[k]:+.2f}"
                                 f"{'' if parts or k != chosen[0] else ' logits'})" for k in chosen)
            several = len(chosen) > 1 or regions[chosen[0]] in PLURAL
            verb = "" if parts else " speak" if several else " speaks"
            parts.append(f"{names}{verb} {side}")
    return told + ", ".join(parts)


def ranked(probabilities: np.ndarray) -> list[int]:
    """The classes, the likeliest first; of equal ones the first."""
    return np.argsort(-np.asarray(probabilities), kind="stable").tolist()


def _class(classes: Sequence[str], probabilities: np.ndarray, place: int) -> str:
    return f"{classes[place]} ({probabilities[place]:.0%})"


def _region(name: str) -> str:
    return "rest of the picture" if name == "rest" else name
