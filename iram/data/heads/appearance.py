"""Paint and labels, evaluated per pixel in face coordinates (deferred shading).

Painting after the z-buffer keeps brows, lids and lips crisp at any pose, and makes the label of
a pixel come from the same curves as its shade.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.data.heads.features import brow, lids, mouth, sided
from iram.data.heads.shapes import blend, edge, line, ramp

REGIONS = (
    "background", "hair", "forehead", "brows", "eyes", "nose", "cheeks", "mouth", "chin", "neck",
    "ears", "occluder",
)
FACE_REGIONS = ("forehead", "brows", "eyes", "nose", "cheeks", "mouth", "chin")
CODE = {name: code for code, name in enumerate(REGIONS)}
SOFT = 0.022  # head units over which an edge fades: about a supersampled pixel


@dataclass
class Fragments:
    """What the z-buffer found at each pixel of the head, all (N, S, S).

    Attributes:
        x, y, z: head coordinates.
        phi: angle about the axis.
        normal: (N, 3, S, S) in camera axes.
        hair, neck, ear: as in `Surface`.
    """

    x: Tensor
    y: Tensor
    z: Tensor
    phi: Tensor
    normal: Tensor
    hair: Tensor
    neck: Tensor
    ear: Tensor


def paint_head(p, au, f: Fragments, textures) -> tuple[Tensor, Tensor]:
    """Albedo in [0, 1] and region code of every pixel of the head."""
    curves = SimpleNamespace(
        brow=brow(p, au, f.x), lids=lids(p, au, f.x), mouth=mouth(p, au, f.x),
        nose_tip=-0.24 - p.nose_length,
    )
    along = 0.35 + 0.65 * p.curl  # straight hair changes little along a strand
    lock = _sample(textures["strands"], f.phi / torch.pi, f.y * 0.5 * along)
    lock = 0.5 * lock + 0.5 * _sample(textures["strands"], f.phi * 0.45, f.y * along)
    blotch = _sample(textures["blotches"], f.x, f.y * 0.8)
    skin = p.skin * (1 + p.blotches * (blotch - 0.5) * 2)
    skin = _folds(p, au, f, curves, skin)
    skin = _nose(p, au, f, curves, skin)
    skin = _beard(p, f, curves, lock, skin)
    skin = _mouth(p, f, au, curves.mouth, skin)
    skin = _eyes(p, au, f, curves.lids, skin)
    skin = _brows(p, f, curves.brow, lock, skin)
    shaded_neck = p.skin * (0.62 + 0.18 * ramp(f.y, -1.1, -1.6))  # in the shadow of the jaw
    skin = blend(skin, shaded_neck, edge(f.neck, 0.06) * ramp(f.y, -0.45, -0.6))
    skin = skin * (1 - 0.35 * line(f.hair, 0.06) * (f.hair < 0))  # the shadow under the hair
    ragged = f.hair + 0.07 * (lock - 0.5)
    albedo = blend(skin, _hair(p, f, lock), edge(ragged, 0.06))
    return albedo.clamp(0.02, 1.0), label_head(p, f, curves, ragged)


def label_head(p, f: Fragments, curves, ragged: Tensor) -> Tensor:
    """(N, S, S) uint8 region codes; later rules win."""
    m, (t, upper, lower), (along, brow_y, thickness) = curves.mouth, curves.lids, curves.brow
    code = torch.full_like(f.x, CODE["cheeks"])
    front = f.phi.abs() < 1.35

    def mark(name, where):
        nonlocal code
        code = torch.where(where, CODE[name], code)

    mark("forehead", f.y > torch.maximum(brow_y, p.eye_height + 0.14))
    nose_half = (0.085 + 0.10 * ((0.28 - f.y) / 0.5).clamp(0, 1)) * p.nose_width
    mark("nose", front & (f.x.abs() < nose_half) & (f.y < 0.32) & (f.y > curves.nose_tip - 0.12))
    round_ = (f.x / 0.36) ** 4 + ((f.y - m.bottom + 0.35) / 0.40) ** 4 < 1
    mark("chin", front & (f.y < m.bottom - 0.06) & round_)
    lip = torch.maximum(m.top + 0.05, curves.nose_tip - 0.12 - 0.5 * f.x.abs())
    mark("mouth", front & (f.y < lip) & (f.y > m.bottom - 0.06) & (m.t.abs() < 1.2))
    eyes = (t.abs() < 1.2) & (f.y < upper + 0.06) & (f.y > lower - 0.06)
    mark("eyes", front & eyes)
    on_brow = ((f.y - brow_y).abs() < thickness + 0.012) & (along > -0.05) & (along < 1.05)
    mark("brows", front & on_brow)
    mark("neck", (f.neck > 0) & (f.y < -0.5))
    mark("ears", f.ear > 0.5)
    mark("hair", ragged > 0)
    return code.to(torch.uint8)


def _sample(texture: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """(N, S, S) values of a (N, 1, h, w) texture at u, v in -1 to 1."""
    places = torch.stack([u, v], -1)
    return F.grid_sample(texture, places, padding_mode="reflection", align_corners=True)[:, 0]


def _folds(p, au, f, curves, skin):
    """Lines that muscles draw, on top of those that age has left on anyone."""
    old, ax, m = p.age, f.x.abs(), curves.mouth
    wave = torch.sin((f.y + 0.02 * torch.cos(3 * f.x)) * 62.0) * 0.5 + 0.5
    zone = ramp(f.y, 0.50, 0.58) * ramp(f.y, 0.82, 0.70) * ramp(ax, 0.62, 0.25)
    centre = ramp(ax, 0.35, 0.10)
    raised = 0.30 * au.AU1 * centre + 0.30 * au.AU2 + 0.22 * old * p.forehead_folds
    skin = skin * (1 - raised.clamp(max=0.4) * zone * wave**3)
    frown = (0.45 * au.AU4 + 0.18 * old * p.glabella_folds).clamp(max=0.5)
    glabella = line(ax - 0.055, 0.016) * ramp(f.y, 0.22, 0.32) * ramp(f.y, 0.58, 0.46)
    skin = skin * (1 - frown * glabella)
    top = -0.16 + 0.07 * au.AU10 + 0.06 * au.AU9
    s = ((top - f.y) / 0.42).clamp(0, 1)
    crease = 0.19 * p.nose_width + (m.half_width + 0.05 - 0.19 * p.nose_width) * s**0.8
    pulled = 0.34 * sided(au.AU12, p, f.x) + 0.36 * au.AU10 + 0.24 * au.AU9
    depth = (pulled + (0.06 + 0.26 * old) * p.nasolabial_folds).clamp(max=0.5)
    ends = ramp(f.y, top + 0.03, top - 0.04) * ramp(f.y, top - 0.48, top - 0.34)
    skin = skin * (1 - depth * line(ax - crease, 0.026) * ends)
    lower = curves.lids[2]
    bag = line(f.y - lower + 0.07 + 0.01 * au.AU6, 0.018) * ramp(
        (ax - p.eye_distance).abs(), 0.19, 0.1
    )
    skin = skin * (1 - (0.10 + 0.16 * old * p.eye_bags + 0.16 * au.AU6) * bag)
    crow = torch.sin((f.y - p.eye_height) * 75.0 + 5 * (ax - 0.6)) * 0.5 + 0.5
    crow = crow * line(ax - p.eye_distance - 0.27, 0.045) * line(f.y - p.eye_height, 0.07)
    skin = skin * (1 - (0.28 * au.AU6 + 0.14 * old).clamp(max=0.4) * crow)
    pit = line(m.t.abs() - 1.12, 0.07) * line(f.y - m.middle, 0.05)
    skin = skin * (1 - (0.30 * au.AU12 + 0.28 * au.AU15 + 0.1 * old) * pit)
    sulcus = line(f.y - m.bottom + 0.05, 0.03) * ramp(ax, 0.24, 0.08)
    skin = skin * (1 - (0.16 + 0.22 * au.AU17 + 0.10 * au.AU23) * sulcus)
    dimples = torch.cos(f.x * 55.0) * torch.sin(f.y * 60.0) * 0.5 + 0.5
    ball = line(f.x, 0.12) * line(f.y + 0.93 + p.chin_length, 0.08)
    return skin * (1 - 0.25 * au.AU17 * ball * dimples)


def _nose(p, au, f, curves, skin):
    """Nostrils, wings, the shadow under the tip, and the ripples of AU9."""
    tip, ax = curves.nose_tip, f.x.abs()
    lifted = 0.05 * au.AU9 + 0.015 * au.AU10
    shadow = line(f.y - tip + 0.10, 0.05) * ramp(ax, 0.22, 0.06)
    skin = skin * (1 - 0.22 * shadow)
    nostril = ((ax - 0.075 * p.nose_width) / 0.042) ** 2 + (
        (f.y - tip + 0.062 - lifted) / 0.024
    ) ** 2
    skin = blend(skin, 0.30 * skin, edge(1 - nostril, 1.0))
    wing = ((ax - 0.125 * p.nose_width) / 0.075) ** 2 + ((f.y - tip - lifted) / 0.075) ** 2
    outside = ramp(ax, 0.13, 0.17)
    skin = skin * (1 - (0.26 + 0.2 * au.AU9) * line(wing - 1, 0.30) * outside)
    ripple = torch.sin((f.y + 0.35 * ax) * 75.0) * 0.5 + 0.5
    bridge = ramp(f.y, 0.02, 0.10) * ramp(f.y, 0.36, 0.27) * ramp(ax, 0.20, 0.10)
    return skin * (1 - 0.5 * au.AU9 * bridge * ripple**2)


def _beard(p, f, curves, lock, skin):
    """A moustache and beard on some, so that dark chins are no sign of anything."""
    m = curves.mouth
    below = ramp(f.y + 0.25 * ramp(f.x.abs(), 0.2, 0.6), -0.34, -0.50)
    bare = edge(0.03 + m.top - f.y, 0.03) * edge(f.y - m.bottom + 0.03, 0.03) * (m.t.abs() < 1.05)
    dark = ((p.beard - 0.72) / 0.28).clamp(0, 1) * (p.long_hair <= 0.6)
    tone = torch.minimum(_hair_tone(p) * 0.8 + 0.08, skin) * (0.8 + 0.4 * lock)
    return blend(skin, tone, 0.65 * dark * below * (1 - bare))


def _mouth(p, f, au, m, skin):
    inside = (m.t.abs() < 1).to(skin.dtype)
    over = edge(m.top - f.y, SOFT) * edge(f.y - m.upper, SOFT)
    under = edge(m.lower - f.y, SOFT) * edge(f.y - m.bottom, SOFT)
    skin = blend(skin, skin * p.lip_darkness * 0.92, over * inside)
    skin = blend(skin, skin * p.lip_darkness * 1.06, under * inside)
    open_ = edge(m.upper - f.y, SOFT) * edge(f.y - m.lower, SOFT) * inside
    open_ = open_ * edge(m.opening - 0.02, 0.02)
    grin = (au.AU12 + 0.8 * au.AU20 + 0.7 * au.AU10).clamp(0, 1)
    upper_teeth = edge(f.y - m.upper + 0.03 + 0.085 * grin, SOFT)
    lower_teeth = edge(m.lower - f.y + 0.035 * au.AU20, SOFT) * au.AU20 * 0.8
    teeth = 0.86 * ramp(m.t.abs(), 1.0, 0.65)
    tongue = 0.09 + 0.16 * ramp(f.y - m.lower, 0.10, 0.02)
    cavity = blend(tongue, teeth, upper_teeth * (0.4 + 0.6 * grin))
    cavity = blend(cavity, teeth, lower_teeth)
    skin = blend(skin, cavity, open_)
    seam = line(f.y - m.middle, 0.017) * inside * edge(0.03 - m.opening, 0.03)
    return blend(skin, skin * 0.30, seam * ramp(m.t.abs(), 1.05, 0.85))


def _eyes(p, au, f, curves, skin):
    t, upper, lower = curves
    ax, side = f.x.abs(), f.x.sign()
    near = (t.abs() < 1).to(skin.dtype)
    socket = line(f.y - p.eye_height - 0.02, 0.12) * line(ax - p.eye_distance + 0.08, 0.16)
    skin = skin * (1 - 0.20 * socket)
    crease = line(f.y - upper - 0.055, 0.014) * ramp(t.abs(), 1.1, 0.8)
    skin = skin * (1 - 0.25 * crease * (1 - 0.7 * au.AU5))
    open_ = edge(upper - f.y, SOFT) * edge(f.y - lower, SOFT) * near
    dx = f.x - side * p.eye_distance - p.gaze_right
    dy = f.y - p.eye_height - 0.012 - p.gaze_up
    distance = torch.sqrt(dx * dx + dy * dy)
    white = 0.92 - 0.20 * t * t - 0.25 * edge(f.y - upper + 0.02, 0.04)  # shaded by the lid
    ball = blend(white, p.iris * 0.8, edge(p.iris_radius - distance, SOFT))
    ball = blend(ball, 0.03, edge(0.040 - distance, SOFT))
    spark = torch.sqrt((dx - 0.028 * p.light_azimuth.sign()) ** 2 + (dy - 0.03) ** 2)
    ball = blend(ball, 1.0, edge(0.020 - spark, SOFT))
    skin = blend(skin, ball, open_)
    lash = line(f.y - upper - 0.004, 0.015 + 0.006 * t) * ramp(t.abs(), 1.12, 0.95)
    skin = blend(skin, 0.25 * skin.clamp(max=0.6), 0.9 * lash)
    rim = line(f.y - lower, 0.012) * ramp(t.abs(), 1.05, 0.9)
    return skin * (1 - 0.30 * rim)


def _brows(p, f, curves, lock, skin):
    along, y, thickness = curves
    ends = edge(along + 0.02, 0.05) * edge(1.0 - along, 0.10) * (f.phi.abs() < 1.45)
    hairs = edge(thickness * (0.8 + 0.4 * lock) - (f.y - y).abs(), 0.03) * ends
    tone = p.skin * p.brow_darkness * (0.75 + 0.5 * _hair_tone(p))
    return blend(skin, tone, 0.92 * hairs)


def _hair_tone(p):
    old_grey = ((p.age - 0.6) / 0.4).clamp(0, 1) * p.grey_hair
    return p.hair + (0.70 - p.hair).clamp(min=0) * old_grey


def _hair(p, f, lock):
    return _hair_tone(p) * (0.62 + 0.76 * lock) + 0.02
