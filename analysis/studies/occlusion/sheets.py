"""What the contact sheets show."""

from pathlib import Path
from textwrap import wrap

from analysis.engine.sampling import sample
from analysis.figures import ContactSheet, names
from analysis.stimuli.conditions import (
    CLEAN,
    FEW_FRACTIONS,
    HALVES,
    OBJECTS,
    REGIONS,
    YAWS,
    Condition,
)
from analysis.stimuli.corruptions import CORRUPTIONS
from analysis.stimuli.fills import FILLS
from analysis.stimuli.perturb import Perturbed
from analysis.stimuli.placed import placed, to_be_turned
from iram.data.dataset import FaceDataset

COLUMNS: dict[str, list[Condition]] = {
    "regions": [CLEAN, *(Condition(name, fraction, "mean") for name in (*REGIONS, *HALVES)
                         for fraction in FEW_FRACTIONS)],
    "objects": [CLEAN, *(Condition(name, fraction, "object") for name in OBJECTS
                         for fraction in (0.05, None, 0.6))],  # as small and large as it can be
    "unstructured": [CLEAN, *(Condition(name, fraction, "mean")
                              for name in ("box", "blob", "dropout", "sham")
                              for fraction in FEW_FRACTIONS)],
    "fills": [CLEAN, *(Condition("hand", None, fill) for fill in FILLS)],
    "corruptions": [CLEAN, *(Condition(corruption=name, severity=severity)
                             for name in CORRUPTIONS for severity in (1, 3, 5))],
}
LETTERS = 11  # in a line above a tile
DONORS = 150  # faces that a fill may borrow from


def poses(dataset: FaceDataset, landmarks: Path | None, faces: int, seed: int) -> ContactSheet:
    """A row per face, a column per yaw angle."""
    if not dataset.renders:
        dataset = to_be_turned(dataset, landmarks)
    shown = sample(dataset, faces, seed)
    pictures = {_angle(yaw): Perturbed(shown, slice(None), Condition(yaw_deg=yaw)).pictures[:, 0]
                .numpy() for yaw in YAWS}
    return ContactSheet(pictures, _labels(shown))


def covered(
    dataset: FaceDataset, name: str, landmarks: Path | None, faces: int, seed: int
) -> ContactSheet:
    """A row per face, a column per condition of COLUMNS[name]."""
    known = sample(dataset, DONORS, seed)
    shown = known.subset(slice(0, faces))
    cameras = placed(shown, landmarks)
    clean = Perturbed(known, slice(0, faces), CLEAN, cameras=cameras, seed=seed)
    pictures = {_title(condition): clean.under(condition).pictures[:, 0].numpy()
                for condition in COLUMNS[name]}
    return ContactSheet(pictures, _labels(shown))


def expressions(heads, people: int) -> ContactSheet:
    """The same people with every expression."""
    from iram.data.heads import CLASSES

    return ContactSheet({name: _upright(heads, people, expression=name) for name in CLASSES})


def scene_objects(heads, people: int) -> ContactSheet:
    """The same people with every object of the scene."""
    from iram.data.heads import SCENE_OCCLUDERS

    with_objects = {name: _upright(heads, people, occluder=name) for name in SCENE_OCCLUDERS}
    return ContactSheet({"none": _upright(heads, people)} | with_objects)


def _upright(heads, people: int, **options):
    from iram.data.heads import render

    options |= {"seed": heads.seed, "size": heads.size}
    options |= {"yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0}
    return render(range(people), **options).image[:, 0].numpy()


def _title(condition: Condition) -> str:
    if condition == CLEAN:
        return "clean"
    if condition.corruption != "none":
        name = names.title(condition.corruption, names.CORRUPTIONS)
        detail = f"level {condition.severity}"
    else:
        name, detail = names.title(condition.occluder, names.OCCLUDERS), _detail(condition)
    return "\n".join([*wrap(name, LETTERS), *wrap(detail, LETTERS)])


def _angle(yaw: float) -> str:
    return f"yaw {yaw:+g}°".replace("-", "−") if yaw else "yaw 0°"


def _detail(condition: Condition) -> str:
    if condition.fraction is not None:
        return f"{100 * condition.fraction:g}%"
    return "natural" if condition.fill == "object" else names.title(condition.fill, names.FILLS)


def _labels(faces: FaceDataset) -> tuple[str, ...]:
    return tuple(faces.classes[label] for label in faces.labels)
