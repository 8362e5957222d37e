"""How a trained model is called: LABEL-seedN, as cbam-seed1."""

import re

SEED = re.compile(r"-seed(\d+)$")


def name_of(label: str, seed: int) -> str:
    """The name of the model of this label that was trained with this seed."""
    return f"{label}-seed{seed}"


def label_of(name: str) -> str:
    """The name without its training seed; a name that tells none is a label itself."""
    return SEED.sub("", name)


def seed_of(name: str) -> int | None:
    """The training seed that a name tells, None if it tells none."""
    found = SEED.search(name)
    return int(found[1]) if found else None
