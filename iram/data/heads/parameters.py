"""What a head is made of: one table of ranges, drawn per (seed, index) and nothing else.

Every number but the action units is drawn without looking at the expression, so none of them
can give the class away.
"""

import hashlib
from types import SimpleNamespace

import torch
from torch import Tensor

# name: (lowest, highest), uniform. Lengths are in head units: the face is about 1.6 wide.
IDENTITY = {
    "face_width": (0.93, 1.07), "jaw_width": (0.88, 1.14),
    "chin_length": (-0.04, 0.05), "depth": (0.94, 1.06), "cheekbone": (0.0, 0.05),
    "eye_distance": (0.345, 0.395), "eye_height": (0.16, 0.21), "eye_width": (0.17, 0.205),
    "upper_lid": (0.078, 0.100), "lower_lid": (0.050, 0.068), "eye_tilt": (-0.015, 0.025),
    "iris_radius": (0.078, 0.092), "iris": (0.08, 0.34),
    "brow_height": (0.42, 0.47), "brow_thickness": (0.030, 0.050), "brow_arch": (0.0, 0.07),
    "brow_darkness": (0.30, 0.60),
    "nose_length": (-0.03, 0.04), "nose_width": (0.85, 1.18), "nose_height": (0.15, 0.23),
    "mouth_height": (-0.60, -0.55), "mouth_width": (0.26, 0.32), "upper_lip": (0.045, 0.070),
    "lower_lip": (0.060, 0.090), "lip_darkness": (0.52, 0.74),
    "skin": (0.50, 0.80), "blotches": (0.02, 0.06), "hair": (0.05, 0.62), "grey_hair": (0.0, 1.0),
    "hairline": (0.74, 0.86), "fringe": (0.0, 1.0), "long_hair": (0.0, 1.0),
    "hair_volume": (0.05, 0.14), "curl": (0.0, 1.0), "beard": (0.0, 1.0), "age": (0.0, 1.0),
    "forehead_folds": (0.0, 1.0), "glabella_folds": (0.0, 1.0), "nasolabial_folds": (0.0, 1.0),
    "eye_bags": (0.0, 1.0), "neck_width": (0.40, 0.49),
}
LATERAL_IDENTITY = {
    "brow_asymmetry": (-0.014, 0.014), "eye_asymmetry": (-0.08, 0.08),
    "mouth_asymmetry": (-0.012, 0.012), "strength_asymmetry": (-0.16, 0.16),
}
SCENE = {
    "pitch": (-12.0, 12.0), "scale": (0.97, 1.03), "shift_down": (-0.012, 0.012),
    "gaze_up": (-0.014, 0.014), "light_elevation": (8.0, 50.0), "ambient": (0.50, 0.70),
    "exposure": (0.96, 1.12), "contrast": (0.88, 1.12), "gloss": (0.0, 0.10),
    "background": (0.10, 0.90), "gradient_down": (-0.2, 0.2), "clutter": (0.0, 0.35),
}
LATERAL_SCENE = {
    "yaw": (-25.0, 25.0), "roll": (-8.0, 8.0), "shift_right": (-0.03, 0.03),
    "gaze_right": (-0.035, 0.035), "light_azimuth": (-50.0, 50.0), "gradient_right": (-0.2, 0.2),
    "hand_side": (-1.0, 1.0),
}
CHOICES = {"occluder_draw": (0.0, 1.0), "occluder_kind": (0.0, 1.0), "occluder_tone": (0.0, 1.0)}
LATERAL = {**LATERAL_IDENTITY, **LATERAL_SCENE}
RANGES = {**IDENTITY, **LATERAL_IDENTITY, **SCENE, **LATERAL_SCENE, **CHOICES}
ACTION_UNIT_DRAWS = 3 * 15  # present, strength, jitter
TEXTURES = {"strands": (1, 40, 96), "blotches": (1, 24, 24), "clutter": (1, 7, 7)}


def generator_of(seed: int, index: int) -> torch.Generator:
    """The generator of one head: the same whatever else is rendered with it."""
    digest = hashlib.sha256(f"head/{seed}/{index}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def draw(indices: list[int], seed: int) -> tuple[SimpleNamespace, Tensor, dict[str, Tensor]]:
    """The drawn numbers of these heads, on the CPU.

    Returns:
        (N, 1, 1) parameters by name, in the ranges of `RANGES`; (N, 3, 15) uniform numbers for
        the action units; (N, 1, h, w) uniform textures by name.
    """
    numbers, action_units, textures = [], [], {name: [] for name in TEXTURES}
    for index in indices:
        generator = generator_of(seed, index)
        numbers.append(torch.rand(len(RANGES), generator=generator))
        action_units.append(torch.rand(ACTION_UNIT_DRAWS, generator=generator).view(3, -1))
        for name, shape in TEXTURES.items():
            textures[name].append(torch.rand(shape, generator=generator))
    stacked = {name: torch.stack(images) for name, images in textures.items()}
    return _scaled(numbers), torch.stack(action_units), stacked


def draw_numbers(indices: list[int], seed: int) -> SimpleNamespace:
    """The (N, 1, 1) parameters alone, without textures: quick enough for a whole data set."""
    return _scaled([torch.rand(len(RANGES), generator=generator_of(seed, k)) for k in indices])


def _scaled(numbers: list[Tensor]) -> SimpleNamespace:
    uniform = torch.stack(numbers)
    values = {
        name: (low + (high - low) * uniform[:, place]).view(-1, 1, 1)
        for place, (name, (low, high)) in enumerate(RANGES.items())
    }
    return SimpleNamespace(**values)


def mirror(parameters: SimpleNamespace, textures: dict[str, Tensor]):
    """The same head seen in a mirror: what points sideways changes sign."""
    values = dict(vars(parameters))
    values.update({name: -values[name] for name in LATERAL})
    return SimpleNamespace(**values), {name: image.flip(-1) for name, image in textures.items()}
