"""Options that would be without effect, contradict each other or are empty: told, never passed
over."""

import numpy as np
import pytest
import tiny

from analysis.commands.main import main
from analysis.stimuli.landmarks import Landmarks, mean_landmarks
from analysis.stimuli.landmarks.pictures import picture_ids
from analysis.stimuli.landmarks.writer import write_landmarks
from iram import open_dataset

HEADS = "heads:n=40,size=24"


@pytest.mark.parametrize(("arguments", "message"), [
    (["data", ""], "an empty value after data;"),
    (["explain", " "], "an empty value after explain;"),
    (["figures", "--out", ""], "an empty value after --out;"),
    (["bench", "--data", "heads", "--out="], "an empty value after --out;"),
    (["figures", "--out", "new\nline"], "--out 'new\\nline': write a name of one line"),
    (["attribute", "--data", "heads", "--against", ""], "an empty value after --against;"),
    (["explain", "x.png", "--layer", "net.a"], "--layer net.a is for methods that read a layer"),
    (["explain", "x.png", "--layer", "a", "--methods", "saliency"], "with --methods, such as "),
    (["attribute", "--data", HEADS, "--layer", "a", "--methods", "attention"], "--layer a is for"),
    (["models", "--check", "iram", "--compare", "iram"], "--check and --compare: one at a time"),
    (["models", "--convert", "a.pth", "b", "--means", "c"], "--convert and --means: one at"),
    (["models", "--check", "iram", "--split", "test"], "--split is for --compare"),
    (["models", "--check", "iram", "--out", "x"], "--out is for --ledger and --means and --com"),
    (["models", "--check", "iram", "--json"], "--json is for the list of all weights"),
    (["models", "--layer", "net.a"], "--layer is for --check"),
    (["models", "--grid", "study"], "--grid is for --ledger"),
    (["models", "--reference", "none"], "--reference is for --means and --compare"),
    (["models", "--ledger", ",", "--out", "x"], "--ledger names no folder"),
    (["models", "--compare", "answers.parquet", "--split", "test", "--out", "x"],
     "leave out --split"),
    (["report", "--results", ".", "--template", "a", "--reference", "b"], "--reference is for the"),
    (["report", "--results", ".", "--template", "a", "--notebooks", "run"], "--notebooks is for"),
    (["explore", "--split", "train"], "--split is for --data"),
    (["explore", "--landmarks", "x.npz"], "--landmarks is for --data"),
    (["sheets", "--data", HEADS, "--out", "x", "--only", ","], "--only names no sheet; known: "),
])
def test_it_is_one_line_and_nothing_is_done(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert out == ""
    assert not list(tmp_path.iterdir())


def test_a_name_or_seed_that_is_given_twice_is_one(tmp_path, capsys):
    command = ["train", "--attention", "iram,none,iram", "--seeds", "1,0,1", "--dry-run"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    *cells, last = capsys.readouterr().out.splitlines()
    assert [cell.split()[0] for cell in cells] == [
        f"{name}-seed{seed}" for seed in (1, 0) for name in ("iram", "none")]
    assert last.startswith("0 of 4 done in ")


@pytest.mark.parametrize(("more", "why"), [
    (["--placement", "mean"], "--placement mean places occluders as on the mean face"),
    (["--conditions", "jpeg-3"], "no condition covers a face"),
    ([], ""),
])
def test_landmarks_that_nothing_looks_at_are_told(more, why, tmp_path, capsys):
    dataset = open_dataset(HEADS, split="test")
    points = np.repeat(mean_landmarks()[None] * [1, 1, -1] * 24, len(dataset), 0)
    path = tmp_path / "points.npz"
    write_landmarks(path, Landmarks(points.astype(np.float32), 24, picture=picture_ids(dataset)))
    given = ["bench", "--data", HEADS, "--models", str(tiny.weights(tmp_path, "none")), "--list",
             "--conditions", "eyes-0.3-mean", "--landmarks", str(path), "--dtype", "fp32"]
    assert main([*given, *more]) == 0
    told = capsys.readouterr().out
    assert (f"--landmarks {path} is not used: {why}" in told) == bool(more)
