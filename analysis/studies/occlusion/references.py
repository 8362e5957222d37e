"""Which net each model of a benchmark is compared with: the one that was asked for, by default the
one without attention (`analysis.subjects.roles.reference`)."""

from collections.abc import Iterable, Mapping, Sequence

from analysis.subjects import Subject
from analysis.subjects.roles import reference
from analysis.subjects.training import Training, training_of
from iram.errors import InputError
from iram.registry import unknown

Labels = Mapping[str, Mapping[int, str]]


def groups(subjects: Iterable[Subject]) -> dict[str, dict[int, str]]:
    """Label -> training seed -> model, by the models' cards, or without one by their names.

    Models of one label that are no trainings of the same thing (another recipe, other data) are not
    taken together: the second is a label of its own, under its name.
    """
    found: dict[str, dict[int, str]] = {}
    first: dict[str, Training] = {}
    for subject in subjects:
        training, seed = training_of(subject), subject.seed
        label = training.label
        if first.setdefault(label, training) != training or seed in found.get(label, {}):
            label = subject.name
        found.setdefault(label, {})[seed] = subject.name
    return found


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
