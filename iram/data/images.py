"""Pictures from files: any usual kind becomes an array of gray values, and of colours
where they are wanted."""

import os
import warnings
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin, WebPImagePlugin  # noqa: F401 importing makes them known

from iram.data.depth import BITS_PER_SAMPLE, eight_bits, raw_mode
from iram.data.png_texts import without_texts
from iram.errors import InputError
from iram.files import NO_FILE, check_regular, unfetched

MAX_PIXELS = 64_000_000  # 8000 x 8000; decoding such a picture takes about 0.4 GB
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # no interpreters (EPS)
PHONE_KINDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    b"crx ": "a camera's raw file",
}
MID_GRAY = 128
FLAT_SPAN = 16  # gray values; of FER2013's 35,736 faces 2 span less, the next 34
TIFF = (b"II*\0", b"MM\0*")
STARTS = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", *TIFF)  # of pictures
CLEAR = "all of it is transparent, which counts as opaque"
ORIENTATION = 0x0112
# EXIF orientation -> what brings the picture upright (TIFF 6.0, tag 274)
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Picture(NamedTuple):
    """A picture that was read.

    Attributes:
        gray: (H, W) uint8, 0 to 255, upright.
        notes: what was assumed of it, a line each.
        top: what was read as white in a file of more than 8 bits, else None.
        colour: (H, W, 3) uint8 RGB, where it was asked for and the picture has any.
    """

    gray: np.ndarray
    notes: tuple[str, ...] = ()
    top: float | None = None
    colour: np.ndarray | None = None

    @property
    def pixels(self) -> np.ndarray:
        """In colour if there is any, else gray."""
        return self.gray if self.colour is None else self.colour


def read_image(path: str | Path, content: bytes | None = None) -> np.ndarray:
    """The (H, W) uint8 gray values of a picture; see `read_picture`, whose notes it leaves out."""
    return read_picture(path, content).gray


def read_picture(
    path: str | Path, content: bytes | None = None, top: float | None = None,
    colour: bool = False,
) -> Picture:
    """A picture as gray values, upright by its EXIF orientation.

    Colour becomes luma (ITU-R 601: 0.299 R + 0.587 G + 0.114 B, as `Image.convert("L")`); more than
    8 bits are scaled to 8 by their declared or found range (`iram.data.depth`), transparent parts
    are laid on mid-gray (128) unless all is transparent, which counts as opaque; of an animation
    the first frame is taken, and colour profiles and texts are ignored, whole or not.

    Args:
        content: the file's bytes, of a picture that lies in no file; `path` is then but the name
            that messages give it, and nothing is opened.
        top: what is white in a file of more than 8 bits, if it doesn't say; None: see `depth`.
        colour: whether its colours are wanted too. A picture whose three channels are the same
            everywhere has none.

    Raises:
        InputError: no such file, no picture, a truncated one, one of more than `MAX_PIXELS`
            pixels (found before it is decoded), or values of unknown range.
    """
    try:
        return _read(path, content, top, colour)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(absent(path)) from None
    except PermissionError:
        raise InputError(f"{path} may not be read (permission denied)") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; a picture is needed here") from None
    except Image.DecompressionBombError:
        raise InputError(f"{path} has too many pixels; up to {MAX_PIXELS:,} are read") from None
    except Exception as error:  # decoders raise a dozen kinds of error on damaged files
        if isinstance(error, OSError) and error.errno:  # the system's: links in a circle, say
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        bare = without_texts(path, content)
        if bare is not None:
            return read_picture(path, bare, top, colour)
        if isinstance(error, Image.UnidentifiedImageError):
            raise InputError(f"{path} {_unknown_kind(path, content)}") from None
        raise InputError(f"{path} is damaged or cannot be read: {error}") from None


def _read(path, content: bytes | None, top: float | None, colour: bool) -> Picture:
    if content is None:
        check_regular(path)
    # Opened here: by name, Pillow maps turned TIFFs into memory with width and height exchanged.
    with (open(path, "rb") if content is None else BytesIO(content) as source,
          warnings.catch_warnings()):
        warnings.simplefilter("ignore")  # about odd metadata; the size is checked below
        with Image.open(source, formats=FORMATS) as image:
            _check_size(path, image)
            raw = raw_mode(image)
            image.load()
            frames = _first_of(image)
            picture, note, top = eight_bits(path, source, image, raw, top)
            shown, opaque = _opaque(picture)
            shown = _upright(shown, image)
            gray = np.asarray(shown.convert("L"), dtype=np.uint8)
            found = _colours(shown) if colour else None
    return Picture(gray, (*note, *opaque, *frames), top, found)


def _colours(image: Image.Image) -> np.ndarray | None:
    """(H, W, 3) of a picture that has colours."""
    if image.mode != "RGB":
        return None
    pixels = np.asarray(image)
    return pixels if (pixels != pixels[..., :1]).any() else None


def in_gray(picture: np.ndarray) -> np.ndarray:
    """(H, W) uint8 of a picture that is gray already, or the luma of one (H, W, 3)."""
    return picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L"))


def as_seen(picture: np.ndarray, channels: int) -> np.ndarray:
    """A picture as a net of this many channels sees it: gray, or in colour (H, W, 3) where it has
    any and the net takes 3."""
    return picture if channels == 3 else in_gray(picture)


def is_flat(gray: np.ndarray) -> bool:
    """Whether a picture (H, W) uint8 is constant, or so nearly that it shows nothing: all but the
    darkest and the brightest 1% of its pixels lie within `FLAT_SPAN` gray values."""
    if gray.std() > 3 * FLAT_SPAN:  # quicker: most are far from it
        return False
    low, high = np.percentile(gray, (1, 99))
    return bool(high - low < FLAT_SPAN)


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """(size, size) uint8, or with colours if it has some: the picture's central square, resampled.

    A picture that is not square loses both ends of its longer side in equal parts (an odd pixel
    more at the right or bottom), so that faces keep their proportions. The filter is a triangle
    that widens as the picture shrinks (antialiased); it never overshoots. A picture of the
    right size stays as it is.
    """
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    if side == size:
        return square
    return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BILINEAR))


def absent(path) -> str:
    """What is said of a file that is not there, of a link that leads nowhere, or of a pipe."""
    if os.path.exists(path):
        return f"{path} {NO_FILE}"
    if os.path.islink(path):
        return f"{path} is a link to {os.readlink(path)}, which does not exist"
    return f"there is no file {path}"


def _unknown_kind(path, content: bytes | None) -> str:
    """What is wrong with a file that no decoder knows, by how it begins."""
    with BytesIO(content) if content is not None else open(path, "rb") as file:
        start = file.read(32)
        bits = _bits_of_tiff(file) if start.startswith(TIFF) else 0
    if bits > 16:
        return f"has {bits} bits a channel, of a kind that is not read: save it with 8 or 16 bits"
    if start.startswith(STARTS):
        return "is damaged: it begins as a picture, and can't be read as one"
    told = f"is not a picture that can be read ({', '.join(FORMATS)})"
    if not start:
        return f"{told}: it is empty"
    if start[4:8] == b"ftyp":  # ISO 14496-12: the box that names the kind of such files
        kind = PHONE_KINDS.get(start[8:12], "a film")
        return f"{told}: it is {kind}; convert it to JPEG or PNG"
    return told + unfetched(start)


def _bits_of_tiff(file: IO[bytes]) -> int:
    """How many a TIFF says that its values have; 0 if it can't be told."""
    try:
        file.seek(0)
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        return max(tags[BITS_PER_SAMPLE])
    except Exception:  # a damaged file, in a dozen ways
        return 0


def _check_size(path, image: Image.Image) -> None:
    """A small file may unpack to gigabytes: look at the size in its header first."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{path} has {width} x {height} pixels, too many: up to {MAX_PIXELS:,} are read"
        )


def _first_of(image: Image.Image) -> list[str]:
    """What is said of the other frames of an animation, or pages of a TIFF."""
    try:
        count = getattr(image, "n_frames", 1)
    except Exception:  # a file that is damaged behind its first frame
        count = 1
    return ["the first of several frames is taken"] * (count > 1)


def _opaque(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """The picture as L or RGB, and what was assumed of its transparency."""
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return _on_mid_gray(image)
    if image.mode in ("L", "1"):
        return image.convert("L"), []
    return image.convert("RGB"), []  # palette, CMYK and YCbCr too


def _on_mid_gray(image: Image.Image) -> tuple[Image.Image, list[str]]:
    picture = image.convert("RGBA")
    if picture.getchannel("A").getextrema()[1] < FLAT_SPAN:  # also of a channel of 0 to 1
        return picture.convert("RGB"), [CLEAR]
    ground = Image.new("RGBA", picture.size, (MID_GRAY, MID_GRAY, MID_GRAY, 255))
    return Image.alpha_composite(ground, picture).convert("RGB"), []


def _upright(shown: Image.Image, image: Image.Image) -> Image.Image:
    try:
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION))
    except Exception:  # broken metadata says nothing about a picture that has been decoded
        turn = None
    return shown if turn is None else shown.transpose(turn)
