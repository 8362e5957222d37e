"""Which model trained on random labels belongs to which model."""

from collections.abc import Sequence

from analysis.subjects import Subject
from iram.errors import InputError


def matched(subjects: Sequence[Subject], others: Sequence[Subject]) -> dict[str, Subject]:
    """{model: the one trained on random labels}, by their attention modules and backbones.

    Raises:
        InputError: a model trained on random labels that is like none, or like one that has one.
    """
    found: dict[str, Subject] = {}
    for other in others:
        like = [s.name for s in subjects if _kind(s) == _kind(other) and s.name not in found]
        if not like:
            raise InputError(f"--random-labels: '{other.name}' has the attention and backbone of "
                             "no model that is left in --models")
        found[like[0]] = other
    return found


def _kind(subject: Subject) -> tuple:
    architecture = getattr(subject.model, "architecture", None)
    return (getattr(architecture, "attention", None), getattr(architecture, "backbone", None))
