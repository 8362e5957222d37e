"""Weights as people come by them: failed downloads, other files, parts that don't belong together,
numbers that are none."""

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import outside
import pytest
import torch
from safetensors.torch import save_file

from analysis.subjects.check import check
from analysis.subjects.convert import convert
from analysis.subjects.loading import load_outside
from iram.errors import InputError

STATE = {"conv.weight": torch.ones(2, 3), "fc.bias": torch.ones(2)}


def packed(content=STATE) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def archive(kind: str) -> bytes:
    """An archive of a checkpoint."""
    file, data = io.BytesIO(), packed()
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as opened:
            opened.writestr("best/net.pth", data)
    else:
        with tarfile.open(fileobj=file, mode=kind) as opened:
            member = tarfile.TarInfo("best/net.pth")
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))
    return file.getvalue()


def a_safetensors_file(path: Path) -> None:
    save_file(STATE, path)


def an_exported_program(path: Path) -> None:
    outside.write_exported(path.with_suffix(".pt2"))
    path.with_suffix(".pt2").rename(path)


PAGE = b"\n <!DOCTYPE html>\n<html><title>Google Drive - Virus scan warning</title></html>"


@pytest.mark.parametrize(("content", "told"), [
    (b"", "or damaged; it is empty"), (PAGE, "it is a web page, as is saved where a download"),
    (b"404: Not Found", "it is no file of torch.save, or damaged: "),
    (packed()[:-200], "it breaks off before its end, as a download that was cut short"),
    (gzip.compress(packed()), "it is packed: unpack it first"),
    (archive("zip"), "it is an archive of best/net.pth: unpack it"),
    (archive("w"), "it is an archive of best/net.pth: unpack it"),
    (archive("w:gz"), "it is an archive of best/net.pth: unpack it"),
    (a_safetensors_file, "it is a safetensors file: give it the ending .safetensors"),
    (an_exported_program, "it is an exported program: give it the ending .pt2"),
], ids=["empty", "page", "text", "broken off", "gzip", "zip", "tar", "tar.gz", "safetensors",
         "pt2"])
def test_what_is_no_checkpoint_is_told_for_what_it_is(tmp_path, content, told):
    path = tmp_path / "net.pth"
    content(path) if callable(content) else path.write_bytes(content)
    with pytest.raises(InputError) as error:
        convert(path, tmp_path / "net.safetensors")
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert told in message
    assert "PyTorch 2.6" not in message
    assert "miniz" not in message


@pytest.mark.parametrize(("name", "content", "told"), [
    ("net.onnx", b"", "it is empty"), ("net.onnx", PAGE, "it is a web page"),
    ("net.pt2", b"", "it is empty"), ("net.pt2", PAGE, "it is a web page"),
])
def test_failed_downloads_of_models_are_told(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    outside.describe(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}.*; {told}"):
        load_outside(str(tmp_path / name))


def test_a_second_set_of_weights_that_is_left_out_is_told(tmp_path):
    """Averaged ones, mostly, and they are those that a paper reports."""
    averaged = {f"module.{name}": tensor * 2 for name, tensor in STATE.items()}
    torch.save({"model": STATE, "model_ema": averaged, "ema": {"x": {"shadow": averaged}},
                "best": {"acc": torch.ones(1)}, "epoch": 3}, tmp_path / "net.pth")
    told = convert(tmp_path / "net.pth", tmp_path / "net.safetensors")
    assert told[1:] == ["taken from 'model'", "left out: model_ema, ema, best, epoch",
                        "not taken, though of the same names: model_ema, ema.x.shadow"]


def put(folder, state, extra='weights = "w.safetensors"', more="", factory="build"):
    """The model, opened with these weights."""
    save_file(state, folder / "w.safetensors")
    spec = outside.write_net(folder, extra=extra, more=more)
    return load_outside(spec.replace(":build", f":{factory}"))[0]


@pytest.fixture
def state(tmp_path):
    net = load_outside(outside.write_net(tmp_path))[0].net
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


@pytest.mark.parametrize(("name", "value"), [
    ("conv.weight", float("nan")), ("bn.running_var", float("inf"))])
def test_weights_that_are_no_numbers_are_told_with_their_names(tmp_path, state, name, value):
    state[name].view(-1)[:2] = value
    wrong = f"NaN or infinity in {name} (2 of {state[name].numel()})"
    assert put(tmp_path, state).notes == (f"its weights hold {wrong}",)
    torch.save(state, tmp_path / "w.pth")
    assert wrong in convert(tmp_path / "w.pth", tmp_path / "again.safetensors")


def test_numbers_too_large_for_a_net_of_half_precision_are_told(tmp_path, state):
    state["fc.bias"] += 1e6
    put(tmp_path, state, more="\ndef half():\n    return Net().half()\n", factory="half")
    finite = next(one for one in check(f"{tmp_path / 'net.py'}:half") if one.what == "finite")
    assert finite.told == ("outputs are NaN or infinite, for its weights hold NaN or infinity in "
                           "net.fc.bias (7 of 7)")


def test_minus_infinity_masks_and_is_not_told(tmp_path):
    more = ("\nclass Masked(Net):\n    def __init__(self):\n        super().__init__()\n"
            "        self.register_buffer('mask', torch.tensor(-torch.inf))\n")
    spec = outside.write_net(tmp_path, more=more).replace(":build", ":Masked")
    assert load_outside(spec)[0].notes == ()


def test_complex_weights_are_told_for_what_they_are(tmp_path, state):
    state["fc.bias"] = state["fc.bias"].to(torch.complex64)
    with pytest.raises(InputError, match="is complex64, of the net float32: half of each number"):
        put(tmp_path, state)


def test_weights_are_found_in_the_home_folder_and_by_an_ending_in_capitals(
        tmp_path, state, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    state["fc.bias"] += 1
    save_file(state, home / "W.SAFETENSORS")
    net = put(tmp_path, state, 'weights = "~/W.SAFETENSORS"').net
    torch.testing.assert_close(net.fc.bias.data, state["fc.bias"])


def test_weights_that_are_not_there_are_told_so_whatever_they_are_called(tmp_path, state):
    with pytest.raises(InputError, match=rf"weights: there is no file {tmp_path}/absent\.pth$"):
        put(tmp_path, state, 'weights = "absent.pth"')


def test_the_command_that_converts_runs_from_any_folder(tmp_path, state):
    folder = tmp_path / "my nets"
    folder.mkdir()
    torch.save(state, folder / "w.pth")
    with pytest.raises(InputError) as error:
        put(folder, state, 'weights = "w.pth"')
    assert f"--convert '{folder}/w.pth' '{folder}/w.safetensors'`" in str(error.value)


@pytest.mark.parametrize(("change", "told"), [
    (lambda places, parts: parts[1].update({"fc.bias": torch.ones(7)}),
     r"'fc\.bias' stands in both .*w-1\.safetensors and w-2\.safetensors"),
    (lambda places, parts: places.update(ghost="w-2.safetensors"),
     r"w-2\.safetensors lacks ghost, which w\.safetensors\.index\.json places in it"),
    (lambda places, parts: places.update({"fc.bias": "w-2.safetensors"}),
     r"w-2\.safetensors lacks fc\.bias"),
])
def test_parts_that_do_not_belong_together_are_refused(tmp_path, state, change, told):
    names = sorted(state, key=lambda name: name != "fc.bias")
    parts = [{name: state[name] for name in names[:4]}, {name: state[name] for name in names[4:]}]
    places = {name: f"w-{k + 1}.safetensors" for k, part in enumerate(parts) for name in part}
    change(places, parts)
    for k, part in enumerate(parts):
        save_file(part, tmp_path / f"w-{k + 1}.safetensors")
    (tmp_path / "w.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    with pytest.raises(InputError, match=told):
        put(tmp_path, state, 'weights = "w.safetensors.index.json"')
