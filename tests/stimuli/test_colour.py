"""Colour: nets that take RGB see the faces in colour where they have any, all others in gray."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from analysis import Subject, attribute
from analysis.commands.main import main
from analysis.stimuli.conditions import Condition
from analysis.stimuli.corruptions import CORRUPTIONS
from analysis.stimuli.fills import FILLS
from analysis.stimuli.perturb import Perturbed
from analysis.subjects.outside import OutsideModel
from iram import FaceDataset, open_dataset

pytestmark = pytest.mark.exhaustive

CLASSES = ["happy", "sad"]
NET = """
import torch
from torch import nn


class Red(nn.Module):
    '''happy where red is brighter than blue.'''

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.mix = nn.Conv2d(CHANNELS, 2, 1, bias=False)
        self.gate = nn.Sequential(nn.Conv2d(CHANNELS, 1, 5, padding=2), nn.Sigmoid())
        with torch.no_grad():
            self.mix.weight.zero_()
            for out, sign in ((0, 8), (1, -8)):
                self.mix.weight[out, 0] += sign
                self.mix.weight[out, -1] -= sign
            self.mix.weight[1, 0] += 1

    def forward(self, x):
        return (self.mix(x).relu() * self.gate(x)).mean((2, 3))


def make():
    return Red()
"""
DESCRIPTION = """classes = ["happy", "sad"]
input_size = 48
colour = "COLOUR"
mean = 0.0
std = 1.0

[attention]
layers = ["gate"]
read = "gate"
"""


def colours(count: int = 12) -> np.ndarray:
    """(count, 48, 48, 3): red (happy) and blue (sad) by turns, of one gray, with some texture."""
    draws = np.random.default_rng(0).integers(0, 80, (count, 48, 48, 1))
    tint = np.array([[120, 0, 0], [0, 0, 120]])[np.arange(count) % 2][:, None, None]
    return (draws + tint).astype(np.uint8)


LABELS = np.arange(12) % 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces")
    for place, one in enumerate(colours()):
        path = root / "test" / CLASSES[place % 2] / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one).save(path)
    return root


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    """A net that takes RGB and one that takes gray, as --models names them."""
    root = tmp_path_factory.mktemp("nets")
    for name, channels in (("rgb", 3), ("gray", 1)):
        (root / f"{name}net.py").write_text(NET.replace("CHANNELS", str(channels)))
        (root / f"{name}net.toml").write_text(DESCRIPTION.replace("COLOUR", name))
    return {name: f"{root}/{name}net.py:make" for name in ("rgb", "gray")}


def test_a_folder_in_colour_is_seen_in_colour_by_rgb_and_in_gray_by_others(folder):
    faces = open_dataset(f"folder:{folder}")
    assert faces.images([0]).shape == (1, 1, 48, 48)
    seen = faces.seen_by(3)
    assert seen.images([0]).shape == (1, 3, 48, 48)
    assert faces.seen_by(1) is faces
    of = {name.split("/")[-1]: place for place, name in enumerate(faces.metadata["image_id"])}
    expected = colours()[[int(name.split(".")[0]) for name in of]]
    assert np.array_equal(seen.images_uint8(list(of.values())), expected)
    part = faces.subset([3, 1])
    assert np.array_equal(part.seen_by(3).images_uint8([0, 1]), seen.images_uint8([3, 1]))


def test_pictures_without_colour_stay_as_they_are(tmp_path):
    for place, one in enumerate(colours(4)):
        path = tmp_path / CLASSES[place % 2] / f"{place}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(one).convert("L").convert("RGB").save(path)
    faces = open_dataset(f"folder:{tmp_path}", split="all")
    assert faces.seen_by(3) is faces


@pytest.mark.parametrize("last", [True, False])
def test_arrays_in_colour_are_seen_in_colour(last):
    images = colours() if last else colours().transpose(0, 3, 1, 2)
    faces = FaceDataset.of(images, LABELS, CLASSES)
    assert np.array_equal(faces.seen_by(3).images_uint8([5]), colours()[5:6])
    assert faces.images_uint8([5]).shape == (1, 48, 48)
    gray = FaceDataset.of(colours()[..., :1].repeat(3, 3), LABELS, CLASSES)
    assert gray.seen_by(3) is gray


OF_FILLS = [Condition(occluder="hand" if fill == "object" else "eyes", fill=fill,
                      fraction=None if fill == "object" else 0.3) for fill in FILLS]
OF_KINDS = [Condition(corruption=kind, severity=3) for kind in CORRUPTIONS]


@pytest.mark.parametrize("condition", OF_FILLS + OF_KINDS + [
    Condition(yaw_deg=30.0), Condition(roll_deg=30.0)], ids=lambda one: one.name)
def test_every_condition_works_in_colour_and_covers_the_same_places(condition):
    faces = FaceDataset.of(colours(), LABELS, CLASSES)
    gray = Perturbed(faces, slice(0, 4), condition)
    seen = gray.seen_by(3)
    assert seen.pictures.shape == (4, 3, 48, 48)
    assert seen.pictures.min() >= 0
    assert seen.pictures.max() <= 1
    assert torch.equal(seen.mask, gray.mask)
    if condition.occluder == "eyes":
        clean = faces.seen_by(3).images(slice(0, 4))
        outside = ~seen.mask[:, None].expand_as(clean)
        assert torch.equal(seen.pictures[outside], clean[outside])


def test_the_mean_fill_is_that_of_each_channel():
    faces = FaceDataset.of(colours(), LABELS, CLASSES).seen_by(3)
    one = Perturbed(faces, slice(0, 1), Condition(occluder="eyes", fill="mean", fraction=0.3))
    inside = one.pictures[0][:, one.mask[0]]
    assert inside.std(1).max() < 1e-6
    np.testing.assert_allclose(inside[:, 0], faces.images([0]).mean((0, 2, 3)), atol=1e-6)


def test_a_gray_net_makes_gray_of_colour():
    net = nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 2))
    model = Subject.of(net, classes=CLASSES, size=48, name="gray").model
    faces = FaceDataset.of(colours(), LABELS, CLASSES)
    assert isinstance(model, OutsideModel)
    torch.testing.assert_close(model(faces.seen_by(3).images([0])), model(faces.images([0])),
                               atol=0.01, rtol=0.01)


def test_maps_of_colour_pictures_have_their_places():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                        nn.Linear(4, 2))
    subject = Subject.of(net, classes=CLASSES, size=48, channels=3, name="rgb")
    x = FaceDataset.of(colours(), LABELS, CLASSES).seen_by(3).images([0, 1])
    for method in ("gradcam", "saliency", "integrated_gradients", "occlusion"):
        assert attribute(subject.model, x, 0, method).shape == (2, 48, 48)


def run(*arguments) -> int:
    return main([str(one) for one in arguments])


def test_the_benchmark_shows_colour_to_rgb_alone_and_keeps_the_keys_of_gray(
    folder, nets, tmp_path, capsys
):
    import pandas as pd

    options = ("bench", "--data", f"folder:{folder}", "--conditions", "eyes-0.3-mean",
               "--batch-size", 12)
    assert run(*options, "--models", nets["gray"], "--out", tmp_path / "gray") == 0
    capsys.readouterr()
    both = f"{nets['gray']},{nets['rgb']}"
    assert run(*options, "--models", both, "--out", tmp_path / "both") == 0
    assert "rgbnet-make takes RGB: it sees the faces in colour" in capsys.readouterr().err
    found = (tmp_path / "both/rows").rglob("*.parquet")
    rows = {path.stem: pd.read_parquet(path) for path in found}
    right = {name: table["correct"].mean() for name, table in rows.items()}
    assert all(share == 1 for name, share in right.items() if name.startswith("rgbnet"))
    assert all(share < 1 for name, share in right.items() if name.startswith("graynet"))
    for path in (tmp_path / "gray/rows").rglob("graynet*"):
        other = tmp_path / "both/rows" / path.relative_to(tmp_path / "gray/rows")
        assert path.read_bytes() == other.read_bytes()


def test_attribute_shift_and_explain_take_colour(folder, nets, tmp_path, capsys):
    import pandas as pd

    data = ("--data", f"folder:{folder}", "--models", nets["rgb"])
    assert run("attribute", *data, "--methods", "gradcam,occlusion", "--out",
               tmp_path / "attribute") == 0
    assert run("shift", *data, "--conditions", "eyes-0.3-mean", "--out", tmp_path / "shift") == 0
    assert capsys.readouterr().err.count("rgbnet-make takes RGB: it sees the faces in colour") == 2
    photo = next((folder / "test" / "happy").iterdir())
    blue = next((folder / "test" / "sad").iterdir())
    assert run("explain", photo, blue, "--models", nets["rgb"], "--out", tmp_path / "explain") == 0
    assert "rgbnet-make takes RGB: it saw photographs in colour" in capsys.readouterr().err
    table = pd.read_csv(tmp_path / "explain" / "faces.csv")
    assert table["prediction"].tolist() == CLASSES
