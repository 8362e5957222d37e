"""One picture explained."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from analysis.attributions import attribute
from analysis.attributions.explanation import Explanation, MethodMap
from analysis.commands.main import main
from analysis.engine.example import read_example, write_example
from analysis.explain.covered import explain_covered
from analysis.explain.explain import crop, explain
from analysis.figures import AttentionPanel
from analysis.stimuli.conditions import Condition
from analysis.subjects import open_subjects
from iram.errors import InputError
from iram.weights import load_model


@pytest.fixture
def photograph(tmp_path):
    y, x = np.mgrid[:120, :160]
    red = (128 + 100 * np.cos(x / 20) * np.sin(y / 17)).astype(np.uint8)
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.stack([red, red // 2, 255 - red], 2)).save(path)
    return path


@pytest.fixture
def names(tmp_path):
    return [str(tiny.weights(tmp_path, attention)) for attention in ("iram", "none", "se")]


def test_it_tells_the_models_own_answer_and_attention(names):
    face = np.random.default_rng(0).integers(0, 255, (48, 48)).astype(np.uint8)
    model = load_model(names[0])
    found = explain(model, face)
    with torch.inference_mode():
        trace = model.trace(torch.tensor(face)[None, None].float() / 255)
    np.testing.assert_allclose(found.probabilities, trace.logits.softmax(1)[0], rtol=1e-5)
    assert found.prediction == model.classes[int(trace.logits.argmax())]
    assert [m.shape for m in found.attention] == [(24, 24)] * 2 + [(12, 12)] * 2 + [(6, 6)] * 2
    np.testing.assert_allclose(found.attention[3], trace.attention[3][0].mean(0), rtol=1e-5)


def test_the_command_writes_a_picture_of_every_model(photograph, names, tmp_path, capsys):
    out = tmp_path / "panel.png"
    code = main(["explain", str(photograph), "--models", ",".join(names), "--out", str(out)])
    assert code == 0
    assert "iram-seed0" in capsys.readouterr().out
    with Image.open(out) as panel:
        assert panel.width > 1000
        assert np.asarray(panel.convert("L")).std() > 10


@pytest.mark.parametrize("suffix", [".pdf", ".svg"])
def test_vector_pictures_have_the_same_bytes_each_time(photograph, names, tmp_path, suffix):
    written = []
    for _ in range(2):
        out = tmp_path / f"panel{suffix}"
        assert main(["explain", str(photograph), "--models", names[0], "--out", str(out)]) == 0
        written.append(out.read_bytes())
    assert written[0] == written[1]


def test_cropping_takes_left_top_width_height():
    picture = np.arange(20).reshape(4, 5)
    assert crop(picture, (1, 2, 3, 1)).tolist() == [[11, 12, 13]]


@pytest.mark.parametrize("box", [(0, 0, 6, 1), (-1, 0, 2, 2), (0, 0, 0, 3), (3, 3, 2, 2)])
def test_a_box_outside_the_picture_is_told(box):
    with pytest.raises(InputError, match="not inside the picture of 5 x 4"):
        crop(np.zeros((4, 5)), box)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--box", "1,2,3"], "four whole numbers"),
        (["--box", "a,b,c,d"], "whole numbers"),
        (["--out", "panel.xyz"], "must end in .png"),
        (["--models", ","], "names no model"),
        (["--models", "nosuch"], "unknown model"),
        (["--methods", "gradcan"], "did you mean 'gradcam'"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(photograph, arguments, message, capsys):
    assert main(["explain", str(photograph), *arguments]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_file_that_is_no_picture_is_named(tmp_path, names, capsys):
    (tmp_path / "notes.jpg").write_text("no picture")
    assert main(["explain", str(tmp_path / "notes.jpg"), "--models", names[0]]) == 2
    assert "notes.jpg" in capsys.readouterr().err
    assert main(["explain", str(tmp_path / "absent.jpg"), "--models", names[0]]) == 2
    assert "absent.jpg" in capsys.readouterr().err


METHODS = "gradcam,attention,integrated_gradients"


def test_any_methods_stand_side_by_side_for_the_predicted_class(names):
    face = np.random.default_rng(0).integers(0, 255, (48, 48)).astype(np.uint8)
    model = load_model(names[0])
    found = explain(model, face, METHODS.split(","))
    assert [told.method for told in found.maps] == METHODS.split(",")
    assert [told.signed for told in found.maps] == [True, False, True]
    x, target = torch.tensor(face)[None, None].float() / 255, int(found.probabilities.argmax())
    for told in found.maps:
        expected = attribute(model, x, target, told.method)[0]
        np.testing.assert_allclose(told.values, expected, rtol=1e-5, atol=1e-7)


def test_a_method_that_a_model_cannot_have_is_told_and_leaves_its_place_empty(
    photograph, names, tmp_path, capsys
):
    out = tmp_path / "panel.svg"
    arguments = ["explain", str(photograph), "--models", ",".join(names), "--methods", METHODS]
    assert main([*arguments, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "none-seed0               skipped attention: needs a model with attention" in told
    assert told.count("; explained: ") == 3
    drawn = out.read_text()
    assert drawn.count("integrated gradients") == 3
    assert drawn.count("explained: ") == 3
    assert "needs a model" in drawn


def test_signed_maps_are_scaled_symmetrically_about_0_and_gates_from_low_to_high():
    values = np.linspace(-1, 3, 16).reshape(4, 4)
    maps = [MethodMap("gradcam", values, True), MethodMap("attention", values, False)]
    face = np.zeros((4, 4), np.uint8)
    told = Explanation("m", ("up", "down"), np.array([0.3, 0.7]), [], face, maps)
    panel = AttentionPanel([told]).plot()
    signed, gate = (axis.images for axis in panel.figure_.axes[1:3])
    assert signed[1].get_clim() == (-3, 3)
    assert gate[1].get_clim() == (-1, 3)
    assert signed[1].get_cmap().name != gate[1].get_cmap().name
    assert panel.figure_.axes[0].get_title() == "m\nexplained: down"
    plt.close(panel.figure_)


def test_an_example_is_one_face_before_and_after_explained_for_the_clean_prediction(names):
    data = tiny.dataset()
    (subject,) = open_subjects(names[0], data.classes)
    condition = Condition("lower_half", 0.3, "mean")
    found = explain_covered(subject, data, 4, condition)
    images = torch.tensor(found.images)[:, None].float() / 255
    assert (images[0] == data.images([4])[0]).all()
    changed = found.images[0] != found.images[1]
    assert changed.any()
    assert not changed[~found.mask].any()
    logits = subject.logits(images)
    target = int(logits[0].argmax())
    assert found.facts["explained"] == data.classes[target]
    assert found.facts["probabilities"] == pytest.approx(
        logits.softmax(1)[:, target].tolist(), abs=0.002
    )
    assert set(found.maps) == {"attention", "gradcam", "integrated_gradients", "region_shapley"}
    expected = attribute(subject.model, images, target, "gradcam")
    np.testing.assert_allclose(found.maps["gradcam"], expected, atol=0.05)
    assert found.facts["signed"] == ["gradcam", "integrated_gradients", "region_shapley"]


def test_an_example_is_read_as_it_was_written_and_its_bytes_are_the_same(names, tmp_path, capsys):
    arguments = ["example", "--data", "heads:n=30", "--model", names[0], "--face", "2",
                 "--condition", "eyes-0.3-noise"]
    for folder in ("a", "b"):
        assert main([*arguments, "--out", str(tmp_path / folder)]) == 0
    paths = [tmp_path / folder / "example.npz" for folder in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = read_example(paths[0])
    assert found.facts["condition"] == "eyes-0.3-noise"
    assert found.images.shape == (2, 48, 48)
    assert found.facts["image_id"] in capsys.readouterr().out
    write_example(tmp_path / "again.npz", found)
    assert (tmp_path / "again.npz").read_bytes() == paths[0].read_bytes()
    (tmp_path / "broken.npz").write_bytes(paths[0].read_bytes()[:300])
    for name in ("broken.npz", "absent.npz"):
        with pytest.raises(InputError, match=name):
            read_example(tmp_path / name)
    whole, errors = paths[0].read_bytes(), 0
    for place in range(100, len(whole), len(whole) // 60):
        (tmp_path / "broken.npz").write_bytes(
            whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read_example(tmp_path / "broken.npz")
        except InputError:
            errors += 1
    assert errors > 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--face", "99"], "has faces 0 to "),
        (["--condition", "yaw+30"], "one face under an occluder"),
        (["--condition", "eyes"], "--condition eyes: an example is of one condition, not of "),
        (["--condition", "clean"], "not of 0: clean covers nothing"),
        (["--condition", "regions", "--model", ","], "names no model"),
    ],
)
def test_a_wrong_example_is_told(names, arguments, message, tmp_path, capsys):
    wrong = ["example", "--data", "heads:n=30", "--model", names[0], "--out", str(tmp_path)]
    assert main([*wrong, *arguments]) == 2
    assert message in capsys.readouterr().err
