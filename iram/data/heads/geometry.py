"""The head's surface: a closed cylindrical mesh r(phi, y), moved by the action units.

Head coordinates: x to the picture's right on a frontal face, y up, z towards the viewer, in
head units (the face is about 1.6 wide); phi = atan2(x, z) is 0 at the nose.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.data.heads.features import jaw_drop, mouth, sided
from iram.data.heads.shapes import bump, edge, interpolate, line, ramp

# y, half width, depth in front of and behind the axis, from the crown to under the chin
PROFILE = torch.tensor(
    [
        (1.50, 0.06, 0.06, 0.06), (1.42, 0.30, 0.34, 0.42), (1.28, 0.50, 0.55, 0.70),
        (1.00, 0.70, 0.79, 0.97), (0.60, 0.80, 0.91, 1.07), (0.20, 0.81, 0.92, 1.05),
        (-0.20, 0.79, 0.89, 0.90), (-0.60, 0.69, 0.92, 0.60), (-0.85, 0.55, 0.93, 0.42),
        (-1.00, 0.40, 0.91, 0.30), (-1.08, 0.27, 0.80, 0.20), (-1.14, 0.14, 0.45, 0.10),
        (-1.18, 0.05, 0.10, 0.05), (-1.95, 0.05, 0.10, 0.05),
    ]
).flip(0)
SQUARENESS = 2.25  # exponent of the cross-section's superellipse
# |phi| in degrees, where hair begins on a short and on a long cut
HAIRLINE = torch.tensor(
    [
        (0, 0.00, 0.00), (30, -0.02, -0.02), (46, -0.12, -0.12), (56, -0.34, -0.34),
        (64, -0.66, -0.75), (72, -0.82, -1.80), (80, -0.55, -3.00), (100, -0.55, -3.00),
        (110, -1.25, -3.00), (180, -1.35, -3.00),
    ]
)
ROWS = ((-2.60, 0.0), (-1.30, 0.20), (-0.88, 0.33), (0.75, 0.82), (1.50, 1.0))
COLUMNS = ((-180.0, 0.0), (-75.0, 0.2), (75.0, 0.8), (180.0, 1.0))
GRID = (112, 97)  # rows, columns; an odd number puts a column on the nose


@dataclass
class Surface:
    """A head's mesh, row 0 lowest, column 0 at phi = -180 degrees.

    Attributes:
        position: (N, 3, rows, columns) head coordinates.
        normal: (N, 3, rows, columns) unit vectors, outwards.
        hair: (N, rows, columns) signed distance into the hair, head units.
        neck: (N, rows, columns) signed distance by which the neck stands over the jaw.
        ear: (N, rows, columns) 1 on an ear.
        radius: (N, rows, columns) distance from the axis.
    """

    position: Tensor
    normal: Tensor
    hair: Tensor
    neck: Tensor
    ear: Tensor
    radius: Tensor


@lru_cache(maxsize=8)
def grid(device: str = "cpu") -> tuple[Tensor, Tensor]:
    """(rows, 1) y and (1, columns) phi in radians of the mesh at rest."""
    rows, columns = (torch.tensor(table) for table in (ROWS, COLUMNS))
    v, u = torch.linspace(0, 1, GRID[0]), torch.linspace(0, 1, GRID[1])
    y = interpolate(v, rows[:, 1].contiguous(), rows[:, 0].contiguous())
    phi = interpolate(u, columns[:, 1].contiguous(), columns[:, 0].contiguous())
    phi = (phi - phi.flip(0)) / 2  # exactly symmetric
    return y[:, None].to(device), torch.deg2rad(phi)[None].to(device)


def grid_coordinates(phi: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where (phi, y at rest) lies on the mesh: column and row as -1 to 1, for `grid_sample`."""
    rows, columns = (torch.tensor(table, device=phi.device) for table in (ROWS, COLUMNS))
    v = interpolate(y, rows[:, 0].contiguous(), rows[:, 1].contiguous())
    u = interpolate(torch.rad2deg(phi), columns[:, 0].contiguous(), columns[:, 1].contiguous())
    return 2 * u - 1, 2 * v - 1


def build_surface(p, au) -> Surface:
    """The mesh of these heads; `p` and `au` hold (N, 1, 1) tensors."""
    y, phi = grid(str(p.face_width.device))
    skull, jaw, neck = _skull(p, y, phi)
    radius = skull + _relief(p, au, skull * phi.sin(), y, phi)
    hair = hair_distance(p, y, phi)
    ear = _ear(p, y, phi) * edge(-hair, 0.1)
    radius = radius + 0.09 * ear + p.hair_volume * ramp(hair, -0.02, 0.16)
    curtain = 0.80 * ramp(y, 0.3, -0.3) * ramp(phi.abs(), 0.75, 1.35)  # long hair hangs free
    curtain = torch.where(p.long_hair > 0.6, curtain, -3.0)
    hair = torch.maximum(hair, curtain - radius + 0.04)
    radius = torch.maximum(radius, curtain)
    x, z = radius * phi.sin(), radius * phi.cos()
    lowered = y - jaw_drop(au) * jaw_weight(y, phi)
    position = torch.stack([x, lowered, z * p.depth], 1)
    return Surface(position, surface_normals(position), hair, neck - jaw, ear, radius)


def jaw_weight(y: Tensor, phi: Tensor) -> Tensor:
    """How far a point at rest follows the jaw, 0 to 1."""
    return ramp(y, -0.42, -0.80) * ramp(y, -1.60, -1.15) * ramp(phi.abs(), 1.75, 0.7)


def hair_distance(p, y: Tensor, phi: Tensor) -> Tensor:
    """How far above the hairline (positive: in the hair)."""
    table = HAIRLINE.to(y.device)
    degrees = torch.rad2deg(phi.abs())
    cut = torch.where(p.long_hair > 0.6, *(
        interpolate(degrees, table[:, 0].contiguous(), table[:, k].contiguous()) for k in (2, 1)
    ))
    fringe = 0.10 * (p.fringe - 0.5).clamp(min=0) * ramp(degrees, 45.0, 10.0)
    return y - (p.hairline - fringe + cut)


def _skull(p, y, phi):
    """The bare head's radius, and those of jaw and neck that it is joined from."""
    places, numbers = PROFILE[:, 0].contiguous().to(y.device), PROFILE.to(y.device)
    chin = p.chin_length * ramp(y, -0.6, -1.0)
    half, front, back = (_smooth(y + chin, places, numbers[:, k].contiguous()) for k in (1, 2, 3))
    half = half * p.face_width * (1 + (p.jaw_width - 1) * ramp(y, -0.1, -0.7))
    sine, cosine = phi.sin().abs(), phi.cos()
    depth = torch.where(cosine > 0, front, back)
    jaw = _superellipse(sine / half, cosine.abs() / depth, SQUARENESS)
    wide = p.neck_width + 0.60 * ramp(y, -1.35, -2.10)
    neck = _superellipse(sine / wide, cosine.abs() / torch.where(cosine > 0, 0.34, 0.58), 2.0)
    neck = neck * ramp(y, -0.35, -0.75)
    sharpness = 0.04
    join = 0.5 * (jaw + neck + torch.sqrt((jaw - neck) ** 2 + sharpness**2))
    return join, jaw, neck


def _smooth(value, places, numbers):
    """`interpolate`, rounded at its corners by averaging over a short stretch."""
    steps = [interpolate(value + shift, places, numbers) for shift in (-0.05, -0.02, 0.02, 0.05)]
    return (steps[0] + steps[1] + steps[2] + steps[3]) / 4


def _superellipse(a, b, power):
    return (a**power + b**power) ** (-1 / power)


def _relief(p, au, x, y, phi):
    """What stands out of the bare head: brow ridge, sockets, nose, cheeks, lips, chin."""
    front = ramp(phi.abs(), 1.5, 1.1)
    ax = x.abs()
    eye = ax - p.eye_distance
    relief = 0.035 * bump(ax - 0.32, y - p.brow_height + 0.02, 0.24, 0.07)
    relief = relief - 0.075 * bump(eye, y - p.eye_height, 0.17, 0.10)
    relief = relief + 0.035 * bump(eye, y - p.eye_height, 0.10, 0.07)
    relief = relief + (0.02 + p.cheekbone) * bump(ax - 0.50, y + 0.10, 0.18, 0.14)
    raised = 0.06 * sided(au.AU6, p, x) + 0.05 * sided(au.AU12, p, x) + 0.02 * au.AU9
    relief = relief + raised * bump(ax - 0.40, y + 0.20, 0.14, 0.11)
    relief = relief + _nose(p, au, ax, y) + _lips(p, au, x, y)
    relief = relief + (0.04 + 0.03 * au.AU17) * bump(x, y + 0.97 + p.chin_length, 0.17, 0.09)
    return relief * front


def _nose(p, au, ax, y):
    tip = -0.24 - p.nose_length + 0.02 * au.AU9
    along = ((0.26 - y) / (0.26 - tip)).clamp(0, 1)
    under = ramp(y - tip, -0.11, 0.0)
    width = (0.055 + 0.05 * along) * p.nose_width
    ridge = (0.02 + (p.nose_height - 0.02) * along**1.3) * line(ax, width) * under
    ridge = ridge * ramp(y, 0.40, 0.26)
    ball = 0.03 * bump(ax, y - tip - 0.02, 0.08, 0.07)
    wing = y - tip + 0.01 - 0.04 * au.AU9
    return ridge + ball + 0.07 * bump(ax - 0.13 * p.nose_width, wing, 0.055, 0.055)


def _lips(p, au, x, y):
    shape = mouth(p, au, x)
    raised = y - jaw_drop(au) * jaw_weight(y, x * 0)  # where the paint will find this row
    mound = 0.03 * bump(x, y - p.mouth_height, 0.30, 0.20)
    upper = line(raised - (shape.top + shape.upper) / 2, 0.035) * 0.030
    lower = line(raised - (shape.bottom + shape.lower) / 2, 0.045) * 0.035
    return mound + (upper + lower) * shape.arc


def _ear(p, y, phi):
    return edge(1 - ((phi.abs() - 1.62) / 0.17) ** 2 - ((y - 0.06) / 0.24) ** 2, 1.6)


def surface_normals(position: Tensor) -> Tensor:
    """Unit normals by central differences along rows and columns."""
    padded = F.pad(position, (1, 1, 1, 1), mode="replicate")
    across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    up = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    (ax, ay, az), (bx, by, bz) = across.unbind(1), up.unbind(1)
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    length = torch.sqrt(nx * nx + ny * ny + nz * nz).clamp(min=1e-8)
    return torch.stack([nx / length, ny / length, nz / length], 1)
