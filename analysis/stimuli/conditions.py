"""Every condition of the study, as plain data.

A condition is what is done to a picture before the model sees it. Its name says it in full:
`clean`, `eyes-0.3-mean` (30% of the face area, grown out of the eyes, in mean gray),
`sunglasses-natural-object` (at their natural size, with their own look), `jpeg-3`, `roll+15`.
Presets are lists of conditions; the command line takes presets, occluders, corruptions and
(shell-style patterns of) names, in any mixture. What is registered but in no list here, as a new
occluder, fill or corruption, has default conditions (`unlisted`).
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from itertools import product

from iram.errors import InputError, listing
from iram.registry import unknown


@dataclass(frozen=True)
class Condition:
    """One perturbation: the head is turned, then the face is covered, then the picture is spoiled.

    Attributes:
        occluder: one of `analysis.stimuli.occluders.names()`, or "none".
        fraction: share of the face area to cover, 0 to 1; None is an object's natural size.
        fill: a name in FILLS, or "none".
        yaw_deg, pitch_deg: rotation of the head in depth in degrees, positive to the picture's
            right and up; None leaves it as it is. 0 is not nothing: it is the same rendering or
            warp as of the other angles, and their baseline.
        roll_deg: rotation in the picture's plane in degrees, clockwise if positive.
        corruption: a name in CORRUPTIONS, or "none".
        severity: of the corruption, 1 to 5; 0 without one.
    """

    occluder: str = "none"
    fraction: float | None = 0.0
    fill: str = "none"
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float = 0.0
    corruption: str = "none"
    severity: int = 0

    @property
    def in_depth(self) -> bool:
        """Whether the head is turned out of the picture's plane."""
        return self.yaw_deg is not None or self.pitch_deg is not None

    @property
    def angles(self) -> tuple:
        """Yaw, pitch and roll."""
        return self.yaw_deg, self.pitch_deg, self.roll_deg

    @property
    def place(self) -> tuple:
        """What it shares with the conditions that differ in paint and corruption alone."""
        return *self.angles, self.occluder, self.fraction

    @property
    def name(self) -> str:
        angles = {"yaw": self.yaw_deg, "pitch": self.pitch_deg, "roll": self.roll_deg or None}
        size = "natural" if self.fraction is None else f"{self.fraction:g}"
        parts = [f"{axis}{angle:+g}" for axis, angle in angles.items() if angle is not None]
        parts += [f"{self.occluder}-{size}-{self.fill}"] * (self.occluder != "none")
        parts += [f"{self.corruption}-{self.severity}"] * (self.corruption != "none")
        return "-".join(parts) or "clean"

    def to_dict(self) -> dict:
        return asdict(self)


CLEAN = Condition()
FRONTAL = Condition(yaw_deg=0.0)  # the baseline of all that is turned in depth
REGIONS = ("brows", "eyes", "brows_eyes", "nose", "cheeks", "mouth", "chin")
HALVES = ("upper_half", "lower_half", "left_half", "right_half")
OBJECTS = {  # and the shares of the face at which each is still what it is
    "sunglasses": (0.2,),
    "spectacles": (),
    "surgical_mask": (0.3, 0.4),
    "hand": (0.2, 0.3),
    "scarf": (0.2, 0.3, 0.4),
    "hair": (0.3, 0.4),
    "microphone": (0.1,),
    "cup": (0.1, 0.2),
    "vr_headset": (0.3, 0.4, 0.5),
}
UNSTRUCTURED = ("blob", "dropout")
CONTROLS = ("box", "sham")  # of the same area, anywhere on the face, and beside it
FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5)
FEW_FRACTIONS = (0.1, 0.3, 0.5)
FILL_NAMES = ("mean", "noise", "blur", "texture", "other_class")  # of block A
FEW_FILLS = ("mean", "noise", "other_class")
MORE_FILLS = ("black", "phase_scrambled", "same_class", "imputed")
CORRUPTIONS = ("gaussian_noise", "gaussian_blur", "pixelate", "jpeg", "contrast")
SEVERITIES = (1, 2, 3, 4, 5)
YAWS = (-60.0, -45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0)  # 60 is extrapolation
PITCHES = (-30.0, -15.0, 15.0, 30.0)
ROLLS = (-30.0, -15.0, 15.0, 30.0)


def occlusion(occluders, fractions=FRACTIONS, fills=FILL_NAMES) -> list[Condition]:
    """Every occluder at every fraction with every fill."""
    return [Condition(*values) for values in product(occluders, fractions, fills)]


def objects(fills=("object",), at_fractions=True) -> list[Condition]:
    """Every object at its natural size, and with its own look at the shares that it can cover."""
    natural = occlusion(OBJECTS, (None,), fills)
    shares = [c for name, reached in OBJECTS.items() for c in occlusion((name,), reached, fills)]
    return natural + shares * at_fractions


def corrupted(severities=SEVERITIES) -> list[Condition]:
    """Every corruption of the whole picture at these severities."""
    return [Condition(corruption=c, severity=s) for c, s in product(CORRUPTIONS, severities)]


PRESETS: dict[str, list[Condition]] = {
    "regions": occlusion((*REGIONS, *HALVES, *CONTROLS)),
    "objects": [*objects(), *occlusion(OBJECTS, (None,), ("mean",))],
    "unstructured": occlusion((*UNSTRUCTURED, "box"), (0.05, *FRACTIONS, 0.6), ("mean", "noise")),
    "dropout": occlusion(("dropout",), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75), ("mean", "noise")),
    "corruptions": corrupted(),
    "rotation": [Condition(roll_deg=angle) for angle in ROLLS],
    "pose": [*(Condition(yaw_deg=angle) for angle in YAWS),
             *(Condition(pitch_deg=angle) for angle in PITCHES)],
    "pose-pairs": [Condition(occluder, 0.3, "mean", yaw_deg=angle)
                   for angle in (-30.0, 0.0, 30.0) for occluder in ("eyes", "mouth", "box")],
    "smoke": [*occlusion(("eyes", "mouth", "box", "sham"), (0.3,), ("mean",)),
              Condition("sunglasses", None, "object"), Condition(roll_deg=15.0),
              Condition(corruption="contrast", severity=3)],
    "quick": [*occlusion(("brows", "eyes", "nose", "mouth", "upper_half", "lower_half", "box"),
                         (0.3,), ("mean",)),
              *occlusion(("sunglasses", "surgical_mask", "hand"), (None,), ("object",)),
              *corrupted((3,))[::2]],
    "default": [*occlusion((*REGIONS, *HALVES, *CONTROLS), FEW_FRACTIONS, FEW_FILLS),
                *occlusion(UNSTRUCTURED, FEW_FRACTIONS, ("mean", "noise")),
                *objects(), *corrupted((1, 3, 5)), *(Condition(roll_deg=a) for a in ROLLS)],
}
PRESETS["full"] = list(dict.fromkeys([
    *PRESETS["regions"], *occlusion((*REGIONS, *HALVES, "box"), FRACTIONS, MORE_FILLS),
    *PRESETS["objects"], *PRESETS["unstructured"], *PRESETS["dropout"], *PRESETS["corruptions"],
    *PRESETS["rotation"],
]))
PRESETS["heads"] = PRESETS["default"] + PRESETS["pose"] + PRESETS["pose-pairs"]
KNOWN = list(dict.fromkeys([CLEAN, *(c for preset in PRESETS.values() for c in preset)]))


def select(names: "str | Condition | Sequence[str | Condition]") -> list[Condition]:
    """The conditions that a comma-separated list of presets, occluders and patterns names, or
    several such lists and conditions.

    The clean pass comes first, always: every drop is measured against it, or for what is turned in
    depth against the frontal pose, which then comes second. No condition twice.

    Raises:
        InputError: a name that matches nothing; the message gives the nearest known ones.
    """
    chosen: list[Condition] = []
    for one in names if isinstance(names, list | tuple) else [names]:
        if isinstance(one, Condition):
            chosen.append(_checked(one))
        elif isinstance(one, str):
            for name in filter(None, (part.strip() for part in one.split(","))):
                chosen += _named(name)
        else:
            raise InputError(f"conditions: {one!r:.80} is of type {type(one).__name__}; write a "
                             "name such as eyes-0.3-mean, or a Condition")
    if not chosen:
        raise InputError(f"--conditions: no condition named; presets: {', '.join(PRESETS)}")
    baselines = [CLEAN] + [FRONTAL] * any(condition.in_depth for condition in chosen)
    return list(dict.fromkeys(baselines + chosen))


def unlisted() -> list[Condition]:
    """Conditions of the occluders, fills and corruptions that are registered but in no list here.

    Occluders that grow and fills: at FEW_FRACTIONS; objects: at their natural size; corruptions:
    at every severity.
    """
    from analysis.stimuli import occluders
    from analysis.stimuli.corruptions import CORRUPTIONS as CORRUPTING
    from analysis.stimuli.fills import FILLS

    def new(registered, field: str) -> list[str]:
        listed = {getattr(condition, field) for condition in KNOWN}
        return [name for name in registered if name not in listed]

    growing, drawn = new(occluders.GROWING, "occluder"), new(occluders.OBJECTS, "occluder")
    fills = new(FILLS, "fill")
    return [
        *occlusion(growing, FEW_FRACTIONS, (*FEW_FILLS, *fills)),
        *occlusion(drawn, (None,), ("object", *fills)),
        *occlusion((*REGIONS, *HALVES, *UNSTRUCTURED, *CONTROLS), FEW_FRACTIONS, fills),
        *occlusion(OBJECTS, (None,), fills),
        *(Condition(corruption=name, severity=severity)
          for name, severity in product(new(CORRUPTING, "corruption"), SEVERITIES)),
    ]


def _named(name: str) -> list[Condition]:
    """In this order: a preset, an occluder or corruption, a pattern, a name in full."""
    if name in PRESETS:
        return PRESETS[name]
    for conditions in (KNOWN, unlisted()):
        plain = [c for c in conditions if not c.in_depth]
        kinds = [c for c in plain if name in (c.occluder, c.corruption) and name != "none"]
        if kinds:
            return kinds
    return [c for c in (*KNOWN, *unlisted()) if fnmatchcase(c.name, name)] or [_in_full(name)]


def _in_full(name: str) -> Condition:
    """A condition of no preset, such as eyes-0.37-noise, hand-natural-mean or, of a newly
    registered corruption, darker-3."""
    from analysis.stimuli import corruptions
    from analysis.stimuli.fills import FILLS
    from analysis.stimuli.occluders import names

    occluder, *rest = name.split("-")
    if len(rest) == 2 and (occluder in names() or rest[1] in FILLS):
        return _covered(name, occluder, *rest)
    corruption, _, severity = name.rpartition("-")
    if corruption in corruptions.CORRUPTIONS:
        if severity in map(str, corruptions.SEVERITIES):
            return Condition(corruption=corruption, severity=int(severity))
        raise InputError(f"condition '{name}': the severity is '{severity}'; it must be a whole "
                         "number from 1 to 5")
    if turn := re.match(r"(yaw|pitch|roll)(?![a-z_])", name):
        raise InputError(f"condition '{name}': known with {turn[0]} (degrees) are "
                         + listing(_turned(turn[0], name)))
    if name in FILLS or (rest and occluder in names()):
        raise InputError(f"condition '{name}': write OCCLUDER-FRACTION-FILL, such as eyes-0.3-mean")
    if len(rest) == 1 and severity in map(str, corruptions.SEVERITIES):
        raise InputError(unknown("corruption", corruption, corruptions.CORRUPTIONS))
    known = [*PRESETS, *names(), *corruptions.CORRUPTIONS]
    raise InputError(unknown("condition", name, known) + ", or names such as eyes-0.3-mean")


def _checked(condition: Condition) -> Condition:
    """The condition, if its occluder, fraction, fill, corruption and severity can be; an angle can
    be any."""
    if condition.occluder != "none":
        size = "natural" if condition.fraction is None else f"{condition.fraction:g}"
        _covered(condition.name, condition.occluder, size, condition.fill)
    if condition.corruption != "none":
        _in_full(f"{condition.corruption}-{condition.severity}")
    return condition


def _covered(name: str, occluder: str, size: str, fill: str) -> Condition:
    from analysis.stimuli.fills import FILLS
    from analysis.stimuli.occluders import OBJECTS, names

    for kind, word, known in (("occluder", occluder, names()), ("fill", fill, FILLS)):
        if word not in known:
            raise InputError(f"condition '{name}': " + unknown(kind, word, known))
    if size == "natural" and occluder in OBJECTS:
        return Condition(occluder, None, fill)
    try:
        fraction = float(size)
    except ValueError:
        fraction = -1.0
    if 0 < fraction <= 1:
        return Condition(occluder, fraction, fill)
    if set(size) & set("*?["):
        raise InputError(f"condition '{name}': none that is known fits; name the fraction, such as "
                         f"{occluder}-0.3-{fill}")
    raise InputError(f"condition '{name}': the fraction is '{size}'; it must be above 0 and at "
                     "most 1, or of an object 'natural'")


def _turned(axis: str, name: str) -> list[str]:
    """The known conditions of this axis, those with an occluder if the name has one."""
    own = [c for c in KNOWN if c.name.startswith(axis)]
    covered = bool(re.search("[a-z]", name.removeprefix(axis)))
    return [c.name for c in own if (c.occluder != "none") == covered] or [c.name for c in own]
