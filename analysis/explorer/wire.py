"""Messages between the page and the server: a JSON header, and arrays as they lie in memory."""

import json
import math

import numpy as np
from torch import Tensor

from analysis.explorer.session import MapPair, Seen
from analysis.explorer.words import clean_text, covered_text, map_texts, shown_text, summary_text
from iram.errors import InputError

Message = tuple[dict, dict[str, np.ndarray]]
ALIGNED = 4  # a browser reads float32 only from multiples of this


def pack(header: dict, arrays: dict[str, np.ndarray] | None = None) -> bytes:
    """A message: the header's length (4 bytes, little-endian), the header, then the arrays.

    The header's "arrays" says of each its type, shape and where it begins, counted from the end of
    the header; each begins at a multiple of 4 bytes of the message.
    """
    placed, parts, at = {}, [], 0
    for name, values in (arrays or {}).items():
        data = np.ascontiguousarray(values).tobytes()
        placed[name] = {"dtype": str(values.dtype), "shape": list(values.shape), "at": at}
        data += bytes(-len(data) % ALIGNED)
        parts.append(data)
        at += len(data)
    text = json.dumps({**header, "arrays": placed}, allow_nan=False).encode()
    text += b" " * (-len(text) % ALIGNED)
    return b"".join([len(text).to_bytes(4, "little"), text, *parts])


def unpack(message: bytes) -> tuple[dict, bytes]:
    """The header of a message and what comes after it.

    Raises:
        InputError: no such message.
    """
    length = int.from_bytes(message[:4], "little")
    try:
        header = json.loads(message[4 : 4 + length])
    except (ValueError, RecursionError):
        header = None
    if len(message) < 4 + length or not isinstance(header, dict):
        raise InputError("this message has no header that can be read")
    return header, message[4 + length :]


def seen_message(seen: Seen) -> Message:
    """What is seen before any attribution."""
    picture, size = seen.picture, seen.picture.shown.shape[-1]
    header = {
        "type": "seen",
        "size": size,
        "classes": list(seen.classes),
        "target": seen.target,
        "against": seen.against,
        "second": seen.second,
        "label": seen.face.label,
        "condition": seen.state.condition.name,
        "covered": picture.occlusion_fraction,
        "hidden": picture.self_occlusion_fraction,
        "clean": seen.clean.probabilities.tolist(),
        "before": seen.before.probabilities.tolist(),
        "after": seen.after.probabilities.tolist(),
        "layers": len(seen.after.attention),
        "on_covered": [[_finite(one.before), _finite(one.after)] for one in seen.on_covered],
        "reason": seen.attention.reason,
        "texts": {
            "clean": clean_text(seen), "shown": shown_text(seen), "covered": covered_text(seen),
            "attention": map_texts(seen, seen.attention), "summary": summary_text(seen),
        },
    }
    arrays = {"clean": grays(picture.clean), "shown": grays(picture.shown),
              "reference": grays(picture.reference),
              "mask": picture.mask[0].numpy().astype(np.uint8)}
    return header, arrays | _pair(seen.attention)


def map_message(seen: Seen, told: MapPair) -> Message:
    """One method's maps."""
    header = {"type": "map", "method": told.method, "signed": told.signed, "reason": told.reason,
              "texts": map_texts(seen, told)}
    return header, _pair(told)


def grays(image: Tensor) -> np.ndarray:
    """(S, S) uint8 of one picture (1, 1, S, S) in [0, 1]."""
    return image[0, 0].mul(255).round().byte().numpy()


def _pair(told: MapPair) -> dict[str, np.ndarray]:
    pair = {"map_before": told.before, "map": told.after}
    return {name: values.numpy() for name, values in pair.items() if values is not None}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
