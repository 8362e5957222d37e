"""Faces from arrays and tensors, and what is wrong with some."""

import numpy as np
import pytest
import torch

from iram import FaceDataset, InputError

CLASSES = ["happy", "sad"]
GRAY = np.arange(2 * 16 * 16, dtype=np.uint8).reshape(2, 16, 16)


def made(images=GRAY, labels=(0, 1), classes=CLASSES, **options):
    return FaceDataset.of(images, labels, classes, **options)


@pytest.mark.parametrize("images", [
    GRAY, GRAY[:, None], GRAY / 255, (GRAY / 255).astype(np.float32), torch.from_numpy(GRAY),
    torch.from_numpy(GRAY / 255)[:, None].requires_grad_(), GRAY[:, None].repeat(3, 1),
    (GRAY / 255)[:, None].repeat(3, 1), list(GRAY),
], ids=["uint8", "with a channel", "float64", "float32", "tensor", "of a graph", "colour",
        "colour in floats", "a list of pictures"])
def test_the_same_faces_in_every_form_are_the_same_data_set(images):
    faces = made(images)
    assert (faces.images_uint8(slice(None)) == GRAY).all()
    assert faces.images([1]).shape == (1, 1, 16, 16)
    assert faces.sha256 == made().sha256


def test_colour_becomes_luma_as_in_picture_files():
    from PIL import Image

    colour = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
    expected = np.stack([np.asarray(Image.fromarray(one).convert("L")) for one in colour])
    assert (made(colour.transpose(0, 3, 1, 2)).images_uint8([0, 1]) == expected).all()


@pytest.mark.parametrize("labels", [
    [0, 1], np.array([0, 1], np.uint8), torch.tensor([0, 1]), ["happy", "sad"],
    np.array(["Happiness", "SAD"]),
])
def test_labels_are_places_or_names(labels):
    assert made(labels=labels).labels.tolist() == [0, 1]


def test_all_faces_are_the_test_split_and_have_ids():
    faces = made(name="mine")
    assert len(faces.split("test")) == 2
    assert faces.metadata["image_id"].tolist() == ["mine-000000", "mine-000001"]
    assert made(ids=[7, "b"]).metadata["image_id"].tolist() == ["7", "b"]


def test_other_pixels_are_another_source():
    assert made(255 - GRAY).sha256 != made().sha256


@pytest.mark.parametrize(("given", "told"), [
    ({"images": GRAY[0]}, r"images are uint8 \(16, 16\); they must be \(N, H, W\)"),
    ({"images": GRAY[:, None].repeat(2, 1)}, r"\(2, 2, 16, 16\); they must be"),
    ({"images": GRAY[..., None].repeat(2, 3)}, r"\(2, 16, 16, 2\); they must be"),
    ({"images": GRAY[:0], "labels": []}, "at least one face is needed"),
    ({"images": GRAY[:, :, :12]}, "12 x 16 pixels; faces must be square: crop them"),
    ({"images": GRAY[:, :4, :4]}, "size=4: 8 to 1024 pixels are possible"),
    ({"images": GRAY.astype(np.int64)}, "images are int64 .* uint8, or floats in"),
    ({"images": GRAY.astype(np.float32)}, "from 0 to 255; floats must be .*divide 0-255 by 255"),
    ({"images": GRAY / 255 - 0.5}, r"images go from -0.5 to 0.5; floats must be in \[0, 1\]$"),
    ({"images": GRAY * np.nan}, "pictures 0, 1 of 2 hold NaN"),
    ({"images": [GRAY[0], GRAY[0, :8, :8]]}, "images are no array"),
    ({"labels": [0]}, r"labels are of shape \(1,\); 2 pictures take \(2,\)"),
    ({"labels": [[0], [1]]}, r"labels are of shape \(2, 1\)"),
    ({"labels": [0, 2]}, "label 2 is none of 0 to 1, the places of happy, sad"),
    ({"labels": [0, -1]}, "label -1 is none of 0 to 1"),
    ({"labels": [0.0, 1.0]}, "labels are float64; write ints from 0, or names"),
    ({"labels": ["happy", "sadd"]}, "labels: .*'sadd'"),
    ({"classes": "happy"}, "classes are 'happy': write a list of names"),
    ({"classes": [0, 1]}, r"classes are \[0, 1\]: write a list of names"),
    ({"classes": ["happy"]}, "classes are happy: 2 names or more"),
    ({"classes": ["happy", "Happiness"]}, "two classes mean the same expression"),
    ({"classes": ["happy", "image_id"]}, "a class is called image_id, which tables of results"),
    ({"name": ""}, "name is '': write a short text"),
    ({"ids": ["a"]}, "ids: 1 of 2 pictures"),
    ({"ids": ["a", "a"]}, "ids must differ: a stands twice"),
])
def test_what_is_wrong_is_told_in_a_line(given, told):
    with pytest.raises(InputError, match=told) as error:
        made(**given)
    assert "\n" not in str(error.value)
