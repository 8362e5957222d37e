"""A net that has no answer to some pictures: argmax would name a class all the same."""

import numpy as np
import outside
import pandas as pd
import pytest
import torch
from PIL import Image

from analysis import attribution_suite
from analysis.commands.main import main
from analysis.explorer.answer import ask
from analysis.subjects import open_model
from iram import FaceDataset, InputError

NO_NUMBERS = "model 'net-shy' gives logits that are not numbers, for 1 of "


@pytest.fixture
def shy(tmp_path):
    """FILE.py:shy, that answers none of the almost white pictures with numbers."""
    spec = outside.write_net(tmp_path, size=24, colour="gray", more=outside.SHY)
    return spec.replace(":build", ":shy")


def pictures(count: int) -> np.ndarray:
    """Random ones, of which the last is almost white."""
    found = np.random.default_rng(0).integers(0, 255, (count, 24, 24)).astype(np.uint8)
    found[-1] = 215 + found[-1] % 40
    return found


def test_a_photograph_without_an_answer_is_told_and_the_others_go_on(shy, tmp_path, capsys):
    dim, white = pictures(2)
    for name, one in (("a", white), ("b", dim)):
        Image.fromarray(one).save(tmp_path / f"{name}.png")
    paths = [str(tmp_path / f"{name}.png") for name in "ab"]
    out = tmp_path / "out"
    command = ["explain", *paths, "--faces", "whole", "--models", shy, "--out", str(out)]
    assert main(command) == 1
    assert f"iram: {paths[0]}: {NO_NUMBERS}1 pictures\n" in capsys.readouterr().err
    assert pd.read_csv(out / "faces.csv")["file"].tolist() == [paths[1]]
    assert main(["explain", paths[0], "--models", shy, "--out", str(tmp_path / "x.png")]) == 2
    assert NO_NUMBERS in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


@pytest.mark.usefixtures("undrawn")
def test_its_maps_are_not_scored(shy, tmp_path):
    faces = FaceDataset.of(pictures(8), [0] * 8, outside.CLASSES)
    sizes = {"reference": 2, "curves": 2, "pairs": 2, "sanity": 1}
    with pytest.raises(InputError, match=NO_NUMBERS):
        attribution_suite(faces, shy, "sobel", out=tmp_path / "out", progress=False,
                          placement="mean", **sizes)


def test_the_explorer_tells_it(shy):
    with pytest.raises(InputError, match=NO_NUMBERS):
        ask(open_model(shy), torch.from_numpy(pictures(1))[:, None] / 255)


def test_an_example_is_of_answers_that_are_numbers(shy, tmp_path, capsys):
    for place, one in enumerate(pictures(3)):
        (folder := tmp_path / "faces" / "happy").mkdir(parents=True, exist_ok=True)
        Image.fromarray(one).save(folder / f"{place}.png")
    (other := tmp_path / "faces" / "sad").mkdir()
    Image.fromarray(pictures(2)[0]).save(other / "a.png")
    given = ["example", "--data", f"folder:{tmp_path / 'faces'},size=24", "--split", "all",
             "--model", shy, "--condition", "sham-0.3-mean", "--out", str(tmp_path / "out")]
    assert main([*given, "--face", "2"]) == 2
    assert "model 'net-shy' under 'sham-0.3-mean' gives logits that are no" in (
        capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
