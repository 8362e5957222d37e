"""What each field of a model's description may be (`analysis.subjects.description` tells them)."""

import math
import re
from collections.abc import Callable
from pathlib import Path

from analysis.attributions.places import read_layout
from analysis.subjects.attention import KINDS, AttentionLayers
from iram.errors import InputError, listing
from iram.registry import unknown

CHANNELS = {"gray": 1, "rgb": 3}
OUTPUTS = ("logits", "probabilities", "log_probabilities")
HINTS = {"bgr": '; write "rgb", and let the factory return a net that turns the channels over '
                "(x.flip(1))",
         "softmax": '; outputs of a softmax are "probabilities"',
         "sigmoid": "; a net that ends in a sigmoid is best asked without it"}
"""What is added where a value is known elsewhere."""


def checked_value(where: Path | str, field: str, value, called: str = ""):
    """The value of a field, if it can be one.

    Args:
        called: the field's name in messages, if it has another there.

    Raises:
        InputError: what would be right.
    """
    try:
        return CHECKS[field](value)
    except InputError as error:
        raise InputError(f"{where}: {called or field} = {value!r}: {error}") from None


def _text(value) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError("write a text")
    return value.strip()


def _name(value) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"(?![.-])[A-Za-z0-9_.+-]{1,80}", value):
        raise InputError("write up to 80 letters, digits, '-', '_', '.' or '+', no '-' or '.' "
                         "first")
    return value


def _whole(low: int, high: int) -> Callable[[object], int]:
    def check(value) -> int:
        if type(value) is not int or not low <= value <= high:
            raise InputError(f"write a whole number from {low} to {high}")
        return value

    return check


def _wholes(low: int, high: int) -> Callable[[object], tuple[int, ...]]:
    """One whole number, or a list of them."""
    one = _whole(low, high)
    return lambda value: tuple(map(one, value if isinstance(value, list) and value else [value]))


def _one_of(*known: str) -> Callable[[object], str]:
    def check(value) -> str:
        if value not in known:
            raise InputError(unknown("value", str(value), known)
                             + HINTS.get(str(value).lower(), ""))
        return value

    return check


def _numbers(positive: bool, most: float) -> Callable[[object], tuple[float, ...]]:
    def check(value) -> tuple[float, ...]:
        numbers = value if isinstance(value, list) else [value]
        for one in numbers:
            if type(one) not in (int, float) or not math.isfinite(one) or (positive and one <= 0):
                raise InputError("write numbers" + (" above 0" if positive else ""))
        if max(numbers, default=0) > most:
            scaled = listing(f"{one / 255:.3g}" for one in numbers)
            raise InputError("that is of pictures in 0 to 255, and here they are in [0, 1]: divide "
                             f"by 255, which gives {scaled}")
        return tuple(map(float, numbers))

    return check


def _names(least: int) -> Callable[[object], tuple[str, ...]]:
    def check(value) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) < least:
            raise InputError(f"write a list of {least} names or more")
        names = tuple(_text(one) for one in value)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"{listing(twice)} stands there twice")
        return names

    return check


def _reshape(value) -> str:
    return str(read_layout(_text(value)))


def _mapping(value) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise InputError('write a table such as [mapping] with grin = "happy"')
    return tuple((str(own), _text(of_data)) for own, of_data in value.items())


def _attention(value) -> AttentionLayers:
    checks = {"layers": _names(1), "read": _one_of(*KINDS), "prefix_tokens": _whole(0, 64),
              "grid": _wholes(2, 1024), "shift": _wholes(0, 512)}
    if not isinstance(value, dict) or "layers" not in value:
        raise InputError("write a table [attention] with layers, the names of its modules")
    for key in value:
        if key not in checks:
            raise InputError(unknown("field", key, checks))
    made = AttentionLayers(**{key: checks[key](one) for key, one in value.items()})
    if made.read == "windows" and not made.grid:
        raise InputError('read = "windows" needs grid, the patches a side of each layer')
    for key in ("grid", "shift"):
        if key in value and made.read != "windows":
            raise InputError(f'{key} is of read = "windows" alone')
        if len(getattr(made, key)) not in (0, 1, len(made.layers)):
            raise InputError(f"{key} has {len(getattr(made, key))} numbers; write one, or one for "
                             f"each of the {len(made.layers)} layers")
    return made


CHECKS: dict[str, Callable] = {
    "input_size": _whole(8, 1024), "colour": _one_of(*CHANNELS), "classes": _names(2),
    "mean": _numbers(False, most=1), "std": _numbers(True, most=10), "output": _one_of(*OUTPUTS),
    "weights": _text, "name": _name, "seed": _whole(0, 2**31 - 1), "mapping": _mapping,
    "attention": _attention, "layer": _text, "reshape": _reshape, "root": _text,
}
