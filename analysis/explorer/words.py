"""What is seen, in words: for those who hear the page, and for the lines under its pictures."""

import math

import torch
from torch import Tensor

from analysis.attributions import FACE_REGIONS
from analysis.explorer.names import REGIONS, method_title, occluder_title
from analysis.explorer.session import MapPair, Seen, Together
from analysis.figures.names import CORRUPTIONS, FILLS, title
from analysis.stimuli.conditions import Condition
from iram.data.folder import UNKNOWN

EVEN = 1e-6  # a map that varies less is the same everywhere
LITTLE = 0.01  # logits
LEAST_PIXELS = 4  # of a region that is worth a word
A_PERCENT = 0.005


def clean_text(seen: Seen) -> str:
    """The untouched face and what the model takes it for."""
    label = seen.face.label
    labelled = "" if label == UNKNOWN else f", labelled {label}"
    return f"Face {seen.face.image_id}{labelled}; {predicted(seen, seen.clean.probabilities)}."


def shown_text(seen: Seen) -> str:
    """What was done to the face, and what the model takes it for now."""
    done = condition_text(seen.state.condition, seen.picture.occlusion_fraction)
    return f"The face {done}; {predicted(seen, seen.after.probabilities)}."


def predicted(seen: Seen, probabilities: Tensor) -> str:
    best = int(probabilities.argmax())
    return f"the model says {seen.classes[best]}, {100 * float(probabilities[best]):.0f}%"


def condition_text(condition: Condition, covered: float) -> str:
    """Such as "turned 20° to the right, 30% covered by eyes (noise)"."""
    parts = [turn for turn in (
        _turn(condition.yaw_deg, "to the right", "to the left"),
        _turn(condition.pitch_deg, "up", "down"),
        _turn(condition.roll_deg or None, "clockwise", "anticlockwise"),
    ) if turn]
    if condition.occluder != "none":
        what, fill = occluder_title(condition.occluder), title(condition.fill, FILLS)
        parts.append(f"{100 * covered:.0f}% covered ({what}, {fill})")
    if condition.corruption != "none":
        kind = title(condition.corruption, CORRUPTIONS)
        parts.append(f"spoiled ({kind}, severity {condition.severity})")
    return ", ".join(parts) or "as it is"


def map_texts(seen: Seen, told: MapPair) -> dict[str, str]:
    """Where a map is highest, in names of the face's regions: `after`, and where it was compared
    `before` and `difference`. What comes after the first colon says where."""
    name = f"{method_title(told.method)} of {seen.state.model}"
    if told.after is None:
        return {"after": f"{name}: the model {told.reason}."}
    texts = {"after": f"{name}: {_places(seen, told, told.after)}"}
    if told.before is not None:
        texts["before"] = f"{name}, uncovered: {_places(seen, told, told.before)}"
        change = _change(seen, told.after - told.before)
        texts["difference"] = f"{name}, covered less uncovered: {change}"
    return texts


def together_text(seen: Seen, told: Together) -> str:
    """Which two regions need each other most, and which two tell the same."""
    pairs = told.pairs.triu(1)
    parts = []
    for place, words in ((int(pairs.argmax()), "are worth more together"),
                         (int(pairs.argmin()), "tell the same")):
        value = float(pairs.flatten()[place])
        if abs(value) >= LITTLE and (value > 0) == (words != "tell the same"):
            first, second = (title(FACE_REGIONS[k], REGIONS) for k in divmod(place, len(pairs)))
            parts.append(f"{first} and {second} {words} ({value:+.2f} logits)")
    said = "; ".join(parts) or f"no two regions differ by {LITTLE} logits from each alone"
    return f"For {seen.explained}: {said}."


def _places(seen: Seen, told: MapPair, values: Tensor) -> str:
    if float(values.max() - values.min()) < EVEN:
        return f"the same everywhere, {float(values.max()):.2g}."
    (high, _), (low, lowest) = _ends(values, seen.picture.regions)
    if not told.signed:
        ends = f"{float(values.min()):.2g} to {float(values.max()):.2g}"
        return f"highest at the {high}, lowest at the {low}; {ends}."
    against = f", most against it at the {low}" if lowest < 0 else ""
    return f"speaks for {seen.explained} most at the {high}{against}."


def _change(seen: Seen, change: Tensor) -> str:
    if float(change.abs().max()) < EVEN:
        return "no change."
    (high, highest), (low, lowest) = _ends(change, seen.picture.regions)
    parts = [f"rises most at the {high}"] * (highest > 0) + [f"falls most at the {low}"] * (
        lowest < 0
    )
    return ", ".join(parts) + "."


def _ends(values: Tensor, regions: Tensor) -> list[tuple[str, float]]:
    """The regions with the highest and the lowest mean, and these means."""
    means = region_means(values, regions)
    ends = max(means, key=means.get), min(means, key=means.get)
    return [(title(name, REGIONS), means[name]) for name in ends]


def region_means(values: Tensor, regions: Tensor) -> dict[str, float]:
    """The mean of a map (S, S) over each region of FACE_REGIONS that has a few pixels."""
    found = {}
    for code, name in enumerate(FACE_REGIONS):
        inside = regions == code
        if int(inside.sum()) >= LEAST_PIXELS:
            found[name] = float(values[inside].mean())
    return found or {"rest": float(values.mean())}


def covered_text(seen: Seen) -> str:
    """Whether attention left the covered part: the mean over layers, beside the uncovered face."""
    pairs = [(one.before, one.after) for one in seen.on_covered
             if math.isfinite(one.before) and math.isfinite(one.after)]
    if not pairs:
        return ""
    before, after = torch.tensor(pairs, dtype=torch.float64).log().mean(0).exp().tolist()
    change = after / before - 1
    if abs(change) < A_PERCENT:
        return "Attention on the covered part is as it was."
    way = "less" if change < 0 else "more"
    return (f"The covered part gets {100 * abs(change):.0f}% {way} of the attention than before "
            "(mean of the layers).")


def summary_text(seen: Seen) -> str:
    """One line for the whole: what changed."""
    before, after = (seen.classes[a.prediction] for a in (seen.before, seen.after))
    chance = 100 * float(seen.after.probabilities.max())
    same = f"still {after}" if after == before else f"{after} instead of {before}"
    done = condition_text(seen.state.condition, seen.picture.occlusion_fraction)
    return f"Face {done}: {same}, {chance:.0f}%. {covered_text(seen)}".strip()


def _turn(angle: float | None, positive: str, negative: str) -> str:
    if angle is None:
        return ""
    if not angle:
        return "turned 0°"
    return f"turned {abs(angle):g}° {positive if angle > 0 else negative}"
