"""Which net each model of a benchmark is compared with: the one that was asked for, by default the
one without attention (`analysis.subjects.roles.reference`)."""

from collections.abc import Mapping, Sequence

from analysis.subjects import Subject
from analysis.subjects.roles import groups, reference
from analysis.subjects.training import Training, training_of
from iram.errors import InputError
from iram.registry import unknown

Labels = Mapping[str, Mapping[int, str]]


def of_models(subjects: Sequence[Subject], asked: str = "") -> dict[str, str]:
    """{model: what it is compared with}, of those that have something.

    Args:
        asked: a model, or a label: then each model's is the one of its own training seed, or the
            only one.

    Raises:
        InputError: no model of the run is called so.
    """
    if not asked:
        return _without_attention([(s.name, s.seed, training_of(s)) for s in subjects])
    own = _asked(asked, groups(subjects))[1]
    if asked in own.values():
        return dict.fromkeys((s.name for s in subjects), asked)
    only = next(iter(own.values())) if len(own) == 1 else None
    found = {s.name: own.get(s.seed, only) for s in subjects}
    return {name: other for name, other in found.items() if other is not None}


def of_labels(subjects: Sequence[Subject], asked: str = "") -> dict[str, str]:
    """{label: the label that it is compared with}, of those that have one; see `of_models`."""
    labels = groups(subjects)
    if asked:
        return dict.fromkeys(labels, _asked(asked, labels)[0])
    trained = {s.name: training_of(s) for s in subjects}
    return _without_attention([(label, None, trained[next(iter(own.values()))])
                               for label, own in labels.items()])


def _asked(asked: str, labels: Labels) -> tuple[str, Mapping[int, str]]:
    for label, own in labels.items():
        if asked in (label, *own.values()):
            return label, own
    known = dict.fromkeys(name for own in labels.values() for name in own.values())
    raise InputError("--reference: " + unknown("model of this run", asked, known))


def _without_attention(models: Sequence[tuple[str, int | None, Training]]) -> dict[str, str]:
    found = {name: reference(own, seed, models) for name, seed, own in models}
    return {name: other for name, other in found.items() if other is not None}
