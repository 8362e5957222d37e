"""What a page asks for, checked: nothing that came over the wire is trusted."""

from base64 import b64decode
from binascii import Error
from collections.abc import Mapping

from analysis.attributions import ATTRIBUTIONS, options_of
from analysis.attributions.contrast import SECOND
from analysis.explorer.session import UPLOAD
from analysis.explorer.state import DRAWN, Crop, State
from analysis.explorer.upload import MOST_ZOOM
from analysis.stimuli.conditions import Condition
from analysis.stimuli.corruptions import CORRUPTIONS
from analysis.stimuli.fills import FILLS
from analysis.stimuli.layout.rotation import RANGES
from analysis.stimuli.occluders import OBJECTS, names
from iram.errors import InputError
from iram.registry import unknown

LARGEST = 2**31
LONGEST = 200  # characters of a name


def methods() -> list[str]:
    """Every attribution method that a single picture can have."""
    return [name for name in ATTRIBUTIONS if "mean" not in options_of(name)]  # over a data set


def read_state(values: Mapping) -> State:
    """The state in a message's values.

    Raises:
        InputError: a value that is missing, of another type, or out of its range.
    """
    if not isinstance(values, Mapping):
        raise InputError("a state must be an object with names")
    condition = read_condition(_part(values, "condition"))
    crop = _part(values, "crop")
    moved = values.get("moved") or [0, 0]
    if not isinstance(moved, list) or len(moved) != 2:
        raise InputError(f"moved is {moved!r}; it must be two whole numbers")
    return State(
        source=_text(values, "source"),
        face=whole(values.get("face"), "face", 0),
        model=_text(values, "model"),
        condition=condition,
        drawn=_drawn(values.get("drawn")) if condition.occluder == DRAWN else None,
        moved=tuple(whole(one, "moved", -LARGEST) for one in moved),
        seed=whole(values.get("seed", 0), "seed", 0),
        crop=Crop(
            _number(crop.get("zoom", 1), "zoom", 1, MOST_ZOOM),
            _number(crop.get("across", 0.5), "across", 0, 1),
            _number(crop.get("down", 0.5), "down", 0, 1),
        ) if values.get("source") == UPLOAD else Crop(),
        methods=_methods(values.get("methods") or []),
        layer=_maybe(values.get("layer"), lambda v: whole(v, "layer", 0)),
        target=_maybe(values.get("target"), lambda v: whole(v, "target", 0)),
        against=_maybe(values.get("against"),
                       lambda v: v if v == SECOND else whole(v, "against", 0)),
        compared=values.get("compared") is True,
    )


def read_condition(values: Mapping) -> Condition:
    """The condition in a message's values, which are those of `Condition.to_dict`.

    Raises:
        InputError: see `read_state`.
    """
    occluder = values.get("occluder", "none")
    _check("occluder", occluder, ["none", DRAWN, *names()])
    corruption = values.get("corruption", "none")
    _check("corruption", corruption, ["none", *CORRUPTIONS])
    fraction, fill = 0.0, "none"
    if occluder != "none":
        fill = values.get("fill", "mean")
        _check("fill", fill, FILLS)
        fraction = _fraction(occluder, values.get("fraction"))
    spoiled = corruption != "none"
    return Condition(
        occluder, fraction, fill,
        yaw_deg=_maybe(values.get("yaw_deg"), lambda v: _angle(v, "yaw_deg")),
        pitch_deg=_maybe(values.get("pitch_deg"), lambda v: _angle(v, "pitch_deg")),
        roll_deg=_angle(values.get("roll_deg", 0), "roll_deg"),
        corruption=corruption,
        severity=whole(values.get("severity"), "severity", 1, 5) if spoiled else 0,
    )


def _fraction(occluder: str, fraction) -> float | None:
    if occluder == DRAWN:
        return None
    if fraction is None:
        if occluder not in OBJECTS:
            raise InputError(f"occluder '{occluder}' has no natural size; give a fraction, 0 to 1")
        return None
    return _number(fraction, "fraction", 0, 1)


def _methods(asked) -> tuple[str, ...]:
    if not isinstance(asked, list):
        raise InputError(f"methods is {asked!r:.40}; it must be a list of names")
    for name in asked:
        _check("attribution method", name, methods())
    return tuple(dict.fromkeys(asked))


def _drawn(text) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (TypeError, ValueError, Error):
        raise InputError("the drawn occluder is not base64") from None


def _check(kind: str, name, known) -> None:
    if not isinstance(name, str) or name not in known:
        raise InputError(unknown(kind, str(name)[:LONGEST], known))


def _part(values: Mapping, name: str) -> Mapping:
    part = values.get(name) or {}
    if not isinstance(part, Mapping):
        raise InputError(f"{name} is {part!r:.40}; it must be an object with names")
    return part


def _text(values: Mapping, name: str) -> str:
    text = values.get(name)
    if not isinstance(text, str) or not text or len(text) > LONGEST:
        raise InputError(f"{name} is {text!r:.40}; it must be a name")
    return text


def _maybe(value, read):
    return None if value is None else read(value)


def _angle(value, name: str) -> float:
    return _number(value, name, -RANGES[name], RANGES[name])


def _number(value, name: str, low: float, high: float) -> float:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not low <= value <= high:  # NaN lies nowhere
        raise InputError(f"{name} is {value!r:.40}; it must be a number from {low:g} to {high:g}")
    return float(value)


def whole(value, name: str, low: int, high: int = LARGEST) -> int:
    """The value, if it is a whole number in its range; else InputError."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{name} is {value!r:.40}; it must be a whole number from {low} to {high}")
    return value
