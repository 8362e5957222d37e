"""Pictures from files: any usual kind becomes an array of gray values."""

import os
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin, WebPImagePlugin  # noqa: F401 importing makes them known

from iram.errors import InputError

MAX_PIXELS = 64_000_000  # 8000 x 8000; decoding such a picture takes about 0.4 GB
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # no interpreters (EPS)
PHONE_KINDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
}
MID_GRAY = 128
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


def read_image(path: str | Path, content: bytes | None = None) -> np.ndarray:
    """(H, W) uint8 gray values of a picture, 0 to 255, upright by its EXIF orientation.

    Colour becomes luma (ITU-R 601: 0.299 R + 0.587 G + 0.114 B, as `Image.convert("L")`), 16 bits
    are scaled to 8, transparent parts are laid on mid-gray (128), of an animation the first
    frame is taken, and colour profiles are ignored.

    Args:
        content: the file's bytes, of a picture that lies in no file; `path` is then but the name
            that messages give it, and nothing is opened.

    Raises:
        InputError: no such file, no picture, a truncated one, one of more than `MAX_PIXELS`
            pixels (found before it is decoded), or 32-bit values of unknown range.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata; the size is checked below
            source = path if content is None else BytesIO(content)
            with Image.open(source, formats=FORMATS) as image:
                _check_size(path, image)
                image.load()
                return np.asarray(_upright(_gray(path, image), image), dtype=np.uint8)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(_absent(path)) from None
    except PermissionError:
        raise InputError(f"{path} may not be read (permission denied)") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; a picture is needed here") from None
    except Image.DecompressionBombError:
        raise InputError(f"{path} has too many pixels; up to {MAX_PIXELS:,} are read") from None
    except Image.UnidentifiedImageError:
        raise InputError(f"{path} {_unknown_kind(path, content)}") from None
    except Exception as error:  # decoders raise a dozen kinds of error on damaged files
        raise InputError(f"{path} is damaged or cannot be read: {error}") from None


def resized(gray: np.ndarray, size: int) -> np.ndarray:
    """(size, size) uint8: the picture's central square, resampled.

    A picture that is not square loses both ends of its longer side in equal parts (an odd pixel
    more at the right or bottom), so that faces keep their proportions. The filter is a triangle
    that widens as the picture shrinks (antialiased); it never overshoots. A picture of the
    right size stays as it is.
    """
    height, width = gray.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(gray[top : top + side, left : left + side])
    if side == size:
        return square
    return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BILINEAR))


def _absent(path) -> str:
    if os.path.islink(path):
        return f"{path} is a link to {os.readlink(path)}, which does not exist"
    return f"there is no file {path}"


def _unknown_kind(path, content: bytes | None) -> str:
    """What is wrong with a file that no decoder knows, by how it begins."""
    with BytesIO(content) if content is not None else open(path, "rb") as file:
        start = file.read(12)
    told = f"is not a picture that can be read ({', '.join(FORMATS)})"
    if not start:
        return f"{told}: it is empty"
    if start[4:8] == b"ftyp":  # ISO 14496-12: the box that names the kind of such files
        kind = PHONE_KINDS.get(start[8:12], "a film")
        return f"{told}: it is {kind}; convert it to JPEG or PNG"
    return told


def _check_size(path, image: Image.Image) -> None:
    """A small file may unpack to gigabytes: look at the size in its header first."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{path} has {width} x {height} pixels, too many: up to {MAX_PIXELS:,} are read"
        )


def _gray(path, image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_deep(path, image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return _on_mid_gray(image)
    if image.mode in ("L", "1"):
        return image.convert("L")
    return image.convert("RGB").convert("L")  # palette, CMYK and YCbCr too


def _from_deep(path, image: Image.Image) -> Image.Image:
    """16 bits to 8; `convert("L")` would cut every value above 255."""
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise InputError(f"{path} holds values that are not 8 or 16 bits: save it as 8 bits")
    return Image.fromarray(np.round(values / 257).astype(np.uint8))


def _on_mid_gray(image: Image.Image) -> Image.Image:
    picture = image.convert("RGBA")
    ground = Image.new("RGBA", picture.size, (MID_GRAY, MID_GRAY, MID_GRAY, 255))
    return Image.alpha_composite(ground, picture).convert("L")


def _upright(gray: Image.Image, image: Image.Image) -> Image.Image:
    try:
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION))
    except Exception:  # broken metadata says nothing about a picture that has been decoded
        turn = None
    return gray if turn is None else gray.transpose(turn)
