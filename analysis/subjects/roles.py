"""What a model is to the others, by its training: a model under study, or a control of one.

The net without attention is called none, as NAME-heads's is none-heads.
"""

from analysis.subjects.training import Training
from iram.names import split_names
from iram.weights import PRETRAINED

EXPOSURES = ("noise", "mean", "occluders")
TWIN, RANDOM_LABELS, EXPOSURE = "twin", "random-labels", "exposure"
CHANNELS = "channels-alone"  # a rival at most: its attention has no places, and so can't move


def plays(role: str, other: Training, own: Training) -> bool:
    """Whether `other` is trained to be this control of `own`, wherever and however.

    Args:
        role: "twin", "random-labels", one of EXPOSURES, or an attention module.
    """
    same = (other.attention, other.switches) == (own.attention, own.switches)
    if role == RANDOM_LABELS:
        return same and other.random_labels and other.erased == "none"
    if role in EXPOSURES:
        return same and other.erased == role and not other.random_labels
    usual = role == TWIN or other.switches == repr({})  # a rival is the module as it is
    return other.attention == ("none" if role == TWIN else role) and usual and not other.is_control


def alike(role: str, other: Training, own: Training) -> bool:
    """Whether the two differ in nothing but what makes the control: labels can only be learned by
    heart with another recipe, all others share it."""
    return other.material == own.material and (role == RANDOM_LABELS or other.recipe == own.recipe)


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
