import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from sources import faces

from iram.data import images
from iram.data.images import read_image, resized
from iram.errors import InputError

GRAY = faces(1, 24)[0][:, :20]  # 24 high, 20 wide


def saved(path, image, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "pgm"])
def test_lossless_gray_pictures_come_back_exactly(tmp_path, suffix):
    assert np.array_equal(read_image(saved(tmp_path / f"x.{suffix}", Image.fromarray(GRAY))), GRAY)


def test_webp_and_jpeg_are_read(tmp_path):
    flat = Image.new("RGB", (20, 24), (90, 90, 90))
    lossless = read_image(saved(tmp_path / "x.webp", flat, lossless=True))
    jpeg = read_image(saved(tmp_path / "x.jpg", flat))
    assert lossless.shape == jpeg.shape == (24, 20)
    assert set(lossless.ravel()) == {90}
    assert np.abs(jpeg.astype(int) - 90).max() <= 1


@pytest.mark.parametrize(
    ("colour", "luma"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29)]
)
@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_colour_becomes_luma_in_palettes_too(tmp_path, colour, luma, mode):
    image = Image.new("RGB", (9, 9), colour)
    image = image.quantize(4) if mode == "P" else image
    assert (read_image(saved(tmp_path / "x.png", image)) == luma).all()


def test_cmyk_is_read_as_light_not_as_ink(tmp_path):
    white = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    black = Image.new("CMYK", (16, 16), (0, 0, 0, 255))
    assert read_image(saved(tmp_path / "white.jpg", white)).min() >= 250
    assert read_image(saved(tmp_path / "black.jpg", black)).max() <= 5


def test_sixteen_bits_are_scaled_not_cut(tmp_path):
    deep = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    for suffix in ("png", "tif"):
        path = saved(tmp_path / f"x.{suffix}", Image.fromarray(deep))
        assert read_image(path).tolist() == [[0, 1, 128, 255]]


def test_one_bit_is_black_and_white(tmp_path):
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1")
    assert read_image(saved(tmp_path / "x.png", image)).tolist() == [[0, 255]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_lie_on_mid_gray(tmp_path, mode):
    image = Image.new("RGBA", (3, 1), (200, 200, 200, 0))
    image.putpixel((1, 0), (200, 200, 200, 255))
    image.putpixel((2, 0), (28, 28, 28, 128))
    left, middle, right = read_image(saved(tmp_path / "x.png", image.convert(mode)))[0].tolist()
    assert (left, middle) == (128, 200)
    assert abs(right - 78) <= 1  # half-way


def test_a_transparent_palette_entry_lies_on_mid_gray(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 10, 10, 240, 240, 240])
    image.putpixel((1, 0), 1)
    path = saved(tmp_path / "x.gif", image, transparency=0)
    assert read_image(path).tolist() == [[128, 240]]


def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    first, second = Image.new("L", (5, 5), 10), Image.new("L", (5, 5), 200)
    path = saved(tmp_path / "x.gif", first, save_all=True, append_images=[second])
    assert set(read_image(path).ravel()) == {10}


UPRIGHT = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint8) * 40
STORED = {1: UPRIGHT, 2: UPRIGHT[:, ::-1], 3: UPRIGHT[::-1, ::-1], 4: UPRIGHT[::-1], 5: UPRIGHT.T,
          6: np.rot90(UPRIGHT), 7: UPRIGHT[::-1, ::-1].T, 8: np.rot90(UPRIGHT, -1)}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    assert np.array_equal(read_image(saved(tmp_path / "x.png", stored, exif=exif)), UPRIGHT)


def test_broken_exif_does_not_hide_a_good_picture(tmp_path):
    path = saved(tmp_path / "x.png", Image.fromarray(GRAY), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert np.array_equal(read_image(path), GRAY)


def png_header(width, height):
    """A PNG whose header claims a size and that holds almost nothing."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(8001, 8001), (12000, 9000), (60000, 60000)])
def test_a_decompression_bomb_is_refused_by_its_header(tmp_path, width, height):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(width, height))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=f"{path} has .*too many.* 64,000,000 are read"):
            read_image(path)


def test_the_limit_holds_even_where_pillows_own_is_off(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    monkeypatch.setattr(images, "MAX_PIXELS", 479)
    with pytest.raises(InputError, match="20 x 24 pixels, too many"):
        read_image(saved(tmp_path / "x.png", Image.fromarray(GRAY)))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif", "tif"])
def test_a_truncated_picture_is_refused(tmp_path, suffix):
    path = saved(tmp_path / f"x.{suffix}", Image.fromarray(faces(1, 64)[0]))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=f"{path} is"):
        read_image(path)


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\0" * 99]
)
def test_what_is_no_picture_is_refused(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(InputError, match=r"x.png is not a picture that can be read \(PNG, JPEG"):
        read_image(tmp_path / "x.png")


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*gone\.png"):
        read_image(tmp_path / "gone.png")
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)


def test_values_of_unknown_range_are_refused(tmp_path):
    path = saved(tmp_path / "x.tif", Image.fromarray(np.ones((4, 4), dtype=np.float32)))
    with pytest.raises(InputError, match="not 8 or 16 bits"):
        read_image(path)


def test_resizing_to_the_same_size_changes_nothing():
    square = faces(1)[0]
    assert np.array_equal(resized(square, 48), square)


@pytest.mark.parametrize("size", [8, 48, 100])
def test_a_flat_picture_stays_flat(size):
    out = resized(np.full((60, 90), 77, dtype=np.uint8), size)
    assert out.shape == (size, size)
    assert out.dtype == np.uint8
    assert set(out.ravel()) == {77}


def test_the_central_square_is_taken():
    wide = np.zeros((10, 31), dtype=np.uint8)
    wide[:, 10:20] = 200
    assert (resized(wide, 10) == 200).all()
    assert (resized(np.ascontiguousarray(wide.T), 10) == 200).all()


def test_shrinking_averages_and_does_not_alias():
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (96, 48))  # period 2 px
    inner = resized(stripes, 24)[:, 2:-2].astype(int)
    assert np.abs(inner - 127.5).max() < 2
