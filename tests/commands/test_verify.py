"""`iram verify`: nets that answer as their reference agree, and what doesn't is told in a line."""

import numpy as np
import pandas as pd
import pytest
import torch

from analysis.commands.main import main
from analysis.engine.store import read_table, write_cell
from analysis.subjects.verify import KIND, SHIPPED, compare, may_differ, read_reference
from iram.weights import pretrained

CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


@pytest.fixture(scope="module")
def made(tiny_weights, tmp_path_factory):
    """The reference of two small nets for 14 heads."""
    path = tmp_path_factory.mktemp("reference") / "reference.parquet"
    names = ",".join(str(tiny_weights / f"{name}-seed0.safetensors") for name in ("iram", "none"))
    assert main(["verify", "--write", "--models", names, "--data", "heads:n=14",
                 "--reference", str(path)]) == 0
    return path, names


def changed(path, tmp_path, change):
    """A copy of the reference in which one thing is otherwise."""
    table = pd.read_parquet(path)
    change(table)
    write_cell(other := tmp_path / "other.parquet", table, KIND)
    return other


def test_every_way_agrees_where_the_reference_was_made_and_is_told(made, capsys):
    path, names = made
    before = torch.get_num_threads()
    assert main(["verify", "--reference", str(path), "--models", names]) == 0
    assert torch.get_num_threads() == before
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[-6:]]
    assert [tuple(line[:3]) for line in lines] == [
        (dtype, backend, threads) for threads in ("1", "2")
        for dtype, backend in (("fp32", "eager"), ("fp32", "folded"), ("bf16", "eager"))]
    assert {line[3] for line in lines} == {"100.00%"}
    assert all(0 <= float(line[4]) < 1e-3 for line in lines if line[0] == "fp32")


@pytest.mark.exhaustive
def test_other_predictions_are_exit_code_1_and_one_line(made, tmp_path, capsys):
    def swap(table):
        rows = table.index[(table["dtype"] == "bf16") & (table["image_id"] == table["image_id"][0])]
        table.loc[rows[0], CLASSES] = -table.loc[rows[0], CLASSES]

    path, names = made
    other = changed(path, tmp_path, swap)
    capsys.readouterr()
    assert main(["verify", "--reference", str(other), "--models", names]) == 1
    out, err = capsys.readouterr()
    [line] = [line for line in err.splitlines() if line.startswith("iram: ")]
    assert line.startswith(f"iram: this machine disagrees with {other}: bf16 eager, threads 1: "
                           "96.43%; bf16 eager, threads 2: 96.43%")
    assert "fp32 eager" not in line
    assert out.count("96.43%") == 2


@pytest.mark.exhaustive
def test_one_dtype_alone_is_compared_where_it_is_asked_for(made, capsys):
    path, names = made
    capsys.readouterr()
    assert main(["verify", "--reference", str(path), "--models", names, "--dtype", "fp32"]) == 0
    out = capsys.readouterr().out
    assert out.count("  fp32 ") == 4
    assert "  bf16 " not in out


@pytest.mark.exhaustive
def test_what_is_not_finite_never_agrees(made, tmp_path, tiny_weights):
    def break_(table):
        table.loc[0, CLASSES] = np.nan

    path, names = made
    table = compare(read_reference(changed(path, tmp_path, break_)), names.split(","))
    assert list(table["agrees"]) == [False, False, True] * 2  # the broken row is one of fp32
    assert table["largest_difference"].isna().sum() == 4


@pytest.mark.exhaustive
def test_rows_are_kept_once_a_processor_and_way(made, tmp_path):
    path, names = made
    command = ["verify", "--reference", str(path), "--models", names, "--out", str(tmp_path)]
    assert main(command) == 0
    once = read_table(tmp_path / "processors.csv")
    assert {"processor", "flags", "bf16", "threads", "dtype", "equal",
            "largest_difference"} <= set(once)
    assert len(once) == 6
    elsewhere = once.assign(processor="another")
    elsewhere.to_csv(tmp_path / "processors.csv", index=False)
    assert main(command) == 0
    assert list(read_table(tmp_path / "processors.csv")["processor"].value_counts()) == [6, 6]
    assert main(command) == 0
    assert len(read_table(tmp_path / "processors.csv")) == 12


def test_how_many_may_differ():
    assert [may_differ(n) for n in (1, 1999, 2000, 4200)] == [0, 0, 1, 2]


@pytest.mark.parametrize(("column", "value", "message"), [
    ("weights_sha256", "0" * 64, "the reference is of other weights of iram-seed0"),
    ("model", "other-seed0", "unknown net of the reference 'iram-seed0'"),
    ("dtype", "fp64", "unknown net of the reference 'iram-seed0'"),
])
def test_a_reference_of_something_else_is_refused(column, value, message, made, tmp_path, capsys):
    path, names = made
    other = changed(path, tmp_path, lambda table: table.__setitem__(column, value))
    assert main(["verify", "--reference", str(other), "--models", names]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_one_damaged_bit_of_a_reference_is_one_line(share, made, tmp_path, capsys):
    path, names = made
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 4
    (other := tmp_path / "other.parquet").write_bytes(data)
    capsys.readouterr()
    assert main(["verify", "--reference", str(other), "--models", names]) == 2
    _, err = capsys.readouterr()
    [line] = [line for line in err.splitlines() if line.startswith("iram: ")]
    assert line.startswith(f"iram: {other} is no reference, or damaged: fetch it again")
    assert "Traceback" not in err


def test_heads_that_are_rendered_otherwise_are_told(made, tmp_path, capsys):
    path, names = made
    other = changed(path, tmp_path, lambda table: table.__setitem__("pixels_sha256", "0" * 64))
    assert main(["verify", "--reference", str(other), "--models", names]) == 0
    assert "(pixels: otherwise)" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "message"), [
    (["--reference", "nosuch.parquet"], "nosuch.parquet: no such reference; `iram verify --write"),
    (["--reference", "text.parquet"], "text.parquet is no reference, or damaged"),
    (["--reference", "other.parquet"], "other.parquet is no reference, or damaged"),
    (["--data", "heads:n=14"], "--data is for --write"),
    (["--models", ","], "--models names no net"),
    (["--write", "--dtype", "fp32"], "--dtype is for a comparison"),
    (["--write", "--out", "x"], "--out is for a comparison"),
])
def test_a_mistake_is_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.parquet").write_text("no")
    pd.DataFrame({"model": ["a"]}).to_parquet("other.parquet")
    assert main(["verify", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_the_shipped_reference_is_of_the_shipped_weights():
    table = read_reference(SHIPPED)
    told = dict(zip(table["model"], table["weights_sha256"], strict=True))
    assert told == {name: card["weights_sha256"] for name, card in pretrained().items()}
    assert set(table["dtype"]) == {"fp32", "bf16"}
    assert np.isfinite(table[CLASSES].to_numpy()).all()


def test_a_net_is_added_to_a_reference_and_the_others_stay(made, tmp_path):
    before, names = pd.read_parquet(made[0]), made[1].split(",")
    one = before["model"] == before["model"].iloc[0]  # of the first of the names
    write_cell(path := tmp_path / "more.parquet", before[~one].assign(happy=np.float32(7)), KIND)
    assert main(["verify", "--write", "--models", names[0], "--data", "heads:n=14",
                 "--reference", str(path)]) == 0
    after = pd.read_parquet(path)
    added = after["model"] == before["model"].iloc[0]
    assert (after.loc[~added, "happy"] == 7).all()
    pd.testing.assert_frame_equal(after[added].reset_index(drop=True),
                                  before[one].reset_index(drop=True))


def test_a_reference_of_other_faces_is_replaced(made, tmp_path):
    (path := tmp_path / "more.parquet").write_bytes(made[0].read_bytes())
    assert main(["verify", "--write", "--models", made[1].split(",")[0], "--data", "heads:n=7",
                 "--reference", str(path)]) == 0
    assert pd.read_parquet(path)["model"].nunique() == 1
