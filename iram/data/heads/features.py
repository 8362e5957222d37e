"""Where the features of a face are: curves of brows, lids and lips in face coordinates.

Face coordinates are the head's own x (to the picture's right on a frontal face) and y (up).
Paint, labels and landmarks all read these curves. Sizes of the action units are in head units.
"""

from types import SimpleNamespace

import torch
from torch import Tensor


def sided(intensity: Tensor, p: SimpleNamespace, x: Tensor) -> Tensor:
    """An intensity at x: one half of the face moves a little more than the other."""
    return intensity * (1 + p.strength_asymmetry * (x / 0.15).clamp(-1, 1))


def brow(p, au, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The place along the brow (0 inner, 1 outer end), its centre's y, its half thickness."""
    au1, au2, au4 = (sided(unit, p, x) for unit in (au.AU1, au.AU2, au.AU4))
    inner_end = 0.135 - 0.055 * au4 - 0.02 * au.AU9
    t = (x.abs() - inner_end) / (0.60 - inner_end)
    s = t.clamp(0, 1)
    frown = au4 * (1 - 0.8 * au1)  # with AU1 the corrugator draws in but no longer down
    inner = 0.14 * au1 - 0.15 * frown - 0.04 * au.AU9
    middle = 0.05 * au1 + 0.12 * au2 - 0.10 * frown - 0.03 * au4 - 0.03 * au.AU9 + p.brow_arch
    outer = 0.12 * au2 - 0.02 * au4 - 0.04 + 0.5 * p.brow_arch
    curve = (1 - s) ** 2 * inner + 2 * s * (1 - s) * middle + s * s * outer
    y = p.brow_height + p.brow_asymmetry * x.sign() + curve
    return t, y, p.brow_thickness * (1 - 0.65 * s * s)


def lids(p, au, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The place along the eye (-1 inner, 1 outer corner), the upper and the lower lid's y."""
    t = (x.abs() - p.eye_distance) / p.eye_width
    arc = (1 - t * t).clamp(min=0)
    au5, au6, au7 = (sided(unit, p, x) for unit in (au.AU5, au.AU6, au.AU7))
    uneven = 1 + p.eye_asymmetry * x.sign()
    upper = p.upper_lid * uneven * (1 + 0.75 * au5) * (1 - 0.4 * au7) * (1 - 0.15 * au6)
    upper = upper * (1 - 0.25 * au.AU9)
    lower = p.lower_lid * (1 + 0.2 * au5) * (1 - 0.6 * au6) * (1 - 0.4 * au7)
    lower = lower * (1 - 0.3 * au.AU9)
    corner = p.eye_height + p.eye_tilt * t
    return t, corner + upper * arc**0.7, corner - lower * arc**0.8


def mouth(p, au, x: Tensor) -> SimpleNamespace:
    """The mouth's curves at x.

    Attributes:
        t: place along the mouth, -1 and 1 at its corners.
        arc: 1 in the middle, 0 at the corners and beyond.
        top, upper, lower, bottom: y of the four lip edges, from the upper lip's upper edge
            down; between `upper` and `lower` the mouth is open.
        middle: y of the line between the lips.
        opening: its largest height.
        half_width: half its width.
    """
    au12, au15 = sided(au.AU12, p, x), sided(au.AU15, p, x)
    half = p.mouth_width * (1 + 0.28 * au.AU12) * (1 + 0.30 * au.AU20) * (1 - 0.16 * au.AU23)
    half = half * (1 - 0.16 * au.AU26 * (1 - au.AU20).clamp(min=0)) * (1 - 0.06 * au.AU17)
    t = x / half
    reach = t.abs().clamp(max=1.3)
    arc = (1 - t * t).clamp(min=0)
    corner = 0.15 * au12 - 0.15 * au15 - 0.035 * au.AU20
    middle = p.mouth_height + corner * (reach**1.6 - 0.30) + p.mouth_asymmetry * t.clamp(-1, 1)
    middle = middle + 0.035 * au.AU17 + 0.055 * au.AU10 * arc - 0.10 * au.AU26
    opening = 0.06 * au.AU25 + 0.20 * au.AU26 + 0.055 * au.AU12 * au.AU25
    opening = opening + 0.07 * au.AU10 * au.AU25
    gap = opening * arc**0.6
    share = 0.25 + 0.25 * au.AU26  # how much of the opening lies above the corners
    upper, lower = middle + share * gap, middle - (1 - share) * gap
    thin = (1 - 0.6 * au.AU23) * (1 - 0.25 * au.AU20) * (1 - 0.2 * au.AU12)
    bow = 1 - 0.25 * torch.exp(-((t / 0.14) ** 2))
    raised = 1 + 0.35 * au.AU10
    top = upper + p.upper_lip * thin * raised * bow * arc**0.65
    bottom = lower - p.lower_lip * thin * (1 + 0.15 * au.AU17) * arc**0.6
    return SimpleNamespace(
        t=t, arc=arc, top=top, upper=upper, lower=lower, bottom=bottom, middle=middle,
        opening=opening, half_width=half,
    )


def jaw_drop(au) -> Tensor:
    """How far the chin is lowered."""
    return 0.18 * au.AU26 + 0.03 * au.AU25
