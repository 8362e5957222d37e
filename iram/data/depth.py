"""Gray values of more than 8 bits brought to 8, by the range that a file declares or fills.

Cameras write 10, 12 or 14 bits into files of 16, most of them without saying so: read as 16 bits
such a picture is nearly black. So the range is what the file declares (TIFF's MaxSampleValue, or
its own number of bits), else the fewest of 8, 10, 12, 14 and 16 bits that its largest value needs.
Values that stand in the upper bits (8 bits times 257, or multiples of 4 that are not small) are 16
bits, however dark the picture is.
"""

from typing import IO

import numpy as np
from PIL import Image

from iram.errors import InputError

BITS = (8, 10, 12, 14, 16)
FULL = (1 << 16) - 1
LOOKED_AT = 100_000  # values whose common divisor is sought
UPPER = 4096  # multiples of 4 up to here may be 8 bits times 4; beyond they are upper bits
BITS_PER_SAMPLE, PHOTOMETRIC, MAX_SAMPLE, SAMPLE_MAX = 258, 262, 281, 341  # tags of TIFF 6.0
SWAPPED = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGBA;16B": "RGBA;16L",
           "RGBA;16L": "RGBA;16B"}


def eight_bits(
    path, source: IO[bytes], image: Image.Image, raw: str, top: float | None
) -> tuple[Image.Image, list[str], float | None]:
    """A loaded picture with 8 bits a channel; what is said of it; what was read as white.

    Args:
        source: the file, to be read again for the lower bytes of colours.
        raw: see `raw_mode`, before the picture was loaded.
        top: what to read as white unless the file says it; None: what `top_of` finds.

    Returns:
        None for white of a picture that had 8 bits and is returned as it is.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        top = declared_top(image) or top or top_of(path, values)
        gray = to_8_bits(values, top)
        return Image.fromarray(255 - gray if _white_is_zero(image) else gray), told(top), top
    if "16" not in raw or image.mode not in ("RGB", "RGBA"):
        return image, [], None
    upper = np.asarray(image)  # the decoder keeps the upper byte of each value
    if upper[..., :3].max() >= 64 and top is None:
        return image, [], float(FULL)
    source.seek(0)
    with Image.open(source, formats=[image.format]) as again:
        if not with_low_bytes(again, raw):
            raise InputError(f"{path} holds 16-bit colour of which the values fill the lower bits "
                             "alone; save it as 8 bits")
        values = upper.astype(np.uint16) << 8 | np.asarray(again)
    top = declared_top(image) or top or top_of(path, values[..., :3])
    return Image.fromarray(to_8_bits(values, top), image.mode), told(top), top


def _white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF says that its 0 is white, as scanners save. Pillow heeds this in pictures of
    up to 8 bits alone."""
    return getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0


def declared_top(image: Image.Image) -> int | None:
    """The largest value that a TIFF says it can hold, None if it says nothing or all 16 bits."""
    tags = getattr(image, "tag_v2", {})
    for tag in (SAMPLE_MAX, MAX_SAMPLE):
        value = tags.get(tag)
        value = value[0] if isinstance(value, tuple) and value else value
        if isinstance(value, int | float) and 255 <= value < FULL:
            return int(value)
    bits = tags.get(BITS_PER_SAMPLE)
    return (1 << bits[0]) - 1 if isinstance(bits, tuple) and 8 < bits[0] < 16 else None


def top_of(path, values: np.ndarray) -> float:
    """The value that stands for white in values of unknown range: 255 to 65,535, or 1.0.

    Raises:
        InputError: negative values, none, NaN, or more than 16 bits; floats that are all the same.
    """
    low, high = values.min(), values.max()
    whole = values.dtype.kind != "f"
    if not (low >= 0 and high <= FULL) or not (whole or low < high):  # NaN is neither
        raise InputError(f"{path} holds values that are not 8 or 16 bits ({low:g} to {high:g}): "
                         "save it as 8 bits")
    if not whole and high <= 2:  # 0 to 1, with some room for resampling that overshoots
        return 1.0
    needed = next((1 << bits) - 1 for bits in BITS if high < 1 << bits)
    if not whole or needed == FULL or low == high:
        return needed
    flat = values.ravel()
    shared = int(np.gcd.reduce(flat[:: max(1, len(flat) // LOOKED_AT)]))
    upper = shared % 257 == 0 or (shared % 4 == 0 and high >= UPPER)
    return FULL if shared and upper else needed


def to_8_bits(values: np.ndarray, top: float) -> np.ndarray:
    """uint8: 0 stays 0 and `top` becomes 255."""
    return np.round(values.clip(0, top) * (255 / top)).astype(np.uint8)


def told(top: float) -> list[str]:
    """What is said of a picture whose white is neither that of 8 nor of 16 bits."""
    if top == FULL:
        return []
    if top == 1.0:
        return ["floating-point values were read as 0 (black) to 1 (white)"]
    if top == 255:
        return ["values of 0 to 255 in a file of more bits were read as 8-bit ones"]
    bits = f"{int(top).bit_length()}-bit values in a file of more bits"
    return [f"{bits} were stretched: 0 to {top:,.0f} became 0 to 255"]


def raw_mode(image: Image.Image) -> str:
    """How the file stores its pixels, as the decoder calls it; before the picture is loaded."""
    args = image.tile[0][3] if image.tile else ""
    return str(args[0] if isinstance(args, tuple) and args else args)


def with_low_bytes(image: Image.Image, raw: str) -> bool:
    """Sets a colour picture of 16 bits, not yet loaded, to load the lower bytes, not the upper.

    False if that can't be had.
    """
    if raw not in SWAPPED or len(image.tile) == 0 or image.tile[0][0] not in ("zip", "raw"):
        return False
    changed = []
    for tile in image.tile:
        args = tile[3]
        args = (SWAPPED[raw], *args[1:]) if isinstance(args, tuple) else SWAPPED[raw]
        changed.append(tile._replace(args=args) if hasattr(tile, "_replace")
                       else (*tile[:3], args))
    image.tile = changed
    return True
