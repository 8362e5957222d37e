"""ONNX files: the same answers as the net they hold, whatever their form; and nothing else read."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import outside
import pytest
import torch
from onnx import TensorProto, helper

from analysis.subjects import onnx_file, open_subjects
from analysis.subjects.loading import load_outside
from analysis.subjects.onnx_file import external_files
from analysis.subjects.probe import pictures
from iram.errors import InputError
from iram.extras import install_hint

SEVEN = outside.CLASSES


def opened(path, **options):
    outside.describe(path, None, None, **options)
    return open_subjects(str(path), SEVEN)[0]


@pytest.mark.parametrize(
    "form",
    [
        {}, {"batch": 4}, {"batch": 1}, {"size": 40, "channels": 3}, {"size": 260},
        {"last": True, "channels": 3, "size": 64}, {"external": "weights.bin"},
        {"batch": 0}, {"batch": -1},
    ],
    ids=str,
)
def test_an_onnx_file_answers_as_its_net_whatever_its_form(tmp_path, form):
    weights = outside.write_onnx(tmp_path / "net.onnx", **form)
    subject, images = opened(tmp_path / "net.onnx", extra="mean = 0.5\nstd = 0.25"), pictures(6)
    size, channels = form.get("size", 48), form.get("channels", 1)
    assert (subject.model.size, subject.model.description.channels) == (size, channels)
    x = torch.nn.functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    x = (x.expand(-1, channels, -1, -1) - 0.5) / 0.25
    expected = outside.onnx_oracle(weights, x)
    torch.testing.assert_close(subject.logits(images), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(subject.logits(images[:1]), expected[:1], atol=1e-4, rtol=1e-4)


def test_channels_may_be_last_and_without_a_number():
    last, batch, told = onnx_file._layout("net.onnx", ["N", 48, 48, "C"])
    assert (last, batch, told) == (True, None, {"input_size": 48})
    last, _, told = onnx_file._layout("net.onnx", ["N", 1, 48, "side"])
    assert (last, told) == (False, {"colour": "gray", "input_size": 48})
    assert onnx_file._layout("net.onnx", [-1, -1, 0, 0]) == (False, None, {})


def test_size_and_colour_that_the_file_leaves_open_must_be_described(tmp_path):
    path = tmp_path / "net.onnx"
    outside.write_onnx(path, size="side")
    with pytest.raises(InputError, match="lacks input_size"):
        opened(path)
    outside.describe(path, 56, None)
    assert open_subjects(str(path), SEVEN)[0].model.size == 56
    outside.describe(path, 56, "rgb")
    with pytest.raises(InputError, match=r"colour is 'rgb', but net.onnx itself takes 'gray'"):
        open_subjects(str(path), SEVEN)


def test_a_file_that_tells_no_shape_takes_what_its_description_says(tmp_path):
    path = tmp_path / "net.onnx"
    weights = outside.write_onnx(path)
    model = onnx.load_model(str(path))
    for told in (model.graph.input[0], model.graph.output[0]):
        told.type.tensor_type.ClearField("shape")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"net\.toml lacks input_size .*; colour"):
        opened(path)
    outside.describe(path, 56, "gray")
    subject = open_subjects(str(path), SEVEN)[0]
    seen = subject.model.prepared(pictures(3))
    torch.testing.assert_close(subject.logits(pictures(3)), outside.onnx_oracle(weights, seen),
                               atol=1e-4, rtol=1e-4)


def test_threads_may_share_a_session(tmp_path):
    outside.write_onnx(tmp_path / "net.onnx")
    subject, parts = opened(tmp_path / "net.onnx"), pictures(32).split(4)
    alone = [subject.logits(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for found, expected in zip(pool.map(subject.logits, parts), alone, strict=True):
            torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT32, TensorProto.INT64])
@pytest.mark.parametrize("last", [False, True])
def test_a_file_that_takes_whole_numbers_gets_0_to_255(tmp_path, kind, last):
    weights = outside.write_onnx(tmp_path / "net.onnx", kind=kind, last=last)
    expected = outside.onnx_oracle(weights, (255 * pictures(3)).round())
    torch.testing.assert_close(opened(tmp_path / "net.onnx").logits(pictures(3)), expected,
                               rtol=1e-4, atol=1e-3)
    with pytest.raises(InputError, match=r"std is 1, but net.onnx itself takes 0.0039215686"):
        opened(tmp_path / "net.onnx", extra="std = 1")


def test_it_says_what_an_onnx_file_cannot_do(tmp_path):
    outside.write_onnx(tmp_path / "net.onnx")
    assert opened(tmp_path / "net.onnx").model.lacks.keys() == {
        "gradients", "layers", "attention", "weights"}


def test_it_is_known_by_its_bytes_and_those_of_its_weights(tmp_path):
    path, known = tmp_path / "net.onnx", set()
    for seed in (0, 1):
        outside.write_onnx(path, external="weights.bin", seed=seed)
        outside.describe(path, None, None)
        known.add(load_outside(str(path))[1])
        (tmp_path / "weights.bin").unlink()
    outside.write_onnx(path, seed=1)
    assert load_outside(str(path))[1] not in known
    assert len(known) == 2


def pointed(path, location: str) -> None:
    """Makes an ONNX file take its weights from another place."""
    outside.write_onnx(path, external="weights.bin")
    model = onnx.load_model(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        tensor.external_data[0].value = location
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    "location", ["../secret.bin", "sub/../../secret.bin", "ABSOLUTE", "link.bin"]
)
def test_weights_outside_the_files_own_folder_are_not_opened(tmp_path, location):
    folder = tmp_path / "model"
    folder.mkdir()
    pointed(folder / "net.onnx", location.replace("ABSOLUTE", str(tmp_path / "secret.bin")))
    shutil.copy(folder / "weights.bin", tmp_path / "secret.bin")
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(InputError, match="outside its own folder; such a file is not opened"):
        opened(folder / "net.onnx")


def test_weights_in_the_inner_graphs_of_a_file_are_looked_for_too(tmp_path):
    pointed(tmp_path / "net.onnx", "../secret.bin")
    inner = onnx.load_model(str(tmp_path / "net.onnx"), load_external_data=False).graph
    node = helper.make_node("If", ["yes"], ["out"], then_branch=inner, else_branch=inner)
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    graph = helper.make_graph([node], "outer", [], inner.output, [yes])
    (tmp_path / "outer.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(InputError, match=r"takes weights from \.\./secret\.bin, outside"):
        external_files(tmp_path / "outer.onnx")


def test_weights_that_are_not_there_are_named(tmp_path):
    pointed(tmp_path / "net.onnx", "gone.bin")
    with pytest.raises(InputError, match=r"takes weights from gone\.bin, which is not beside it"):
        opened(tmp_path / "net.onnx")


def model_of(inputs, outputs, nodes, **values):
    kinds = {"pictures": (TensorProto.FLOAT, ["N", 1, 48, 48]), **values}
    info = [[helper.make_tensor_value_info(n, *kinds[n]) for n in names]
            for names in (inputs, outputs)]
    graph = helper.make_graph([helper.make_node(*node) for node in nodes], "net", *info)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (model_of(["pictures", "other"], ["y"], [("Add", ["pictures", "other"], ["y"])],
                  other=(1, ["N", 1, 48, 48]), y=(1, ["N", 1, 48, 48])), "takes 2 inputs"),
        (model_of(["pictures"], ["y"], [("Neg", ["pictures"], ["y"])], y=(1, ["N", 1, 48, 48])),
         r"no output of \(N, 7\) for its 7 classes; there is y"),
        (model_of(["pictures"], ["y"], [("Flatten", ["pictures"], ["y"])], y=(1, ["N", 5])),
         r"it returned \(3, 2304\)"),
        (model_of(["pictures"], ["y"], [("Neg", ["pictures"], ["y"])], pictures=(1, ["N", 1, 9]),
                  y=(1, ["N", 1, 9])), r"a classifier of faces takes \(N, C, H, W\)"),
        (model_of(["pictures"], ["y"], [("Neg", ["pictures"], ["y"])],
                  pictures=(1, ["N", 4, 48, 48]), y=(1, ["N", 4, 48, 48])), "of 4 channels"),
        (model_of(["pictures"], ["y"], [("Neg", ["pictures"], ["y"])],
                  pictures=(1, ["N", 1, 48, 40]), y=(1, ["N", 1, 48, 40])), "squares can be"),
        (model_of(["pictures"], ["y"], [("Neg", ["pictures"], ["y"])],
                  pictures=(3, ["N", 1, 48, 48]), y=(3, ["N", 1, 48, 48])), r"takes tensor\(int8"),
        (model_of(["pictures"], ["y"], [("NoSuchThing", ["pictures"], ["y"])],
                  y=(1, ["N", 7])), "onnxruntime cannot run"),
    ],
)
def test_a_file_that_is_no_classifier_of_faces_is_told(tmp_path, model, told):
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=told):
        opened(tmp_path / "net.onnx")


@pytest.mark.parametrize("data", [b"", b"not ONNX at all", b"\x08"])
def test_a_damaged_file_is_told(tmp_path, data):
    (tmp_path / "net.onnx").write_bytes(data)
    with pytest.raises(InputError, match="is no whole ONNX file"):
        opened(tmp_path / "net.onnx")


def test_what_to_install_is_told_where_onnx_is_missing(tmp_path, monkeypatch):
    outside.write_onnx(tmp_path / "net.onnx")
    for missing in ("onnx", "onnxruntime"):
        with monkeypatch.context() as context:
            context.setitem(__import__("sys").modules, missing, None)
            with pytest.raises(InputError, match=re.escape(install_hint("onnx"))):
                opened(tmp_path / "net.onnx")
    assert onnx_file.TYPES["tensor(float)"] is np.float32


def test_logits_may_have_further_axes_of_size_1(tmp_path):
    made = [helper.make_node("ReduceMean", ["pictures"], ["m"], axes=[2, 3], keepdims=1),
            helper.make_node("Concat", ["m"] * 7, ["y"], axis=1)]
    graph = helper.make_graph(made, "net", *(
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])]
        for name, shape in (("pictures", [1, 48, 48]), ("y", [7, 1, 1]))))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    torch.testing.assert_close(opened(tmp_path / "net.onnx").logits(pictures(3)),
                               pictures(3).mean((2, 3)).expand(-1, 7))


def write_two(path, first, second):
    """A file whose first output is the softmax of its second."""
    outside.write_onnx(path)
    model = onnx.load_model(str(path))
    model.graph.node[-1].output[0] = second
    model.graph.node.append(helper.make_node("Softmax", [second], [first], axis=1))
    model.graph.output[0].name = second
    info = helper.make_tensor_value_info(first, TensorProto.FLOAT, ["N", 7])
    model.graph.output.insert(0, info)
    path.write_bytes(model.SerializeToString())


def test_of_several_outputs_that_fit_the_one_called_logits_is_taken_or_the_first(tmp_path):
    path = tmp_path / "net.onnx"
    write_two(path, "probs", "y")
    by_place = opened(path, extra='output = "probabilities"')
    assert by_place.model.notes == ("probs, y could all be its output: the first of them is taken",)
    write_two(path, "probs", "Logits")
    by_name = opened(path)
    assert by_name.model.notes == ()
    torch.testing.assert_close(by_name.logits(pictures(2)).log_softmax(1),
                               by_place.logits(pictures(2)).log_softmax(1))
    write_two(path, "scores", "logits")
    assert opened(path).model.net.output == "logits"


def test_answers_of_its_first_output_are_known_as_others_than_those_of_its_logits(
    tmp_path, monkeypatch
):
    path = tmp_path / "net.onnx"
    write_two(path, "probs", "logits")
    outside.describe(path, None, None)
    known = load_outside(str(path))[1]
    monkeypatch.setattr(onnx_file, "chosen_of_file", lambda fits, kind: (fits[0], []))
    assert load_outside(str(path))[1] != known


def test_half_precision_and_probabilities_are_taken_as_they_are(tmp_path):
    nodes = [("ReduceMean", ["pictures"], ["m"]), ("Concat", ["m"] * 7, ["c"]),
             ("Softmax", ["c"], ["y"])]
    made = [helper.make_node(*nodes[0], axes=[2, 3], keepdims=0),
            helper.make_node(*nodes[1], axis=1), helper.make_node(*nodes[2], axis=1)]
    kind = TensorProto.FLOAT16
    graph = helper.make_graph(
        made, "net", [helper.make_tensor_value_info("pictures", kind, ["N", 1, 48, 48])],
        [helper.make_tensor_value_info("y", kind, ["N", 7])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    subject = opened(tmp_path / "net.onnx", extra='output = "probabilities"')
    torch.testing.assert_close(subject.logits(pictures(2)).softmax(1), torch.full((2, 7), 1 / 7),
                               atol=1e-3, rtol=0)
