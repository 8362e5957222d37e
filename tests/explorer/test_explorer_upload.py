"""Pictures that users bring, and what a page may ask: read rightly, or told in a line."""

import io
import json
from base64 import b64encode

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.explorer.request import methods, read_state
from analysis.explorer.session import MOST_UPLOADS, Session
from analysis.explorer.state import DRAWN, Crop
from analysis.explorer.upload import KEPT_SIDE, MAX_BYTES, Upload, clean_name, read_upload
from analysis.explorer.wire import pack, unpack
from analysis.stimuli.conditions import CLEAN, PRESETS, Condition
from iram.data.images import resized
from iram.errors import InputError

Y, X = np.mgrid[:40, :60]
GRAY = (4 * X + np.where(Y < 20, 0, 10)).astype(np.uint8)  # brighter to the right, and below
COLOUR = Image.fromarray(np.stack([GRAY] * 3, 2))


def saved(image, kind, **options) -> bytes:
    with io.BytesIO() as buffer:
        image.save(buffer, kind, **options)
        return buffer.getvalue()


def turned_by_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera held upright: stored lying on its left side
    stored = COLOUR.transpose(Image.Transpose.ROTATE_90)
    return saved(stored, "JPEG", quality=95, subsampling=0, exif=exif)


def transparent() -> bytes:
    alpha = np.where(X < 30, 255, 0).astype(np.uint8)
    return saved(Image.fromarray(np.dstack([GRAY, GRAY, GRAY, alpha])), "PNG")


def animated() -> bytes:
    frames = [Image.fromarray(GRAY), Image.fromarray(255 - GRAY)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("content", "expected", "tolerance"),
    [
        (saved(COLOUR, "PNG"), GRAY, 0),
        (saved(COLOUR.convert("CMYK"), "TIFF"), GRAY, 3),
        (saved(COLOUR.convert("CMYK"), "JPEG", quality=95, subsampling=0), GRAY, 4),
        (animated(), GRAY, 1),
        (turned_by_exif(), GRAY, 4),
        (saved(Image.fromarray(GRAY.astype(np.uint16) * 257), "PNG"), GRAY, 0),
        (transparent(), np.where(X < 30, GRAY, 128), 0),
    ],
    ids=["PNG", "CMYK TIFF", "CMYK JPEG", "animated GIF", "EXIF", "16 bits", "transparent"],
)
def test_every_usual_kind_of_picture_is_read_rightly(content, expected, tolerance):
    found = read_upload("face.png", content)
    assert found.gray.shape == (40, 60)
    assert np.abs(found.gray.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("notes.txt", b"no picture at all", "notes.txt is not a picture that can be read (PNG"),
        ("empty.png", b"", "empty.png is empty (0 bytes)"),
        ("cut.png", saved(COLOUR, "PNG")[:90], "cut.png is damaged or cannot be read"),
        ("dot.png", saved(Image.new("L", (1, 1)), "PNG"), "dot.png has 1 x 1 pixels; too few"),
        ("big.png", bytes(MAX_BYTES + 1), "big.png is larger than 32 MiB"),
        ("huge.png", saved(Image.new("1", (9000, 8000)), "PNG"), "9000 x 8000 pixels, too many"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_name(name, content, message):
    with pytest.raises(InputError) as caught:
        read_upload(name, content)
    assert message in str(caught.value)


def test_a_picture_of_60_megapixels_is_read_and_brought_down():
    found = read_upload("large.png", saved(Image.new("L", (10_000, 6_000), 77), "PNG"))
    assert found.gray.shape == (960, KEPT_SIDE)
    assert (found.gray == 77).all()


def test_the_middle_square_is_taken_as_of_any_other_picture():
    gray = np.random.default_rng(0).integers(0, 256, (101, 148)).astype(np.uint8)
    face = Upload("a", gray).face(Crop(), 48)
    np.testing.assert_array_equal(face.dataset.images_uint8(0)[0], resized(gray, 48))


@pytest.mark.parametrize(
    ("crop", "top", "left", "side"),
    [(Crop(2, 0, 0), 0, 0, 50), (Crop(2, 1, 1), 50, 100, 50), (Crop(1, 0.25, 0.9), 0, 12, 100)],
)
def test_a_crop_takes_the_square_that_it_names(crop, top, left, side):
    gray = np.random.default_rng(0).integers(0, 256, (100, 150)).astype(np.uint8)
    face = Upload("a", gray).face(crop, side)
    np.testing.assert_array_equal(
        face.dataset.images_uint8(0)[0], gray[top : top + side, left : left + side]
    )


@pytest.mark.parametrize("crop", [Crop(0.5), Crop(17), Crop(2, -0.1), Crop(2, 0, 1.1)])
def test_a_crop_out_of_the_picture_is_told(crop):
    with pytest.raises(InputError, match="zoom from 1 to 16"):
        Upload("a", np.zeros((9, 9), np.uint8)).face(crop, 48)


def test_a_name_is_only_ever_a_name():
    assert clean_name("../../etc/pass\nwd") == "passwd"
    assert clean_name("C:\\Users\\me\\face.png") == "face.png"
    assert clean_name("") == "the picture"
    assert len(clean_name("x" * 500)) == 80


def test_a_session_keeps_the_last_few_pictures():
    session = Session(None)
    numbers = [session.upload("a.png", saved(COLOUR, "PNG"))[0] for _ in range(MOST_UPLOADS + 2)]
    assert numbers == list(range(MOST_UPLOADS + 2))
    assert list(session.uploads) == numbers[2:]
    with pytest.raises(InputError):
        session.upload("a.txt", b"text")
    assert list(session.uploads) == numbers[2:]


ASKED = {"source": "heads", "face": 3, "model": "iram"}


@pytest.mark.parametrize("condition", PRESETS["full"][::40] + PRESETS["pose-pairs"][:2] + [CLEAN])
def test_a_condition_comes_through_as_it_is(condition):
    asked = json.loads(json.dumps(ASKED | {"condition": condition.to_dict()}))
    assert read_state(asked).condition == condition


def test_a_whole_state_is_read():
    found = read_state(ASKED | {
        "source": "upload", "crop": {"zoom": 2, "across": 0.25}, "moved": [3, -4], "seed": 5,
        "methods": ["gradcam", "saliency", "gradcam"], "layer": 2, "target": 0, "compared": True,
        "condition": {"occluder": DRAWN, "fill": "noise"}, "drawn": b64encode(b"\0\1").decode(),
    })
    assert (found.crop, found.moved, found.seed) == (Crop(2, 0.25, 0.5), (3, -4), 5)
    assert (found.methods, found.layer, found.target) == (("gradcam", "saliency"), 2, 0)
    assert found.compared
    assert (found.condition, found.drawn) == (Condition(DRAWN, None, "noise"), b"\0\1")
    plain = read_state(ASKED)
    assert (plain.condition, plain.methods, plain.target) == (CLEAN, (), None)


WRONG = [
    ({"face": -1}, "face is -1; it must be a whole number from 0"),
    ({"face": 1.5}, "face is 1.5"),
    ({"face": True}, "face is True"),
    ({"face": None}, "face is None"),
    ({"model": 7}, "model is 7; it must be a name"),
    ({"source": ""}, "source is ''"),
    ({"model": "x" * 300}, "it must be a name"),
    ({"methods": "gradcam"}, "methods is 'gradcam'; it must be a list"),
    ({"methods": ["gradcan"]}, "did you mean 'gradcam'"),
    ({"methods": ["mean_map"]}, "unknown attribution method 'mean_map'"),
    ({"methods": [["gradcam"]]}, "unknown attribution method"),
    ({"moved": [1]}, "moved is [1]"),
    ({"moved": [1, 2.5]}, "moved is 2.5"),
    ({"condition": []}, None),
    ({"condition": [1]}, "condition is [1]; it must be an object"),
    ({"condition": {"occluder": "eyez", "fraction": 0.3}}, "did you mean 'eyes'"),
    ({"condition": {"occluder": "eyes"}}, "has no natural size"),
    ({"condition": {"occluder": "eyes", "fraction": 1.2}}, "fraction is 1.2"),
    ({"condition": {"occluder": "eyes", "fraction": float("nan")}}, "fraction is nan"),
    ({"condition": {"occluder": "eyes", "fraction": 10**400}}, "fraction is 1000"),
    ({"condition": {"occluder": "eyes", "fraction": 0.3, "fill": "nosuch"}}, "unknown fill"),
    ({"condition": {"yaw_deg": 80}}, "yaw_deg is 80; it must be a number from -75 to 75"),
    ({"condition": {"roll_deg": "x"}}, "roll_deg is 'x'"),
    ({"condition": {"corruption": "jpeg", "severity": 6}}, "severity is 6"),
    ({"condition": {"corruption": "jpg"}}, "unknown corruption 'jpg'"),
    ({"condition": {"occluder": DRAWN}, "drawn": "§"}, "not base64"),
    ({"condition": {"occluder": DRAWN}, "drawn": 5}, "not base64"),
    ({"source": "upload", "crop": {"zoom": 99}}, "zoom is 99"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_what_is_wrong_in_a_state_is_told(change, message):
    if message is None:
        assert read_state(ASKED | change).condition == CLEAN
        return
    with pytest.raises(InputError) as caught:
        read_state(ASKED | change)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1500


def test_every_method_that_one_picture_can_have_is_offered():
    from analysis.attributions import ATTRIBUTIONS

    assert set(methods()) == set(ATTRIBUTIONS) - {"mean_map"}


def test_messages_carry_arrays_at_places_that_a_browser_can_read():
    arrays = {"a": np.arange(5, dtype=np.uint8), "b": torch.rand(2, 3).numpy()}
    header, rest = unpack(pack({"type": "x", "text": "→"}, arrays))
    assert header["text"] == "→"
    whole = pack({"type": "x", "text": "→"}, arrays)
    for name, values in arrays.items():
        place = header["arrays"][name]
        start = len(whole) - len(rest) + place["at"]
        assert start % 4 == 0
        found = np.frombuffer(whole, place["dtype"], values.size, start).reshape(place["shape"])
        np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("message", [b"", b"\x05\0\0\0{", b"\xff\xff\xff\xff{}", b"\2\0\0\0[]",
                                     b"\4\0\0\0nope"])
def test_a_message_without_a_header_is_told(message):
    with pytest.raises(InputError, match="no header"):
        unpack(message)


def test_what_is_assumed_of_a_picture_is_told_and_that_one_shows_nothing():
    deep = saved(Image.fromarray((GRAY // 2).astype(np.uint16) * 16), "PNG")
    [note] = read_upload("deep.png", deep).notes
    assert "bit values in a file of more bits were stretched" in note
    clear = saved(Image.fromarray(np.dstack([GRAY, 0 * GRAY])), "PNG")
    assert read_upload("clear.png", clear).notes == (
        "all of it is transparent, which counts as opaque",)
    assert read_upload("plain.png", saved(COLOUR, "PNG")).notes == ()
    [note] = read_upload("black.png", saved(Image.fromarray(0 * GRAY), "PNG")).notes
    assert "black.png: the picture is constant or nearly so" in note


def test_what_is_left_out_of_a_picture_is_said():
    red = np.stack([GRAY, 0 * GRAY, 0 * GRAY], 2)
    assert read_upload("red.png", saved(Image.fromarray(red), "PNG")).notes == (
        "its colours are left out: it is shown and asked about in gray",)
    wide = Image.fromarray(GRAY).resize((2 * KEPT_SIDE, KEPT_SIDE // 2))
    upload = read_upload("wide.png", saved(wide, "PNG"))
    assert upload.notes == (f"brought down to {KEPT_SIDE} × {KEPT_SIDE // 4}",)
    assert upload.gray.shape == (KEPT_SIDE // 4, KEPT_SIDE)
