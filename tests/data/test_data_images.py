import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from sources import faces, write_pictures

from iram.data import images
from iram.data.archives import text_lines
from iram.data.images import absent, is_flat, read_image, read_picture, resized
from iram.data.specs import load
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    for read in (read_picture, lambda path: next(text_lines(path).gen)):
        with pytest.raises(InputError, match=r"x.png is a pipe or a device; a file is needed"):
            read(tmp_path / "x.png")
    assert "is a pipe or a device" in absent(tmp_path / "x.png")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("alpha", [0, 1, 9])
def test_a_wholly_transparent_picture_counts_as_opaque_and_is_told(tmp_path, mode, alpha):
    image = Image.fromarray(GRAY)
    if mode == "P":
        path = saved(tmp_path / "x.png", image.convert("P"), transparency=bytes([alpha] * 256))
    else:
        image = image.convert("RGBA")
        image.putalpha(alpha)
        path = saved(tmp_path / "x.png", image.convert(mode))
    picture = read_picture(path)
    assert np.array_equal(picture.gray, GRAY)
    assert picture.notes == ("all of it is transparent, which counts as opaque",)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_of_several_frames_the_first_is_taken_and_told(tmp_path, suffix):
    frames = [Image.fromarray(GRAY), Image.fromarray(255 - GRAY)]
    path = tmp_path / f"x.{suffix}"
    told = ("the first of several frames is taken",)
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert read_picture(path).notes == told
    frames[0].save(path)
    assert read_picture(path).notes == ()
    write_pictures(tmp_path / "faces", ["happy/0.png"])
    for name in ("a", "b"):
        frames[0].save(tmp_path / "faces" / "happy" / f"{name}.gif", save_all=True,
                       append_images=frames[1:] * (1 + (name == "b")))
    dataset = load(f"folder:{tmp_path / 'faces'}")
    assert [p.message for p in dataset.problems if "frames" in p.message] == [
        f"2 of 3 pictures, such as happy/a.gif: {told[0]}"]


def test_what_begins_as_a_picture_is_damaged_and_links_in_a_circle_are_named(tmp_path):
    whole = saved(tmp_path / "x.png", Image.fromarray(GRAY)).read_bytes()
    path = tmp_path / "broken.png"
    path.write_bytes(whole[:30] + bytes([whole[30] ^ 1]) + whole[31:])  # a wrong checksum
    with pytest.raises(InputError, match=r"broken\.png is damaged: it begins as a picture"):
        read_image(path)
    (tmp_path / "loop.png").symlink_to("loop.png")
    with pytest.raises(InputError, match=r"cannot read .*loop.png: "):
        read_image(tmp_path / "loop.png")


@pytest.mark.parametrize("zipped", [True, False])
def test_texts_over_the_decoders_limit_do_not_hide_a_whole_picture(tmp_path, zipped):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("comment", "x" * 3_000_000, zip=zipped)
    for k in range(30):
        texts.add_text(f"more{k}", "y" * 3_000_000, zip=zipped)
    path = saved(tmp_path / "x.png", Image.fromarray(GRAY), pnginfo=texts)
    assert np.array_equal(read_image(path), GRAY)
    assert np.array_equal(read_image("x.png", path.read_bytes()), GRAY)


def test_a_broken_text_does_not_hide_a_whole_picture_and_whole_texts_no_broken_one(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("comment", "abcdefgh")
    path = saved(tmp_path / "x.png", Image.fromarray(GRAY), pnginfo=texts)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"abcdefgh", b"abcdefgX"))  # its checksum is wrong now
    assert np.array_equal(read_image(path), GRAY)
    path.write_bytes(data[:-40])
    with pytest.raises(InputError, match="is damaged"):
        read_image(path)


@pytest.mark.parametrize("orientation", [3, 5, 6, 8])
def test_tiffs_are_brought_upright_once(tmp_path, orientation):
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    path = saved(tmp_path / "x.tif", stored, tiffinfo={0x0112: orientation})
    assert np.array_equal(read_image(path), UPRIGHT)


def test_a_picture_that_shows_nothing_is_flat():
    assert is_flat(np.full((48, 48), 90, np.uint8))
    assert is_flat((120 + GRAY // 20).astype(np.uint8))
    assert not is_flat(GRAY)
    assert not is_flat((GRAY // 8).astype(np.uint8))
