"""Nets, weights and descriptions in the forms that users have them: they work, or one line says
what to do."""

import json
import os
import pickle
import re
import struct
import time
from argparse import Namespace
from collections import OrderedDict

import numpy as np
import outside
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from analysis.attributions import attribute
from analysis.attributions.judgement import Judgement, judged
from analysis.commands.main import main
from analysis.subjects import open_subjects, opening
from analysis.subjects.check import check
from analysis.subjects.loading import load_outside
from analysis.subjects.outputs import logits_in
from analysis.subjects.probe import pictures
from iram.errors import InputError

SEVEN = outside.CLASSES


def opened(spec):
    return open_subjects(str(spec), SEVEN)[0]


def found(spec, what):
    return next(f for f in check(str(spec)) if f.what == what)


# Numbers of half precision


@pytest.mark.parametrize("kind", ["half", "bfloat16", "double"])
@pytest.mark.parametrize("method", ["gradcam", "saliency", "smoothgrad", "gradient_shap",
                                    "deeplift", "occlusion", "integrated_gradients",
                                    "lrp_epsilon", "lrp_gamma", "lrp_composite", "fullgrad"])
def test_nets_of_other_precisions_give_maps_in_single_precision(tmp_path, kind, method):
    spec = outside.write_net(tmp_path, more=f"\ndef other():\n    return Net().{kind}()\n")
    single = opened(spec).model
    model = opened(spec.replace(":build", ":other")).model
    x = pictures(2)
    assert model(x).dtype in (torch.float32, torch.float64)
    torch.testing.assert_close(model(x).float(), single(x), atol=0.05, rtol=0.1)
    options = {"regions": "face"} if method == "feature_ablation" else {}
    maps = attribute(model, x, 1, method, **options)
    assert maps.dtype == torch.float32
    assert maps.isfinite().all()


@pytest.mark.parametrize("method", ["lrp_epsilon", "lrp_gamma", "lrp_composite", "fullgrad",
                                    "deeplift"])
def test_what_has_to_sum_does_so_in_half_precision_as_well(tmp_path, method):
    more = "\n\ndef half():\n    return Net().half()\n\n\nclass Own(Net):\n"
    more += "    def forward(self, x):\n        return super().forward(x.half())\n\n\n"
    more += "def own():\n    return Own().half()\n"
    spec = outside.write_net(tmp_path, more=more)
    whole, half, own = (opened(spec.replace(":build", name)).model
                        for name in (":build", ":half", ":own"))
    assert judged(half, pictures(2), 1, method) == Judgement()
    maps = attribute(half, pictures(2), 1, method)
    rough = attribute(whole, pictures(2), 1, method)
    assert (maps - rough).abs().mean() < 0.1 * rough.abs().mean()
    assert "gives no copy in it" in judged(own, pictures(2), 1, method).refused


def test_a_bare_module_of_half_precision_is_explained_as_well():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                        nn.Linear(4, 7)).bfloat16().eval()
    for method in ("gradcam", "saliency"):
        maps = attribute(net, pictures(2), 1, method)
        assert maps.dtype == torch.float32
        assert maps.shape == (2, 48, 48)


# Outputs that are no logits


def test_outputs_of_a_sigmoid_are_told_where_a_net_is_checked_and_where_it_is_studied(tmp_path):
    outputs = "self.fc(x.mean((2, 3)))"
    spec = outside.write_net(tmp_path, result=f"{outputs}.sigmoid()")
    [hint] = found(spec, "outputs").hints
    assert hint.startswith("all outputs lie from 0 to 1, as probabilities of a sigmoid do")
    assert hint in opening.told(opened(spec))
    assert not found(outside.write_net(tmp_path, result=outputs, name="other"), "outputs").hints


# Weights that are made at the first pass


LAZY = {
    "linear": "nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(7))",
    "everything": "nn.Sequential(nn.LazyConv2d(4, 3, 4), nn.LazyBatchNorm2d(), nn.ReLU(), "
                  "nn.Flatten(), nn.LazyLinear(7))",
    "own": "Grows()",
}
GROWS = '''

class Grows(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = None

    def forward(self, x):
        x = x[:, :, ::8, ::8].flatten(1)
        if self.fc is None:
            self.fc = nn.Linear(x.shape[1], 7)
        return self.fc(x)


def lazy():
    return {made}
'''


@pytest.mark.parametrize("kind", LAZY)
def test_lazy_modules_are_made_by_the_seed_and_take_weights(tmp_path, kind):
    spec = outside.write_net(tmp_path, more=GROWS.replace("{made}", LAZY[kind])).replace(
        ":build", ":lazy")
    torch.manual_seed(3)
    first = opened(spec)
    assert opened(spec).weights_sha256 == first.weights_sha256
    assert all(f.good for f in check(spec) if f.what in ("forward", "state", "factory"))
    state = first.model.net.state_dict()
    save_file({k: v * 2 if v.is_floating_point() else v for k, v in state.items()},
              tmp_path / "w.safetensors")
    outside.describe(tmp_path / "net.py", extra='weights = "w.safetensors"')
    torch.testing.assert_close(opened(spec).model.net.state_dict()["fc.weight" if kind == "own" else
                               f"{len(first.model.net) - 1}.weight"],
                               state[list(state)[-2]] * 2)


def test_a_lazy_net_that_can_not_take_the_pictures_is_told_in_one_line(tmp_path):
    spec = outside.write_net(tmp_path, more="\ndef lazy():\n    return nn.Sequential(nn.Conv2d(5, "
                             "4, 3), nn.LazyConv2d(4, 3))\n").replace(":build", ":lazy")
    with pytest.raises(InputError, match=r"net\.py: RuntimeError: .*channels"):
        opened(spec)


# Names of weights


def saved(folder, names, **more):
    """Weights of the test's net, its names put through `names`."""
    spec = outside.write_net(folder)
    state = {k: v.clone().add_(1) if v.is_floating_point() else v
             for k, v in opened(spec).model.net.state_dict().items()}
    save_file({**{names(k): v for k, v in state.items()}, **more}, folder / "w.safetensors")
    return outside.write_net(folder, extra='weights = "w.safetensors"'), state


@pytest.mark.parametrize(("names", "told"), [
    (lambda name: f"module.{name}", "module taken out"),
    (lambda name: f"_orig_mod.{name}", "_orig_mod taken out"),
    (lambda name: f"module._orig_mod.{name}", "_orig_mod, module taken out"),
    (lambda name: f"model.{name}", r"prefix 'model\.' taken off"),
    (lambda name: f"net.backbone.{name}", r"prefix 'net\.backbone\.' taken off"),
    (lambda name: f"student.module.{name}", r"module taken out.*prefix 'student\.' taken off"),
    (lambda name: name.replace("gate.", "gate.module.").replace("fc.", "fc._orig_mod."),
     "_orig_mod, module taken out"),
])
def test_prefixes_of_wrappers_are_taken_off_and_told(tmp_path, names, told):
    spec, state = saved(tmp_path, names)
    model = opened(spec).model
    torch.testing.assert_close(dict(model.net.state_dict()), dict(state))
    assert len(model.notes) == 1
    assert found(spec, "note").told.startswith("w.safetensors: ")
    assert re.search(told, model.notes[0])


def test_whole_numbers_are_not_taken_for_a_nets_floats(tmp_path):
    spec, state = saved(tmp_path, lambda name: name)
    save_file({k: v.mul(100).to(torch.int8) for k, v in state.items()}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"w\.safetensors: '\S+' is int8, of the net float32"):
        opened(spec)


def test_a_checkpoint_under_another_name_is_told_and_can_be_converted(tmp_path, capsys):
    spec, state = saved(tmp_path, lambda name: name)
    for old in (False, True):
        torch.save(state, tmp_path / "w.safetensors", _use_new_zipfile_serialization=not old)
        with pytest.raises(InputError, match=r"torch\.save under another name.*--convert \S+w\."):
            opened(spec)
        out = tmp_path / f"{old}.safetensors"
        assert main(["models", "--convert", str(tmp_path / "w.safetensors"), str(out)]) == 0
        torch.testing.assert_close(load_file(out), dict(state))
    assert main(["models", "--convert", str(out), str(tmp_path / "x.safetensors")]) == 2
    assert "is a safetensors file already" in capsys.readouterr().err


def test_a_folder_named_as_weights_is_told(tmp_path):
    saved(tmp_path, lambda name: name)
    spec = outside.write_net(tmp_path, extra='weights = "."')
    with pytest.raises(InputError, match=r"is a folder; name the .* in it: w\.safetensors"):
        opened(spec)


def test_weights_of_a_net_inside_a_wrapper_of_the_users_get_its_prefix(tmp_path):
    saved(tmp_path, lambda name: name)
    spec = outside.write_net(
        tmp_path, extra='weights = "w.safetensors"',
        more="\nclass Outer(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.inner = Net()\n    def forward(self, x):\n        return self.inner(x)\n"
        "\ndef outer():\n    return Outer()\n").replace(":build", ":outer")
    assert opened(spec).model.notes == (
        "w.safetensors: the prefix 'inner.' put before its names",)


def test_what_else_lies_beside_the_weights_is_left_out_and_told(tmp_path):
    spec, _ = saved(tmp_path, lambda name: f"model.{name}", **{"criterion.weight": torch.ones(7)})
    assert opened(spec).model.notes == (
        "w.safetensors: the prefix 'model.' taken off its names",
        "w.safetensors: left out: criterion.weight")


@pytest.mark.parametrize(("names", "more", "told"), [
    (lambda name: f"a.{name}", True, r"does not fit the net: Missing key\(s\) conv\.weight"),
    (lambda name: name.replace("fc", "head"), False, r"Missing key\(s\) fc\.\w+, fc\.\w+; "
     r"Unexpected key\(s\) head\.\w+, head\.\w+$"),
])
def test_names_that_fit_in_no_way_or_in_several_are_refused(tmp_path, names, more, told):
    spec, state = saved(tmp_path, names)
    if more:  # two whole sets, such as a student's and its teacher's
        save_file({f"{p}.{k}": v.clone() for p in "ab" for k, v in state.items()},
                  tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=told) as error:
        opened(spec)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("named", ["w.safetensors.index.json", "w-00002-of-00002.safetensors"])
def test_weights_in_several_files_are_read_by_their_index_or_any_part(tmp_path, named):
    spec, state = saved(tmp_path, lambda name: f"module.{name}")
    whole = load_file(tmp_path / "w.safetensors")
    parts = {f"w-0000{k + 1}-of-00002.safetensors": sorted(whole)[k::2] for k in (0, 1)}
    for part, names in parts.items():
        save_file({name: whole[name] for name in names}, tmp_path / part)
    index = {"weight_map": {name: part for part, names in parts.items() for name in names}}
    (tmp_path / "w.safetensors.index.json").write_text(json.dumps(index))
    outside.describe(tmp_path / "net.py", extra=f'weights = "{named}"')
    torch.testing.assert_close(dict(opened(spec).model.net.state_dict()), dict(state))
    (tmp_path / "w-00001-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match=r"there is no file .*w-00001-of-00002.safetensors"):
        opened(spec)


@pytest.mark.parametrize("index", ["{", "[]", '{"weight_map": {}}',
                                   '{"weight_map": {"a": "../other.safetensors"}}'])
def test_an_index_of_no_files_beside_it_is_told(tmp_path, index):
    (tmp_path / "w.safetensors.index.json").write_text(index)
    spec = outside.write_net(tmp_path, extra='weights = "w.safetensors.index.json"')
    with pytest.raises(InputError, match="is no index of safetensors files beside it"):
        opened(spec)


def test_weights_with_many_thousand_prefixes_are_refused_in_seconds(tmp_path):
    spec, _ = saved(tmp_path, lambda name: name)
    many = {f"layer{k}.{name}": torch.zeros(0) for k in range(20_000) for name in ("weight", "b")}
    save_file(many, tmp_path / "w.safetensors")
    started = time.process_time()
    with pytest.raises(InputError, match="does not fit the net"):
        opened(spec)
    assert time.process_time() - started < 20  # minutes, where each is held against all names


def test_weights_of_other_shapes_name_the_layer(tmp_path):
    spec, state = saved(tmp_path, lambda name: name)
    save_file({**state, "fc.weight": torch.zeros(5, 8)}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"does not fit the net: size mismatch for fc\.weight"):
        opened(spec)


def test_weights_without_batch_norms_counters_or_with_tied_ones_stored_once_are_whole(tmp_path):
    spec, state = saved(tmp_path, lambda name: f"module.{name}")
    save_file({f"module.{k}": v for k, v in state.items() if "num_batches" not in k},
              tmp_path / "w.safetensors")
    torch.testing.assert_close(opened(spec).model.net.fc.weight.data, state["fc.weight"])
    more = ("\ndef tied():\n    net = Net()\n    net.again = nn.Linear(8, 7)\n"
            "    net.again.weight = net.fc.weight\n    net.again.bias = net.fc.bias\n"
            "    return net\n")
    save_file(state, tmp_path / "w.safetensors")
    outside.write_net(tmp_path, extra='weights = "w.safetensors"', more=more)
    opened(spec.replace(":build", ":tied"))


# What a net returns


class Output(OrderedDict):
    __getattr__ = OrderedDict.__getitem__


class Plain:
    def __init__(self, **values):
        self.__dict__.update(values)


LOGITS, FEATURES, MAPS = torch.randn(3, 7), torch.randn(3, 32), torch.randn(3, 8, 4, 4)


@pytest.mark.parametrize("returned", [
    LOGITS, (LOGITS,), [LOGITS, FEATURES], (FEATURES, LOGITS), (MAPS, [FEATURES, LOGITS]),
    {"logits": LOGITS, "features": FEATURES}, {"f": FEATURES, "out": LOGITS},
    {"aux": torch.zeros(3, 7), "logits": LOGITS}, Output(loss=None, logits=LOGITS),
    Plain(logits=LOGITS, hidden=MAPS), Plain(hidden=MAPS, emotion=LOGITS),
    LOGITS[:, :, None, None], (MAPS, LOGITS[:, :, None]), LOGITS[:, None], LOGITS.double(),
    (LOGITS, torch.zeros(3, 7)),
], ids=lambda one: type(one).__name__)
def test_the_logits_are_found_in_what_a_net_returns(returned):
    torch.testing.assert_close(logits_in(returned, 3, 7, "net.py").float(), LOGITS)


def test_for_one_picture_the_batch_may_be_squeezed_away():
    torch.testing.assert_close(logits_in(LOGITS[0], 1, 7, "net.py"), LOGITS[:1])
    with pytest.raises(InputError, match=r"for 3 pictures it must return \(3, 7\)"):
        logits_in(LOGITS[0], 3, 7, "net.py")


@pytest.mark.parametrize(("returned", "told"), [
    (FEATURES[:, :8], r"it returned \(3, 8\): it has 8 outputs, its description 7 classes"),
    (FEATURES, r"it returned \(3, 32\)"),
    ((FEATURES, MAPS), r"returned tuple of \(3, 32\), \(3, 8, 4, 4\): return the logits"),
    ({"f": MAPS}, r"returned dict of f \(3, 8, 4, 4\): return the logits"),
    (None, "it returned NoneType"), ("angry", "it returned str"), ([], "list without a tensor"),
    (LOGITS.argmax(1), r"it returned \(3,\): return the logits"),
    (LOGITS.round().long(), "must return floats, not torch.int64: the logits, before argmax"),
    ({"a": LOGITS, "b": LOGITS + 1}, r"several tensors that could be the logits: a, b; return one"),
], ids=lambda one: None)
def test_what_holds_no_logits_is_told_with_what_to_return(returned, told):
    with pytest.raises(InputError, match=told) as error:
        logits_in(returned, 3, 7, "net.py")
    assert str(error.value).startswith("net.py: ")


# Files of other kinds


@pytest.mark.parametrize(("name", "told"), [
    ("emotion.h5", r"is a Keras .*tf2onnx.* --keras .*emotion\.h5 .*name net\.onnx"),
    ("emotion.hdf5", "is a Keras"), ("emotion.KERAS", "is a Keras"),
    ("emotion.tflite", r"is a TensorFlow Lite .*--tflite"),
    ("graph.pb", r"is a TensorFlow graph.*--graphdef"),
    ("net.torchscript", r"is a TorchScript .*torch\.jit\.load"),
    ("net.ptl", "is a TorchScript"),
    ("net.mlmodel", r"is a Core ML .*torch\.onnx\.export"),
    ("net.engine", "is a TensorRT engine.*name the ONNX"),
    ("net.xml", "is an OpenVINO"), ("net.pdmodel", "is a Paddle"), ("net.caffemodel", "is a Caffe"),
    ("net.pkl", "is a pickle"), ("net.joblib", "is a pickle"),
    ("net.npz", r"is arrays without a net"), ("net.toml", "is the description of a model"),
    ("net.tar.gz", "is an archive; unpack"), ("net.unheardof", "is no kind of model that is known"),
    ("net.pth", r"is a pickle.*iram models --convert .*net\.pth net\.safetensors"),
])
def test_other_formats_are_told_for_what_they_are_and_how_to_come_from_them(tmp_path, name, told):
    path = tmp_path / name
    path.write_bytes(b"\x89HDF\r\n")
    for names in (str(path), f"iram,{path}"):
        with pytest.raises(InputError, match=told):
            open_subjects(names, SEVEN)
    assert main(["models", "--check", str(path)]) == 2
    path.unlink()
    if "unheardof" not in name:
        with pytest.raises(InputError, match=r"there is no file .*" + name):
            open_subjects(str(path), SEVEN)


@pytest.mark.parametrize(("inside", "told"), [
    ("saved_model.pb", "is a TensorFlow SavedModel.*--saved-model"),
    ("config.json", r"a folder of transformers.*from_pretrained"),
])
def test_folders_that_hold_models_are_told_too(tmp_path, inside, told):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / inside).write_text("{}")
    with pytest.raises(InputError, match=told):
        open_subjects(str(tmp_path / "model"), SEVEN)


# Descriptions as editors store them


@pytest.mark.parametrize("kind", ["utf-8-sig", "crlf"])
def test_descriptions_of_windows_are_read(tmp_path, kind):
    spec = outside.write_net(tmp_path)
    text = (tmp_path / "net.toml").read_text()
    data = text.encode("utf-8-sig") if kind == "utf-8-sig" else text.replace("\n", "\r\n").encode()
    (tmp_path / "net.toml").write_bytes(data)
    (tmp_path / "net.py").write_bytes((tmp_path / "net.py").read_text().encode("utf-8-sig"))
    opened(spec)


@pytest.mark.parametrize(("encoding", "told"), [
    ("utf-16", r"net\.toml is stored as UTF-16; store it as UTF-8"),
    ("utf-16-le", r"net\.toml"),
    ("latin-1", r"net\.toml is not UTF-8 \(line 1 is not\)"),
])
def test_descriptions_in_other_encodings_are_told(tmp_path, encoding, told):
    spec = outside.write_net(tmp_path)
    text = "# für Gesichter\n" + (tmp_path / "net.toml").read_text()
    (tmp_path / "net.toml").write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match=told):
        opened(spec)


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


# Nets whose scales are those of the batch


def test_a_torch_net_that_is_quantised_as_it_runs_is_asked_one_picture_at_a_time(tmp_path):
    spec = outside.write_net(tmp_path, more="\ndef dynamic():\n    return torch.ao.quantization."
                             "quantize_dynamic(Net().eval(), {nn.Linear})\n")
    model, _ = load_outside(spec.replace(":build", ":dynamic"))
    x = torch.cat([pictures(3), pictures(1) * 0])
    torch.testing.assert_close(model(x), torch.cat([model(one[None]) for one in x]))
    assert "quantised as it runs" in model.notes[0]
    assert found(spec.replace(":build", ":dynamic"), "batch independence").good
