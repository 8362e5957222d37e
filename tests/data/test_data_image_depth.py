"""Pictures of more than 8 bits, and of floating point: scaled, and what is guessed is told."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from sources import faces

from iram.data.images import read_image, read_picture
from iram.data.specs import load
from iram.errors import InputError

GRAY = faces(1, 24)[0][:, :20]  # 24 high, 20 wide


def saved(path, image, **options):
    image.save(path, **options)
    return path


def test_sixteen_bits_are_scaled_not_cut(tmp_path):
    deep = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    for suffix in ("png", "tif"):
        path = saved(tmp_path / f"x.{suffix}", Image.fromarray(deep))
        assert read_image(path).tolist() == [[0, 1, 128, 255]]


def test_values_of_unknown_range_are_refused(tmp_path):
    path = saved(tmp_path / "x.tif", Image.fromarray(np.ones((4, 4), dtype=np.float32)))
    with pytest.raises(InputError, match="not 8 or 16 bits"):
        read_image(path)


def deep_png(path, values, colour=0):
    """A 16-bit PNG of these values, (H, W) or (H, W, channels); Pillow writes no colour ones."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width = values.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                     + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("suffix", ["png", "tif", "rgb", "rgba"])
def test_fewer_bits_in_a_file_of_16_are_stretched_and_told(tmp_path, bits, suffix):
    gray = GRAY.astype(np.uint16)
    values = np.round(gray * ((2**bits - 1) / 255)).astype(np.uint16)
    if suffix.startswith("rgb"):
        alpha = [np.full_like(values, 2**bits - 1)] * (suffix == "rgba")
        colour = 6 if alpha else 2
        path = deep_png(tmp_path / "x.png", np.stack([values] * 3 + alpha, -1), colour)
    else:
        path = saved(tmp_path / f"x.{suffix}", Image.fromarray(values))
    picture = read_picture(path)
    assert np.abs(picture.gray.astype(int) - GRAY).max() <= 1
    assert picture.notes == ((
        "values of 0 to 255 in a file of more bits were read as 8-bit ones" if bits == 8 else
        f"{bits}-bit values in a file of more bits were stretched: 0 to {2**bits - 1:,} became 0 "
        "to 255"),)


@pytest.mark.parametrize("dtype", ["<f8", ">f8"])
def test_a_tiff_of_more_bits_than_are_read_is_told_for_what_it_is(tmp_path, dtype):
    order = "II" if dtype[0] == "<" else "MM"
    ends = dtype[0]
    tags = [(256, 4, 8), (257, 4, 8), (258, 3, 64), (259, 3, 1), (262, 3, 1), (273, 4, 200),
            (277, 3, 1), (278, 4, 8), (279, 4, 512), (339, 3, 3)]
    head = order.encode() + struct.pack(f"{ends}HI", 42, 8) + struct.pack(f"{ends}H", len(tags))
    for tag, kind, value in tags:
        field = struct.pack(f"{ends}HHI" + ("HH" if kind == 3 else "I"), tag, kind, 1, value,
                            *[0] * (kind == 3))
        head += field
    pixels = np.linspace(0, 1, 64).reshape(8, 8).astype(dtype).tobytes()
    path = tmp_path / "x.tif"
    path.write_bytes((head + bytes(4)).ljust(200, b"\0") + pixels)
    with pytest.raises(InputError, match=r"x.tif has 64 bits a channel, of a kind that"):
        read_picture(path)


@pytest.mark.parametrize("times", [257, 256, 64, 16])
def test_a_dark_picture_of_16_bits_stays_dark(tmp_path, times):
    values = (GRAY // 4 + 1).astype(np.uint16) * times  # 8 bits, in the upper ones
    if times < 256:
        values = (GRAY.astype(np.uint16) + 1) * times
    picture = read_picture(saved(tmp_path / "x.png", Image.fromarray(values)))
    expected = values / 257 if values.max() >= 4096 else None
    assert np.abs(picture.gray - expected).max() <= 1
    assert picture.notes == ()


def test_a_colour_picture_of_16_bits_is_read_without_a_word(tmp_path):
    values = np.stack([GRAY.astype(np.uint16) * 257] * 3, -1)
    picture = read_picture(deep_png(tmp_path / "x.png", values, 2))
    assert np.array_equal(picture.gray, GRAY)
    assert picture.notes == ()


def test_a_tiff_says_itself_what_its_largest_value_is(tmp_path):
    values = GRAY.astype(np.uint16) * 4  # would be taken for 10 bits
    path = saved(tmp_path / "x.tif", Image.fromarray(values), tiffinfo={281: 4095})
    assert np.abs(read_picture(path).gray - values * (255 / 4095)).max() <= 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_a_tiff_whose_nought_is_white_is_no_negative(tmp_path, kind):
    white = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[kind]
    values = ((255 - GRAY.astype(float)) * (white / 255)).astype(kind)
    path = saved(tmp_path / "x.tif", Image.fromarray(values))
    data = path.read_bytes()
    black, nought = struct.pack("<HHII", 262, 3, 1, 1), struct.pack("<HHII", 262, 3, 1, 0)
    assert data.count(black) == 1
    path.write_bytes(data.replace(black, nought))
    assert np.abs(read_image(path).astype(int) - GRAY).max() <= 1


def test_floating_point_from_0_to_1_or_to_255_is_read(tmp_path):
    for scale in (1 / 255, 1):
        path = saved(tmp_path / "x.tif", Image.fromarray((GRAY * scale).astype(np.float32)))
        assert np.array_equal(read_image(path), GRAY)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -1, 1e9])
def test_floating_point_of_another_range_is_refused(tmp_path, odd):
    values = GRAY.astype(np.float32)
    values[3, 3] = odd
    with pytest.raises(InputError, match="save it as 8 bits"):
        read_image(saved(tmp_path / "x.tif", Image.fromarray(values)))


def test_pictures_of_a_data_set_share_a_range(tmp_path):
    """A dark picture of a 12-bit camera stays darker than the others."""
    (tmp_path / "sad").mkdir()
    deep = [GRAY.astype(np.uint16) * scale for scale in (16, 4)]
    for k, values in enumerate(deep):
        saved(tmp_path / f"sad/{k}.png", Image.fromarray(values[:20] + 1))
    dataset = load(f"folder:{tmp_path},size=20")
    bright, dark = dataset.images_uint8([0, 1]).astype(int)
    assert np.abs(dark - bright / 4).max() <= 1
    [told] = [problem for problem in dataset.problems if problem.assumed]
    assert told.message.startswith("2 of 2 pictures, such as sad/0.png: 12-bit values in a file of")
