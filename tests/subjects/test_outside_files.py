"""Opening models from outside by their files: Python files, pickles, and what they are known by."""

import os
import pickle

import outside
import pytest
import torch
from safetensors.torch import save_file

from analysis.commands.main import main
from analysis.subjects import open_subjects
from analysis.subjects.loading import is_outside, load_outside
from analysis.subjects.probe import pictures
from analysis.subjects.python_file import defined, sources
from iram.errors import InputError

SEVEN = outside.CLASSES
OWN_KIND = "class Own(Exception):\n    def __str__(self):\n        return 5\n"


def opened(spec):
    return open_subjects(str(spec), SEVEN)[0]


@pytest.mark.parametrize("suffix", ["pt", "pth", "bin", "ckpt", "pkl", "PTH"])
def test_pickles_are_refused_unopened_and_the_way_out_is_told(tmp_path, suffix):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / f"net.{suffix}"
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(InputError, match=r"is a pickle.*any code.*safetensors.*torch\.onnx\.ex"):
        open_subjects(str(path), SEVEN)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_named_as_weights_is_refused_too(tmp_path):
    spec = outside.write_net(tmp_path, extra='weights = "net.pth"')
    torch.save({}, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"only \.safetensors files are read; write one by"):
        opened(spec)


def test_names_without_a_file_of_another_kind_stay_with_the_shipped_weights():
    assert not is_outside("iram")
    assert not is_outside("some/weights.safetensors")
    with pytest.raises(InputError, match=r"unknown model 'iramm' .did you mean 'iram'"):
        opened("iramm")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("absent.py:build", "there is no file .*absent.py"),
        ("absent.onnx", "there is no file"),
        ("absent.pt2", "there is no file"),
        ("net.py", r"name what returns the model, as net.py:NAME; it defines Net, build"),
        ("net.py:bild", "unknown factory 'bild' .did you mean 'build'.*known: Net, build"),
        ("net.py:", "unknown factory ''"),
    ],
)
def test_a_wrong_file_or_factory_is_told_with_what_there_is(tmp_path, spec, told):
    outside.write_net(tmp_path)
    with pytest.raises(InputError, match=told):
        opened(tmp_path / spec)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def build():\n    return 1 / 0\n", r"net\.py, line 2: ZeroDivisionError: division by"),
        ("import nosuchpackage\n", r"net\.py, line 1: ModuleNotFoundError: No module named 'nosu"),
        ("def build(:\n", r"net\.py, line 1: SyntaxError"),
        ("import sys\nsys.exit(4)\n", r"net\.py, line 2: SystemExit: 4; the file ends itself, as a "
         r"script .*: put what is not needed for the model under"),
        (OWN_KIND + "raise Own\n", r"net\.py, line 4: Own$"),
        (OWN_KIND + "Own.__str__ = lambda self: 1 / 0\nraise Own\n", r"net\.py, line 5: Own$"),
        (OWN_KIND + "def build():\n    raise Own\n", r"net\.py, line 5: Own$"),
        ("class Own(Exception):\n    name = 5\nraise Own('x')\n", r"net\.py, line 3: Own: x$"),
        ("raise GeneratorExit\n", r"net\.py, line 1: GeneratorExit$"),
        ("def build():\n    raise GeneratorExit('x')\n", r"net\.py, line 2: GeneratorExit: x$"),
        ("from helper import build\n", r"helper\.py, line 2: KeyError: 'absent'"),
        ("def build(width):\n    pass\n", r"net\.py: TypeError: build\(\) missing 1 required"),
        ("def build():\n    return 7\n", "returned a int; it must return a torch.nn.Module"),
        ("build = 7\n", "unknown factory 'build'"),
    ],
)
def test_errors_in_the_users_code_name_file_line_and_exception(tmp_path, capsys, code, told):
    (tmp_path / "net.py").write_text(code)
    (tmp_path / "helper.py").write_text("table = {}\ntable['absent']\n")
    outside.describe(tmp_path / "net.py")
    spec = f"{tmp_path}/net.py:build"
    with pytest.raises(InputError, match=told):
        opened(spec)
    assert main(["models", "--check", spec]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_file_in_utf16_is_told(tmp_path):
    (tmp_path / "net.py").write_text("def build(): ...\n", encoding="utf-16")
    with pytest.raises(InputError, match=r"net\.py is no text .*: save it as UTF-8"):
        opened(f"{tmp_path}/net.py:build")


def test_weights_are_put_in_and_those_of_another_net_are_refused(tmp_path):
    spec = outside.write_net(tmp_path, extra='weights = "net.safetensors"')
    plain = outside.write_net(tmp_path, name="plain")
    with pytest.raises(InputError, match=r"there is no file .*net.safetensors"):
        opened(spec)
    state = opened(plain).model.net.state_dict()
    save_file({k: v * 2 if v.is_floating_point() else v for k, v in state.items()},
              tmp_path / "net.safetensors")
    torch.testing.assert_close(opened(spec).model.net.fc.bias, state["fc.bias"] * 2)
    save_file({"fc.bias": torch.zeros(7)}, tmp_path / "net.safetensors")
    with pytest.raises(InputError, match=r"does not fit the net: .*Missing key"):
        opened(spec)
    (tmp_path / "net.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{")
    with pytest.raises(InputError, match="is not a whole safetensors file"):
        opened(spec)


def test_random_weights_come_from_the_seed_alone_and_leave_the_global_generator(tmp_path):
    spec = outside.write_net(tmp_path)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = load_outside(spec)[1]
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert load_outside(spec)[1] == first
    outside.write_net(tmp_path, extra="seed = 1")
    assert load_outside(spec)[1] != first


def test_what_a_model_is_known_by_follows_weights_source_helper_and_description(tmp_path):
    (tmp_path / "helper.py").write_text("import inner\nSCALE = 1.0\n")
    (tmp_path / "inner.py").write_text("")
    more = "\nimport helper\n"
    spec = outside.write_net(tmp_path, more=more)
    known = {load_outside(spec)[1]}
    for change in (lambda: outside.write_net(tmp_path, more=more + "# other\n"),
                   lambda: (tmp_path / "helper.py").write_text("import inner\nSCALE = 2.0\n"),
                   lambda: (tmp_path / "inner.py").write_text("A = 1\n"),
                   lambda: outside.write_net(tmp_path, more=more, extra="mean = 0.5"),
                   lambda: outside.write_net(tmp_path, more=more, classes=SEVEN[::-1]),
                   lambda: outside.write_net(tmp_path, size=48, more=more)):
        change()
        known.add(load_outside(spec)[1])
    assert len(known) == 7
    (tmp_path / "unrelated.py").write_text("")
    assert load_outside(spec)[1] in known


def test_sources_are_those_beside_the_file_that_it_imports(tmp_path):
    (tmp_path / "part").mkdir()
    for name in ("net", "a", "b", "part/__init__", "part/c", "unused"):
        (tmp_path / f"{name}.py").write_text("")
    (tmp_path / "net.py").write_text("import os, json.decoder\nfrom a import x\n"
                                     "def f():\n    from part.c import y\n")
    (tmp_path / "a.py").write_text("from . import b\nimport net\n")
    names = ["net.py", "a.py", "b.py", "part/__init__.py", "part/c.py"]
    assert sorted(sources(tmp_path / "net.py")) == sorted(names)
    assert defined(tmp_path / "net.py") == ["f"]


def test_neighbours_of_the_same_name_do_not_get_in_each_others_way(tmp_path):
    answers = []
    for name, scale in (("one", 1.0), ("two", 3.0)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "scale.py").write_text(f"SCALE = {scale}\n")
        more = "\nfrom scale import SCALE\n"
        spec = outside.write_net(folder, name=name, more=more, result=f"SCALE * {outside.RESULT}")
        answers.append(opened(spec).logits(pictures(2)))
    torch.testing.assert_close(answers[1], answers[0] * 3)


def test_a_model_that_has_changed_since_is_not_read_again_in_silence(tmp_path):
    spec = outside.write_net(tmp_path)
    subject = pickle.loads(pickle.dumps(opened(spec)))
    torch.testing.assert_close(subject.logits(pictures(2)), opened(spec).logits(pictures(2)))
    subject = pickle.loads(pickle.dumps(subject))
    outside.write_net(tmp_path, more="\n# other\n")
    with pytest.raises(InputError, match="has changed since it was opened"):
        subject.logits(pictures(2))


def test_our_own_weights_without_their_card_say_where_others_go(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "net.safetensors")
    with pytest.raises(InputError, match=r"has no card net.json .*go into FILE\.py:factory"):
        opened(tmp_path / "net.safetensors")


@pytest.mark.parametrize("where", ["W = open('w.txt').read()", "def made():\n    open('w.txt')"])
def test_a_file_beside_the_model_that_is_sought_elsewhere_is_told(tmp_path, monkeypatch, where):
    spec = outside.write_net(tmp_path, more=f"\n\n{where}\n").replace("build", "made")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "w.txt").write_text("1")
    with pytest.raises(InputError, match="it lies beside the model's file: open it by Path"):
        load_outside(spec)
    (tmp_path / "w.txt").unlink()
    with pytest.raises(InputError, match=r"No such file or directory: 'w\.txt'$"):
        load_outside(spec)
