"""Pictures that a user brings: read in memory, never written, never opened by a name."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from analysis.explain.faces import nothing_in
from analysis.explorer.picture import Face
from analysis.explorer.state import Crop
from analysis.stimuli.landmarks import known_landmarks
from analysis.stimuli.layout import fit_cameras
from iram.data.dataset import FaceDataset
from iram.data.folder import UNKNOWN
from iram.data.images import is_flat, read_picture, resized
from iram.errors import InputError

MAX_BYTES = 32 << 20
KEPT_SIDE = 1600  # larger pictures are brought down to this: ample for a face of 48 px
MOST_ZOOM = 16.0
GRAY = "its colours are left out: it is shown and asked about in gray"


@dataclass(frozen=True)
class Upload:
    """A picture in memory.

    Attributes:
        name: what the user calls it; only ever shown.
        gray: (H, W) uint8.
        notes: what was assumed of it, a line each.
    """

    name: str
    gray: np.ndarray
    notes: tuple[str, ...] = ()

    def face(self, crop: Crop, size: int) -> Face:
        """The cropped square at size x size pixels, as a data set of one face without a label."""
        square = cropped(self.gray, crop)
        dataset = FaceDataset(
            name="upload", classes=(UNKNOWN,), labels=[0], size=size,
            pixels=resized(square, size)[None],
            metadata=pd.DataFrame({
                "image_id": [self.name], "usage": [UNKNOWN], "split": ["test"], "row": [0],
            }),
        )
        return Face(dataset, 0, fit_cameras(known_landmarks(dataset) / size))


def read_upload(name: str, content: bytes) -> Upload:
    """The picture in a file's bytes, gray and upright as `iram.data.images.read_picture` has it.

    Raises:
        InputError: nothing in it, more than 32 MiB, or no picture that can be read.
    """
    name = clean_name(name)
    if not content:
        raise InputError(f"{name} is empty (0 bytes); choose a picture (PNG, JPEG, WEBP, ...)")
    if len(content) > MAX_BYTES:
        raise InputError(f"{name} is larger than {MAX_BYTES >> 20} MiB, the most that is read")
    picture = read_picture(name, content, colour=True)
    gray = picture.gray
    if min(gray.shape) < 2:
        height, width = gray.shape
        raise InputError(f"{name} has {width} x {height} pixels; too few for a face")
    shown = brought_down(gray)
    notes = [*picture.notes]
    notes += [GRAY] if picture.colour is not None else []
    notes += [f"brought down to {shown.shape[1]} × {shown.shape[0]}"] if shown is not gray else []
    notes += [nothing_in(name, None, gray)] if is_flat(gray) else []
    return Upload(name, shown, tuple(notes))


def brought_down(gray: np.ndarray) -> np.ndarray:
    """The picture itself, or smaller if its longer side has more than 1600 pixels."""
    height, width = gray.shape
    if max(height, width) <= KEPT_SIDE:
        return gray
    scale = KEPT_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(gray).resize(size, Image.Resampling.BILINEAR))


def cropped(gray: np.ndarray, crop: Crop) -> np.ndarray:
    """The square of a picture (H, W) that a crop names; by default its middle.

    Raises:
        InputError: a zoom or place out of its range.
    """
    if not 1 <= crop.zoom <= MOST_ZOOM or not (0 <= crop.across <= 1 and 0 <= crop.down <= 1):
        raise InputError(f"crop {crop}: zoom from 1 to {MOST_ZOOM:g}, places from 0 to 1")
    height, width = gray.shape
    side = max(2, round(min(height, width) / crop.zoom))
    top, left = int(crop.down * (height - side)), int(crop.across * (width - side))
    return gray[top : top + side, left : left + side]


def clean_name(name: str) -> str:
    """A file's name as it may stand in a message: without folders and control characters."""
    last = str(name).replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if c.isprintable())[:80].strip()
    return shown or "the picture"
