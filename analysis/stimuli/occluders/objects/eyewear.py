"""Sunglasses and spectacles."""

from torch import Tensor

from analysis.stimuli.occluders.objects.light import Layers, lit
from analysis.stimuli.occluders.objects.shapes import (
    capsule,
    dome,
    ellipse,
    inside,
    outline,
    ramp,
    union,
)
from analysis.stimuli.occluders.objects.sketch import OBJECTS, Sketch, plane, stacked

EYES = 0.385  # height of the eye line
ROUND = ((0.275, 0.395), (0.150, 0.140))  # centre and radii
# Outlines of the lens on the picture's left, clockwise from the outer top corner.
WAYFARER = [(.095, .300), (.200, .285), (.330, .285), (.435, .300), (.445, .345), (.420, .440),
            (.350, .495), (.260, .505), (.165, .480), (.110, .400)]
AVIATOR = [(.085, .320), (.160, .288), (.290, .285), (.400, .300), (.452, .345), (.440, .415),
           (.370, .490), (.275, .530), (.180, .518), (.110, .450), (.080, .378)]
CAT_EYE = [(.045, .270), (.120, .272), (.270, .300), (.410, .315), (.450, .350), (.430, .430),
           (.360, .492), (.265, .505), (.165, .475), (.095, .390)]
RECTANGLE = [(.105, .325), (.200, .312), (.330, .312), (.430, .322), (.442, .365), (.432, .440),
             (.390, .470), (.275, .478), (.160, .470), (.115, .440), (.098, .365)]


@OBJECTS.register("sunglasses")
def sunglasses() -> Sketch:
    """Dark lenses over both eyes: thick and square, round, drop-shaped in wire, swept up."""
    drawn = [
        _sunglasses(_traced(WAYFARER), 0.024, gray=0.16, dark=0.07),
        _sunglasses(_round(), 0.013, gray=0.62, dark=0.09),
        _sunglasses(_traced(AVIATOR), 0.011, gray=0.78, dark=0.06, fading=0.30),
        _sunglasses(_traced(CAT_EYE), 0.024, gray=0.34, dark=0.06),
    ]
    return stacked(drawn, anchor=(0.5, EYES), smallest=0.8, largest=1.2)


@OBJECTS.register("spectacles")
def spectacles() -> Sketch:
    """Clear lenses with a glint, in frames: thick and dark, round, with a heavy upper rim."""
    drawn = [
        _spectacles(_traced(RECTANGLE), 0.022, gray=0.12),
        _spectacles(_round(), 0.017, gray=0.16),
        _spectacles(_traced(WAYFARER), 0.012, gray=0.16, brow=0.022),
    ]
    return stacked(drawn, anchor=(0.5, EYES), smallest=0.8, largest=1.2)


def _traced(lens) -> Tensor:
    """Distance to both lenses, the one on the picture's right being the mirror image."""
    left = outline(lens)
    return union(left, left.flip(1))


def _round() -> Tensor:
    left = ellipse(*plane(), *ROUND)
    return union(left, left.flip(1))


def _sunglasses(lenses: Tensor, rim: float, gray: float, dark: float, fading=0.10) -> Layers:
    """Both lenses in a rim of this width; the dark of the lens fades downwards."""
    x, y = plane()
    glass = dark + fading * ramp(y, 0.36, 0.56) + 0.04 * ramp(y, 0.34, 0.28)
    glass = glass + 0.34 * _glints(x, y) + 0.10 * ramp(lenses, -0.060, -rim)
    drawn = Layers(x).cast(lenses, 0.35, 0.05)
    drawn.add(inside(lenses + rim / 2), glass.clamp(0, 1))
    return _framed(drawn, lenses, rim, gray)


def _spectacles(lenses: Tensor, rim: float, gray: float, brow: float = 0.0) -> Layers:
    """Both lenses in a rim of this width, wider by `brow` along the top."""
    x, y = plane()
    drawn = Layers(x).cast(_ring(lenses, rim), 0.30, 0.035)
    drawn.add(inside(lenses) * (0.06 + 0.34 * _glints(x, y)), 1.0)
    return _framed(drawn, lenses, rim + brow * ramp(y, 0.38, 0.33), gray)


def _glints(x: Tensor, y: Tensor) -> Tensor:
    """Two slanting bands of light on each lens, brightest at the top."""
    slanted = x + 0.75 * y
    bands = sum(
        inside((slanted - place).abs() - width, 0.012)
        for middle in (0.275, 0.725)
        for place, width in ((middle + 0.205, 0.022), (middle + 0.262, 0.009))
    )
    return bands * ramp(y, 0.50, 0.32)


def _ring(lenses: Tensor, rim) -> Tensor:
    """Distance to the rims, a band inside the lenses' outlines."""
    return (lenses + rim / 2).abs() - rim / 2


def _framed(drawn: Layers, lenses: Tensor, rim, gray: float) -> Layers:
    """Adds the rims, the bridge over the nose and the arms towards the ears."""
    x, y = plane()
    thick = float(rim.amax()) if isinstance(rim, Tensor) else rim
    arch = (y - 0.345 - 5.0 * (x - 0.5) ** 2).abs() - 0.4 * thick - 0.003
    bridge = arch.maximum((x - 0.5).abs() - 0.065)
    arm, _ = capsule(x, y, (0.10, 0.325), (0.04, 0.338), (0.45 * thick + 0.003, 0.011))
    arms = union(arm, arm.flip(1))
    frame = union(_ring(lenses, rim), bridge, arms)
    return drawn.add(inside(frame), lit(dome(frame, thick / 2), gray, gloss=0.35))
