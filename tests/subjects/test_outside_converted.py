"""Weights of torch.save, brought to safetensors."""

import os
import pickle
import re
import struct
from argparse import Namespace
from collections import OrderedDict

import numpy as np
import outside
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from analysis.commands.main import main
from analysis.subjects import open_subjects

SEVEN = outside.CLASSES


def opened(spec):
    return open_subjects(str(spec), SEVEN)[0]


# Weights of torch.save


def converted(folder, content, name="net.pth"):
    torch.save(content, folder / name)
    out = folder / "out.safetensors"
    code = main(["models", "--convert", str(folder / name), str(out)])
    return code, load_file(out) if out.exists() else None


STATE = {"conv.weight": torch.randn(2, 3), "fc.bias": torch.randn(2)}


@pytest.mark.parametrize("content", [
    STATE, OrderedDict(STATE), {k: nn.Parameter(v) for k, v in STATE.items()},
    {"state_dict": STATE, "epoch": 3, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
    {"model": STATE, "best": 0.7, "args": None}, {"model_state_dict": STATE, "loss": [1.0]},
    {"weights": STATE}, {"anything": STATE}, {"state_dict": STATE, "model_ema": {"x": STATE}},
    {"model": {"state_dict": STATE, "name": "net"}, "epoch": 3},
    {"net": {"model": {"params": STATE}}},
    {"model": {"state_dict": STATE, "best": torch.tensor(0.9)}, "best_acc1": torch.tensor([90.0])},
    {"state_dict": {"model": STATE}, "best_acc1": torch.tensor(90.0)}, {"own": {"model": STATE}},
    {"model": {"module": {"net": STATE}}}, {"model": {}, "ema": {"state_dict": STATE}},
    {**STATE, "stats": {"mean": torch.ones(3)}},
    {"state_dict": STATE, "args": Namespace(lr=0.1, sizes=[1, 2])},
    {"state_dict": STATE, "best": np.float64(0.7), "epoch": np.int64(3), "log": np.ones((2, 3))},
])
def test_weights_in_a_checkpoint_are_brought_to_safetensors(tmp_path, capsys, content):
    code, made = converted(tmp_path, content)
    assert code == 0
    torch.testing.assert_close(made, STATE)
    told = capsys.readouterr().out
    assert "2 tensors, 8 numbers" in told
    assert all(key in told for key in content if key not in ("args", "loss", *STATE))


def test_tensors_that_share_memory_or_are_views_are_stored_whole(tmp_path):
    whole = torch.arange(6.0).reshape(2, 3)
    code, made = converted(tmp_path, {"a": whole, "b": whole, "c": whole.t(), "d": whole[:, :1],
                                      "e": whole.half(), "f": torch.tensor(3)})
    assert code == 0
    torch.testing.assert_close(made["c"], whole.t().contiguous())
    assert made["e"].dtype == torch.float16
    assert len(made) == 6


class Payload:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize(("content", "told"), [
    (nn.Linear(2, 2), r"more than tensors.*torch\.nn\.modules\.linear\.Linear"),
    ({"state_dict": STATE, "note": Payload()}, "it holds more than tensors"),
    ([torch.ones(1)], "holds a list, no weights"), ({"epoch": 3}, "no tensors by their names"),
    ({}, "no tensors by their names; in it: nothing"), (torch.ones(2), "holds a Tensor"),
    ({"first": STATE, "second": STATE}, "several sets of weights: first, second"),
    ({"model": {"ema": STATE, "raw": STATE, "x": 1}, "epoch": 2}, "several sets of weights: model"),
    ({"a": {"state_dict": STATE}, "b": {"state_dict": STATE}}, "several sets of weights: a, b"),
    ({"model": {"state_dict": {}}}, r"no tensors by their names; in 'model\.state_dict': nothing"),
])
def test_all_else_is_refused_and_nothing_is_run_or_written(
        tmp_path, capsys, monkeypatch, content, told):
    monkeypatch.chdir(tmp_path)
    code, made = converted(tmp_path, content)
    assert code == 2
    assert made is None
    line = capsys.readouterr().err
    assert re.search(told, line), line
    assert line.count("\n") == 1
    assert not (tmp_path / "ran").exists()


def test_scripted_damaged_and_other_files_are_told_for_what_they_are(tmp_path, capsys):
    torch.jit.script(nn.Sequential(nn.Linear(2, 2))).save(str(tmp_path / "net.pt"))
    (tmp_path / "bad.pth").write_bytes(b"not a file of torch")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Payload()))
    (tmp_path / "keras.h5").write_bytes(b"")
    (tmp_path / "other.pkl").write_bytes(pickle.dumps({"a": [1, 2]}))
    (tmp_path / "hidden.bin").write_bytes(b"\x89HDF\r\n\x1a\n")
    save_file(STATE, tmp_path / "w.safetensors")
    out = str(tmp_path / "out.safetensors")
    for name, told in (("net.pt", "TorchScript"), ("bad.pth", "no file of torch.save"),
                       ("plain.pth", "torch"), ("keras.h5", "Keras"), ("hidden.bin", "Keras"),
                       ("other.pkl", "no file of torch.save"),
                       ("w.safetensors", "already"), ("absent.pth", "there is no file")):
        assert main(["models", "--convert", str(tmp_path / name), out]) == 2
        assert told in capsys.readouterr().err
    assert main(["models", "--convert", str(tmp_path / "net.pt"), str(tmp_path / "o.bin")]) == 2
    assert "must end in .safetensors" in capsys.readouterr().err
    assert not os.path.exists(out)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("part", [b"weight", struct.pack("<f", 0.75)])
def test_one_damaged_bit_of_a_checkpoint_is_noticed(tmp_path, capsys, part):
    """Of a name or of a number: torch's own reader takes both for what was meant."""
    path, out = tmp_path / "net.pth", tmp_path / "net.safetensors"
    torch.save({"weight": torch.full((3,), 0.75)}, path)
    data = bytearray(path.read_bytes())
    data[data.index(part) + 2] ^= 1
    path.write_bytes(data)
    assert main(["models", "--convert", str(path), str(out)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"iram: {path}: it is no file of torch.save, or damaged: Bad CRC-32")
    assert not out.exists()


def test_converted_weights_go_into_the_net(tmp_path):
    spec = outside.write_net(tmp_path)
    state = {f"module.{k}": v + 1 for k, v in opened(spec).model.net.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 1}, tmp_path / "net.pth.tar")
    assert main(["models", "--convert", str(tmp_path / "net.pth.tar"),
                 str(tmp_path / "w.safetensors")]) == 0
    outside.describe(tmp_path / "net.py", extra='weights = "w.safetensors"')
    torch.testing.assert_close(opened(spec).model.net.fc.bias.data, state["module.fc.bias"])
