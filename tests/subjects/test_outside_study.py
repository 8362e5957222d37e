"""The study of models from outside: every command that takes --models."""

import json

import outside
import pandas as pd
import pytest
import tiny
import torch
from sources import write_pictures

from analysis.commands.main import main
from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.shift.plan import ShiftStudy
from analysis.studies.shift.readers import open_readers, readable
from analysis.subjects import open_model, open_study
from analysis.subjects.probe import pictures
from iram import open_dataset
from iram.data.classes import match_classes
from iram.errors import InputError

pytestmark = pytest.mark.exhaustive

DATA = "heads:n=70"  # 14 test heads
FEW = ["--reference", "2", "--curves", "2", "--pairs", "2", "--sanity", "2"]
ATTENTION = '[attention]\nlayers = ["gate"]'
EIGHT = (*outside.CLASSES, "contempt")


def lines_of(capsys) -> str:
    return capsys.readouterr().out


@pytest.fixture
def onnx_file(tmp_path) -> str:
    outside.write_onnx(tmp_path / "file.onnx")
    outside.describe(tmp_path / "file.onnx", None, None)
    return str(tmp_path / "file.onnx")


def test_the_benchmark_holds_the_models_answers_and_finds_them_again(tmp_path, onnx_file, capsys):
    classes = ("Neutral", "Happiness", "Surprise", "Sadness", "Anger", "Disgust", "Fear")
    spec = outside.write_net(tmp_path, 64, classes=classes)
    command = ["bench", "--data", DATA, "--models", f"{spec},{onnx_file}", "--conditions",
               "eyes-0.3-mean", "--batch-size", "16", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    told = lines_of(capsys)
    assert f"net-build: {spec}, 64 px rgb, 7 classes, logits; its description names no at" in told
    assert "file: " in told
    assert "onnxruntime gives no gradients" in told
    faces = open_dataset(DATA, split="test")
    for name, one in (("net-build", spec), ("file", onnx_file)):
        rows = pd.read_parquet(tmp_path / "out" / "rows" / f"{name}--clean.parquet")
        model = open_model(one)
        with torch.no_grad():
            columns = match_classes(faces.classes, model.classes)
            logits = model(faces.images(slice(None)))[:, columns]
        assert rows["prediction"].tolist() == logits.argmax(1).tolist()
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "rows").iterdir()}
    assert main(command) == 0
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "rows").iterdir()}
    outside.write_net(tmp_path, 64, classes=classes, extra="mean = 0.1")
    assert main(command) == 0
    changed = {p.name for p in before if p.stat().st_mtime_ns != before[p]}
    assert changed == {"net-build--clean.parquet", "net-build--eyes-0.3-mean.parquet"}


def test_a_wrong_model_ends_the_command_with_its_message_alone(tmp_path, capsys):
    spec = outside.write_net(tmp_path, result="1 / 0")
    assert main(["bench", "--data", DATA, "--models", spec, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told == f"iram: {tmp_path}/net.py, line 22: ZeroDivisionError: division by zero\n"
    assert not (tmp_path / "out").exists()


def test_faces_of_classes_that_a_model_lacks_are_left_out_and_counted(tmp_path, capsys):
    data = tiny.dataset(40, classes=EIGHT)
    few = outside.write_net(tmp_path, classes=("joy", "anger", "sadness", "calm", "bored"))
    whole = outside.write_net(tmp_path, classes=EIGHT, name="whole")
    subjects, faces = open_study(f"{few},{whole}", data)
    assert faces.classes == ("angry", "happy", "sad", "neutral")
    told = lines_of(capsys)
    for line in ("left out: 5 faces of 'contempt', a class that net-build lacks",
                 "left out: 5 faces of 'fear', a class that net-build lacks",
                 "shown: the 20 faces of angry, happy, sad, neutral",
                 "net-build: its logits of bored are dropped; no face shown is of such a class",
                 "whole-build: its logits of disgust, fear, surprise, contempt are"):
        assert line in told
    kept = [i for i in range(40) if EIGHT[data.labels[i]] in faces.classes]
    torch.testing.assert_close(faces.images(slice(None)), data.images(kept))
    assert [faces.classes[i] for i in faces.labels] == [EIGHT[data.labels[i]] for i in kept]
    own = subjects[1].model(faces.images(slice(0, 3)))
    assert torch.equal(subjects[1].logits(faces.images(slice(0, 3))), own[:, [0, 3, 4, 6]].detach())


def test_votes_for_classes_that_stay_sum_to_1():
    data = tiny.dataset(8, classes=("angry", "happy", "sad", "contempt"))
    data.distribution = torch.tensor([[0.2, 0.3, 0.1, 0.4]] * 8).numpy()
    part = data.of_classes(("happy", "angry"))
    assert part.labels.tolist() == [1, 0, 1, 0]
    assert part.distribution[0] == pytest.approx([0.6, 0.4])


def test_a_description_may_map_classes_that_no_synonym_knows(tmp_path):
    names = ("sourire", "triste")
    data = tiny.dataset(20, classes=("happy", "sad"))
    spec = outside.write_net(tmp_path, classes=names)
    with pytest.raises(InputError, match=r"fewer than 2 of them .*net-build: sourire, triste.*map"):
        open_study(spec, data)
    extra = '[mapping]\nsourire = "happiness"\ntriste = "sadness"'
    subjects, faces = open_study(outside.write_net(tmp_path, classes=names, extra=extra), data)
    assert len(faces) == 20
    assert subjects[0].columns.tolist() == [0, 1]


def test_our_own_models_leave_out_faces_too(tmp_path, capsys):
    data = tiny.dataset(16, classes=EIGHT)
    subjects, faces = open_study(str(tiny.weights(tmp_path, "none")), data)
    assert len(faces) == 14
    assert "left out: 2 faces of 'contempt', a class that none-seed0 lacks" in lines_of(capsys)
    assert subjects[0].logits(faces.images([0])).shape == (1, 7)


def test_attribution_skips_what_an_onnx_file_lacks_and_runs_the_rest(tmp_path, onnx_file, capsys):
    out = tmp_path / "out"
    command = ["attribute", "--data", DATA, "--models", onnx_file, "--methods",
               "gradcam,saliency,attention,feature_ablation,sobel", "--limit", "8", *FEW,
               "--out", str(out)]
    assert main(command) == 0
    told = lines_of(capsys)
    before_the_run = told[: told.index("dear methods")]
    for line in ("file: skipped attention: no layer of an ONNX file can be read",
                 "file: skipped saliency: onnxruntime gives no gradients",
                 "file: no test of sanity by randomised weights"):
        assert line in before_the_run
    table = pd.read_csv(out / "faithfulness.csv")
    assert set(table["method"]) == {"feature_ablation", "sobel"}
    assert json.loads((out / "run.json").read_text())["methods"] == {
        "file": ["feature_ablation", "sobel"]}
    assert main([*command[:6], "gradcam", *command[7:-1], str(tmp_path / "none")]) == 2


def test_attribution_of_a_net_from_outside_runs_all_families(tmp_path):
    spec = outside.write_net(tmp_path, extra=ATTENTION)
    out = tmp_path / "out"
    assert main(["attribute", "--data", DATA, "--models", spec, "--methods",
                 "attention,gradcam,deeplift,saliency", "--limit", "6", *FEW, "--out",
                 str(out)]) == 0
    table = pd.read_csv(out / "sanity.csv")
    assert set(table["method"]) == {"attention", "gradcam", "deeplift", "saliency"}
    assert set(table["layer"]) >= {"net.conv", "net.gate.0", "net.fc"}


def test_a_picture_is_explained_by_models_from_outside(tmp_path, onnx_file, capsys):
    [face] = write_pictures(tmp_path, ["face.png"]).glob("*.png")
    spec = outside.write_net(tmp_path, 112, extra=ATTENTION)
    for methods in ([], ["--methods", "attention,occlusion"]):
        out = tmp_path / f"panel{len(methods)}.png"
        command = ["explain", str(face), "--models", f"{spec},{onnx_file}", "--out", str(out)]
        assert main([*command, *methods]) == 0
        assert out.stat().st_size > 5000
    assert "file                     skipped attention: no layer of an" in lines_of(capsys)


def test_photographs_are_explained_by_models_from_outside_beside_ours(tmp_path, onnx_file):
    write_pictures(tmp_path, ["faces/one.png"])
    spec = outside.write_net(tmp_path, 40, classes=("Happiness", "Sadness", "Anger"))
    models = f"{spec},{onnx_file},{tiny.weights(tmp_path, 'iram')}"
    out = tmp_path / "out"
    assert main(["explain", str(tmp_path / "faces"), "--faces", "whole", "--models", models,
                 "--out", str(out)]) == 0
    table = pd.read_csv(out / "faces.csv").set_index("model")
    assert table.loc["net-build", ["p_happy", "p_sad", "p_angry"]].sum() == pytest.approx(1)
    assert table.loc["net-build", ["p_fear"]].isna().all()
    assert table.filter(like="shapley_").notna().all(axis=None)


def test_the_shift_of_a_net_with_attention_of_its_own(tmp_path, onnx_file, capsys):
    more = "\n\ndef plain():\n    net = Net()\n    net.gate = nn.Identity()\n    return net\n"
    extra = "[plain]\nname = 'none'\n[build]\nname = 'own'\n[build.attention]\nlayers = ['gate']"
    spec = outside.write_net(tmp_path, more=more, extra=extra)
    models = f"{spec},{spec.replace(':build', ':plain')},{onnx_file}"
    out = tmp_path / "out"
    assert main(["shift", "--data", DATA, "--models", models, "--conditions",
                 "eyes-0.3-noise,sham-0.3-noise", "--out", str(out)]) == 0
    told = lines_of(capsys)
    assert "file: left out, since neither attention nor activation can be read of it" in told
    verdicts = pd.read_csv(out / "verdicts.csv")
    assert set(verdicts["model"]) == {"own"}
    causes = pd.read_csv(out / "interventions.csv")
    own = causes[(causes["model"] == "own") & (causes["outcome"] == "margin")]
    assert {"clean", "uniform", "shuffled"} <= set(own["intervention"])
    assert (own.loc[own["intervention"] == "shuffled", "value"].abs() > 0).any()
    table = pd.read_csv(out / "shift.csv")
    assert {"own", "own-permuted-weights", "none"} == set(table["model"])
    assert set(table.loc[table["model"] == "none", "row"]) == {"twin"}


def test_attention_that_cannot_be_replaced_is_read_all_the_same(tmp_path):
    more = ("\n\nclass Idle(Net):\n    def forward(self, x):\n        y = self.features(x)\n"
            "        self.gate(y)\n        return self.fc(y.mean((2, 3)))\n\n\n"
            "def build():\n    return Idle()\n")
    faces = tiny.dataset(6)
    spec = outside.write_net(tmp_path, more=more, extra=ATTENTION)
    subjects, told = readable(open_study(spec, faces)[0])
    assert "net-build: its attention is read but not replaced: replacing the map" in told[0]
    study = ShiftStudy(planned(subjects, faces, tmp_path / "out"), open_readers(subjects, faces))
    eyes = Condition("eyes", 0.3, "noise")
    assert [study.replaces(reader, eyes) for reader in study.readers] == [False, False]
    assert study.readers[0].read(faces.images([0, 1])).layers[0].map.shape == (2, 32, 32)


def planned(subjects, faces, out) -> Benchmark:
    return Benchmark(subjects, faces, [Condition("eyes", 0.3, "noise")], out)


def test_without_any_attention_the_shift_says_so_before_it_runs(tmp_path, onnx_file, capsys):
    assert main(["shift", "--data", DATA, "--models", onnx_file, "--out", str(tmp_path / "o")]) == 2
    assert "none has attention whose shift could be measured" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def rows(told: str) -> dict[str, str]:
    """{trial: yes or no} of what --check prints."""
    lines = [line for line in told.splitlines() if line.startswith("  ")]
    return {line[7:31].strip(): line[2:7].strip() for line in lines}


def test_check_tries_everything_and_says_what_will_work(tmp_path, onnx_file, capsys):
    spec = outside.write_net(tmp_path, extra=ATTENTION)
    assert main(["models", "--check", spec]) == 0
    assert set(rows(lines_of(capsys)).values()) == {"yes"}
    assert main(["models", "--check", onnx_file]) == 0
    found = rows(lines_of(capsys))
    assert found["forward"] == found["maps: regional"] == found["maps: occlusion"] == "yes"
    assert found["gradients"] == found["layers"] == found["maps: cams"] == found["weights"] == "no"


def test_check_of_our_own_weights(tmp_path, capsys):
    assert main(["models", "--check", str(tiny.weights(tmp_path, "iram"))]) == 0
    found = rows(lines_of(capsys))
    assert set(found.values()) == {"yes"}
    assert {"attention", "interventions", "maps: shapley"} <= set(found)


@pytest.mark.parametrize(
    ("result", "trial"),
    [
        ("self.fc(nn.functional.dropout(x.mean((2, 3))))", "determinism"),
        ("self.fc((20 * (x - x.mean(0))).square().mean((2, 3)))", "batch independence"),
        ("self.fc(x.mean((2, 3))) / 0", "finite"),
        ("self.fc(x.mean((2, 3)))[:, :3]", "forward"),
        ("self.fc(x.mean((2, 3))).softmax(1)", "outputs"),
    ],
)
def test_check_fails_where_a_study_would_not_take_the_model(tmp_path, capsys, result, trial):
    assert main(["models", "--check", outside.write_net(tmp_path, result=result)]) == 2
    assert rows(lines_of(capsys))[trial] == "no"


def test_check_finds_a_factory_whose_weights_differ_from_call_to_call(tmp_path, capsys):
    more = ("\nimport os\n\n\ndef build():\n    net = Net()\n"
            "    net.fc.bias.data.fill_(ord(os.urandom(1)))\n    return net\n")
    spec = outside.write_net(tmp_path, more=more)
    assert main(["models", "--check", spec]) == 2
    assert rows(lines_of(capsys))["factory"] == "no"


def test_examining_a_model_leaves_no_hook_and_no_gradient(tmp_path):
    model = open_model(outside.write_net(tmp_path, extra=ATTENTION))
    model.trace(pictures(2))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
