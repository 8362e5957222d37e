"""Every condition of the study, as plain data.

A condition is what is done to a picture before the model sees it. Its name says it in full:
`clean`, `eyes-0.3-mean` (30% of the face area, grown out of the eyes, in mean gray), `roll+15`.
Presets are lists of conditions; the command line takes presets, occluders and (shell-style
patterns of) names, in any mixture.
"""

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from itertools import product

from iram.errors import InputError
from iram.registry import unknown


@dataclass(frozen=True)
class Condition:
    """One perturbation.

    Attributes:
        occluder: a name in OCCLUDERS, or "none".
        fraction: share of the face area to cover, 0 to 1.
        fill: a name in FILLS, or "none".
        roll_deg: rotation in the picture's plane in degrees, clockwise if positive.
    """

    occluder: str = "none"
    fraction: float = 0.0
    fill: str = "none"
    roll_deg: float = 0.0

    @property
    def name(self) -> str:
        turned = [f"roll{self.roll_deg:+g}"] if self.roll_deg else []
        covered = [f"{self.occluder}-{self.fraction:g}-{self.fill}"] * (self.occluder != "none")
        return "-".join(turned + covered) or "clean"

    def to_dict(self) -> dict:
        return asdict(self)


CLEAN = Condition()
REGIONS = ("eyes", "brows", "nose", "mouth")
HALVES = ("upper_half", "lower_half", "left_half", "right_half")
FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5)
FILL_NAMES = ("black", "mean", "noise", "blur")
ROLLS = (-30.0, -15.0, 15.0, 30.0)


def occlusion(occluders, fractions=FRACTIONS, fills=FILL_NAMES) -> list[Condition]:
    """Every occluder at every fraction with every fill."""
    return [Condition(*values) for values in product(occluders, fractions, fills)]


PRESETS: dict[str, list[Condition]] = {
    "occlusion": occlusion((*REGIONS, *HALVES, "box", "sham")),
    "rotation": [Condition(roll_deg=angle) for angle in ROLLS],
    "quick": occlusion((*REGIONS, *HALVES, "box", "sham"), (0.3,), ("mean", "noise")),
    "smoke": [*occlusion(("eyes", "mouth", "box", "sham"), (0.3,), ("mean",)),
              Condition(roll_deg=15.0)],
}  # fmt: skip
PRESETS["default"] = PRESETS["occlusion"] + PRESETS["rotation"]


def select(names: str) -> list[Condition]:
    """The conditions that a comma-separated list of presets, occluders and patterns names.

    The clean pass comes first, always: every drop is measured against it. No condition twice.

    Raises:
        InputError: a name that matches nothing; the message gives the nearest known ones.
    """
    chosen = [CLEAN]
    for name in filter(None, (part.strip() for part in names.split(","))):
        chosen += _named(name)
    if len(names.strip(", ")) == 0:
        raise InputError(f"--conditions: no condition named; presets: {', '.join(PRESETS)}")
    return list(dict.fromkeys(chosen))


def _named(name: str) -> list[Condition]:
    if name in PRESETS:
        return PRESETS[name]
    known = list(dict.fromkeys([CLEAN, *(c for preset in PRESETS.values() for c in preset)]))
    found = [c for c in known if name == c.occluder or fnmatchcase(c.name, name)]
    if not found:
        names = [*PRESETS, *dict.fromkeys(c.occluder for c in known if c != CLEAN)]
        raise InputError(unknown("condition", name, names) + ", or names such as eyes-0.3-mean")
    return found
