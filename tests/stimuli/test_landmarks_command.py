"""`iram landmarks`, and FaceMesh itself where it is installed."""

import sys

import numpy as np
import pandas as pd
import pytest
from landmark_finders import NAN, face_at, stand_in

from analysis.commands.main import main
from analysis.stimuli.landmarks import (
    USUAL_68,
    count_known,
    known_landmarks,
    read_landmarks,
    read_mesh,
)
from analysis.stimuli.landmarks.finder import find_landmarks
from analysis.stimuli.landmarks.points import COUNT
from iram import open_dataset


@pytest.fixture
def with_finder(monkeypatch):
    monkeypatch.setattr("analysis.stimuli.landmarks.facemesh.FaceMesh", lambda: stand_in)


def fails(capsys, *arguments) -> str:
    assert main(["landmarks", *map(str, arguments)]) == 2
    return capsys.readouterr().err.splitlines()[-1]  # before it there may be a bar of progress


def test_the_command_writes_a_file_that_the_others_read(fer_csv, tmp_path, capsys, with_finder):
    spec, out = f"fer2013:{fer_csv}", tmp_path / "new" / "points.npz"
    assert main(["landmarks", "--data", spec, "--split", "PublicTest,PrivateTest",
                 "--out", str(out)]) == 0
    dataset = open_dataset(spec)
    known = count_known(read_mesh(out).of(dataset))
    expected = [stand_in(p) for p in dataset.images_uint8(dataset.metadata["usage"] != "Training")]
    assert known[0] == count_known(np.stack(expected))[0] > 0
    assert f"8 faces, 8 different pictures; landmarks of {known[0]}" in capsys.readouterr().out
    compact = tmp_path / "compact.npz"
    assert main(["landmarks", "--data", spec, "--from", str(out), "--compact",
                 "--out", str(compact)]) == 0
    assert count_known(known_landmarks(dataset, compact)) == known
    assert "rounded by" in capsys.readouterr().out


def test_the_command_measures_yaw(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("analysis.stimuli.landmarks.facemesh.FaceMesh",
                        lambda: lambda _: face_at(5))
    out = tmp_path / "yaw.csv"
    assert main(["landmarks", "--data", "heads:n=14,size=24", "--limit", "3", "--yaw=30,-30",
                 "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert table["requested_yaw_deg"].tolist() == [-30, 0, 30]
    assert table["dataset"].tolist() == ["heads"] * 3
    assert (table["measured_yaw_deg"] == 0).all()
    assert (table["n"] == 3).all()


def test_without_mediapipe_the_command_says_how_to_install_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    line = fails(capsys, "--data", "heads:n=7", "--out", tmp_path / "x.npz")
    assert "make landmarks" in line
    assert "pip install -c constraints-landmarks.txt" in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "x.txt"], "must end in .npz"),
        (["--out", "x.npz", "--yaw=0"], "must end in .csv"),
        (["--out", "x.csv", "--yaw=0,left"], "--yaw 0,left: write angles"),
        (["--out", "x.csv", "--yaw=80"], "-75 to 75"),
        (["--out", "x.csv", "--yaw=0", "--compact"], "--yaw excludes"),
        (["--out", "x", "--mean-face", "--compact"], "leave --compact out"),
        (["--out", "x.npz", "--landmarks", "y.npz"], "--landmarks is for --yaw"),
        (["--out", "x.npz", "--from", "nosuch.npz"], "nosuch.npz: no such file"),
        (["--out", "x.npz", "--split", "dev", "--from", "y.npz"], "has no split 'dev'"),
        (["--out", "x.npz", "--limit", "0"], "--limit 0"),
        (["--out", ".npz/x.npz"], "cannot write"),
        (["--out", "."], "must end in .npz"),
    ],
)
def test_a_mistake_is_one_line(options, message, capsys, tmp_path, monkeypatch, with_finder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".npz").write_text("mine")
    assert message in fails(capsys, "--data", "heads:n=7,size=24", *options)
    assert [path.name for path in tmp_path.iterdir()] == [".npz"]


def test_a_data_set_without_any_face_is_a_mistake(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("analysis.stimuli.landmarks.facemesh.FaceMesh",
                        lambda: lambda _: np.full((COUNT, 3), NAN))
    line = fails(capsys, "--data", "heads:n=7,size=24", "--out", tmp_path / "x.npz")
    assert "no face was found in any of 7 pictures" in line
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def face_mesh():
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (`make landmarks`)")
    from analysis.stimuli.landmarks.facemesh import FaceMesh

    return FaceMesh()


def test_facemesh_finds_the_landmarks_of_heads_where_they_are(face_mesh):
    for size in (48, 96, 224):
        heads = open_dataset(f"heads:n=10,size={size}")
        found = find_landmarks(heads, face_mesh, progress=False).of(heads)
        assert count_known(found)[0] >= 9
        inner = slice(17, 68)
        off = found[:, list(USUAL_68), :2][:, inner] - known_landmarks(heads)[:, inner]
        assert np.nanmedian(np.abs(off)) < 0.03 * size


def test_facemesh_finds_nothing_in_a_blank_picture_and_says_it_by_nan(face_mesh):
    assert np.isnan(face_mesh(np.full((48, 48), 128, np.uint8))).all()


def test_facemesh_finds_the_same_as_it_found_before(face_mesh, iram_data):
    folder = iram_data / "fer2013"
    dataset = open_dataset(f"fer2013:{folder / 'fer2013.csv.xz'}", split="PublicTest")
    dataset = dataset.subset(slice(0, 40))
    found = find_landmarks(dataset, face_mesh, progress=False).of(dataset)
    before = read_landmarks(folder / "landmarks_test.npz").of(dataset)
    np.testing.assert_allclose(found, before, atol=1 / 32)
