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
    """One perturbation: the head is turned first, then the picture is covered.

    Attributes:
        occluder: a name in OCCLUDERS, or "none".
        fraction: share of the face area to cover, 0 to 1.
        fill: a name in FILLS, or "none".
        yaw_deg, pitch_deg: rotation of the head in depth in degrees, positive to the picture's
            right and up; None leaves it as it is. 0 is not nothing: it is the same rendering or
            warp as of the other angles, and their baseline.
        roll_deg: rotation in the picture's plane in degrees, clockwise if positive.
    """

    occluder: str = "none"
    fraction: float = 0.0
    fill: str = "none"
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float = 0.0

    @property
    def in_depth(self) -> bool:
        """Whether the head is turned out of the picture's plane."""
        return self.yaw_deg is not None or self.pitch_deg is not None

    @property
    def name(self) -> str:
        angles = {"yaw": self.yaw_deg, "pitch": self.pitch_deg, "roll": self.roll_deg or None}
        turned = [f"{axis}{angle:+g}" for axis, angle in angles.items() if angle is not None]
        covered = [f"{self.occluder}-{self.fraction:g}-{self.fill}"] * (self.occluder != "none")
        return "-".join(turned + covered) or "clean"

    def to_dict(self) -> dict:
        return asdict(self)


CLEAN = Condition()
FRONTAL = Condition(yaw_deg=0.0)  # the baseline of all that is turned in depth
REGIONS = ("eyes", "brows", "nose", "mouth")
HALVES = ("upper_half", "lower_half", "left_half", "right_half")
FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5)
FILL_NAMES = ("black", "mean", "noise", "blur")
YAWS = (-60.0, -45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0)  # 60 is extrapolation
PITCHES = (-30.0, -15.0, 15.0, 30.0)
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
    "pose": [*(Condition(yaw_deg=angle) for angle in YAWS),
             *(Condition(pitch_deg=angle) for angle in PITCHES)],
    "pose-pairs": [Condition(occluder, 0.3, "mean", yaw_deg=angle)
                   for angle in (-30.0, 0.0, 30.0) for occluder in ("eyes", "mouth", "box")],
}  # fmt: skip
PRESETS["default"] = PRESETS["occlusion"] + PRESETS["rotation"]
PRESETS["heads"] = PRESETS["default"] + PRESETS["pose"] + PRESETS["pose-pairs"]


def select(names: str) -> list[Condition]:
    """The conditions that a comma-separated list of presets, occluders and patterns names.

    The clean pass comes first, always: every drop is measured against it, or for what is turned in
    depth against the frontal pose, which then comes second. No condition twice.

    Raises:
        InputError: a name that matches nothing; the message gives the nearest known ones.
    """
    chosen = []
    for name in filter(None, (part.strip() for part in names.split(","))):
        chosen += _named(name)
    if len(names.strip(", ")) == 0:
        raise InputError(f"--conditions: no condition named; presets: {', '.join(PRESETS)}")
    baselines = [CLEAN] + [FRONTAL] * any(condition.in_depth for condition in chosen)
    return list(dict.fromkeys(baselines + chosen))


def _named(name: str) -> list[Condition]:
    if name in PRESETS:
        return PRESETS[name]
    known = list(dict.fromkeys([CLEAN, *(c for preset in PRESETS.values() for c in preset)]))
    frontal = [c for c in known if not c.in_depth]
    matching = [c for c in known if fnmatchcase(c.name, name)]
    found = [c for c in frontal if c.occluder == name] or matching
    if not found:
        names = [*PRESETS, *dict.fromkeys(c.occluder for c in known if c != CLEAN)]
        raise InputError(unknown("condition", name, names) + ", or names such as eyes-0.3-mean")
    return found
