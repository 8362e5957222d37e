"""Names of weights as users have them: they fit, or one line says what to do."""

import json
import re
import time

import outside
import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.commands.main import main
from analysis.subjects import open_subjects
from analysis.subjects.check import check
from iram.errors import InputError

SEVEN = outside.CLASSES


def opened(spec):
    return open_subjects(str(spec), SEVEN)[0]


def found(spec, what):
    return next(f for f in check(str(spec)) if f.what == what)


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
