"""What a model is to the others, by its training: a model under study, or a control of one.

The one rule of every study. A control shares with its model all but what makes it the control, and
all training seeds of a model share it. The net without attention is called none, as NAME-heads's is
none-heads.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from analysis.subjects.subject import Subject
from analysis.subjects.training import CONSISTENCY, Training, training_of
from iram.errors import InputError, listing
from iram.names import split_names
from iram.weights import PRETRAINED

EXPOSURES = ("noise", "mean", "occluders")
TWIN, RANDOM_LABELS, EXPOSURE = "twin", "random-labels", "exposure"
PERMUTED = "permuted-weights"  # of the model itself, made and not trained
CHANNELS = "channels-alone"  # a rival at most: its attention has no places, and so can't move
T = TypeVar("T")


def plays(role: str, other: Training, own: Training) -> bool:
    """Whether `other` is trained to be this control of `own`, wherever and however.

    Args:
        role: "twin", "random-labels", one of EXPOSURES, or an attention module.
    """
    same = (other.attention, other.switches) == (own.attention, own.switches)
    if role == RANDOM_LABELS:
        return same and other.random_labels and other.erased == "none" and own.erased != CONSISTENCY
    if role in EXPOSURES:
        return same and other.erased == role and not other.random_labels
    usual = role == TWIN or other.switches == repr({})  # a rival is the module as it is
    return other.attention == ("none" if role == TWIN else role) and usual and (
        other.exposure == own.exposure)


def alike(role: str, other: Training, own: Training) -> bool:
    """Whether the two differ in nothing but what makes the control: labels can only be learned by
    heart with another recipe, all others share it, but for a twin's terms of the loss that need
    attention."""
    same = other.of_a_twin == own.of_a_twin if role == TWIN else other.recipe == own.recipe
    return other.material == own.material and (role == RANDOM_LABELS or same)


def controls(
    role: str, own: Training, among: Iterable[tuple[T, Training]]
) -> tuple[list[T], list[T]]:
    """The controls of a model, and what would be one but for its data or recipe.

    Args:
        role: as of `plays`.
        among: whatever stands for a model, with its training.
    """
    near = [(one, other) for one, other in among if plays(role, other, own)]
    right = [one for one, other in near if alike(role, other, own)]
    return right, [one for one, other in near if not alike(role, other, own)]


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


def reference(
    own: Training, seed: int | None, among: Sequence[tuple[str, int | None, Training]]
) -> str | None:
    """The net without attention that a model is measured against, None if there is none.

    Its twin of the same training seed, else its only twin, else the only net without attention at
    all: that one may be of other data or another recipe, and is no control.

    Args:
        among: name, seed and training of each model; `own` among them.
    """
    twins, _ = controls(TWIN, own, [((name, one), other) for name, one, other in among])
    plain = [name for name, _, other in among if other.attention == "none"]
    same, every = [name for name, one in twins if one == seed], [name for name, _ in twins]
    return next((found[0] for found in (same, every, plain) if len(found) == 1), None)


def random_labels_of(
    subjects: Sequence[Subject], others: Sequence[Subject]
) -> dict[str, Subject]:
    """{model: its control that learned random labels}, of those that have one.

    Of several controls a model takes that of its own training seed, else the first. A model that is
    a control itself has none.
    """
    among, found = [(other, training_of(other)) for other in others], {}
    for subject in subjects:
        own = training_of(subject)
        right, _ = controls(RANDOM_LABELS, own, among)
        if right and not own.is_control:
            same = [other for other in right if other.seed == subject.seed]
            found[subject.name] = (same or right)[0]
    return found


def given_random_labels(
    subjects: Sequence[Subject], others: Sequence[Subject]
) -> dict[str, Subject]:
    """As `random_labels_of`, of models that were named as such controls.

    Raises:
        InputError: one that did not learn random labels, or is the control of no model.
    """
    found = random_labels_of(subjects, others)
    used = {other.name for other in found.values()}
    for other in others:
        if other.name not in used:
            raise InputError(f"--random-labels: '{other.name}' {_unfit(other, subjects)}")
    return found


def _unfit(other: Subject, subjects: Sequence[Subject]) -> str:
    """Why a model is the control of none of the others."""
    training = training_of(other)
    if not training.random_labels:
        return ("did not learn random labels: its card says so, or, without a card, its name, "
                "which would be NAME-random-labels")
    own = {s.name: one for s in subjects if not (one := training_of(s)).is_control}
    near = [name for name, one in own.items() if plays(RANDOM_LABELS, training, one)]
    right = [name for name in near if alike(RANDOM_LABELS, training, own[name])]
    if right:
        return f"is not needed: the control of {listing(right)} is another one, given beside it"
    if near:
        return (f"differs from {listing(near)} in its data, backbone, width, classes or size, and "
                "so is the control of no model in --models")
    return "has the attention module and switches of no model in --models"


def wanted(role: str, own: Training) -> str:
    """What the weights of a control are called."""
    if role == RANDOM_LABELS:
        return f"{own.label}-random-labels"
    if role in EXPOSURES:
        return f"{own.label}-erasing-{role}"
    return ("none" if role == TWIN else role) + own.ending


def every_seed(names: str) -> str:
    """The list of models, each shipped name without a seed replaced by all its shipped seeds."""
    shipped: dict[str, list[int]] = {}
    for path in PRETRAINED.glob("*-seed*.safetensors"):
        label, _, seed = path.stem.rpartition("-seed")
        if seed.isdigit():
            shipped.setdefault(label, []).append(int(seed))
    chosen = []
    for name in split_names(names):
        chosen += [f"{name}-seed{seed}" for seed in sorted(shipped.get(name, []))] or [name]
    return ",".join(dict.fromkeys(chosen))
