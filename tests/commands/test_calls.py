"""The studies from Python: what each argument may be, and what is told of a wrong one."""

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from torch import nn

import analysis
import iram
from analysis import Condition, Result, Subject, attribution_suite, benchmark, shift
from analysis.commands.main import main
from iram import FaceDataset, InputError, dtype, load_model
from iram.architecture import FER2013_CLASSES

ROOT = Path(__file__).parents[2]
QUIET = {"progress": False, "placement": "mean"}
SMALL = {"reference": 2, "curves": 2, "pairs": 2, "sanity": 1, **QUIET}
EXAMPLES = ("analysis.attributions.base", "analysis.studies.calls", "analysis.subjects.subject",
            "iram.data.dataset", "iram.data.specs", "iram.model", "iram.weights")

pytestmark = pytest.mark.usefixtures("undrawn")


class Mean(nn.Module):
    """Logits by the mean grays of seven strips."""

    def forward(self, x):
        return nn.functional.adaptive_avg_pool2d(x, (7, 1))[:, 0, :, 0] * 8


def faces(n=8):
    known = tiny.dataset(n)
    return FaceDataset.of(known.images(slice(None)), known.labels, FER2013_CLASSES, name="mine")


def strips(name="strips"):
    return Subject.of(Mean(), classes=FER2013_CLASSES, size=48, name=name)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return str(tiny.weights(tmp_path_factory.mktemp("weights"), "iram"))


def bench(data=None, models=None, conditions="eyes-0.3-mean", **options):
    models = strips() if models is None else models
    return benchmark(data or faces(), models, conditions, **{"batch_size": 4, **QUIET, **options})


def test_a_net_and_faces_in_memory_are_measured_in_a_folder_of_its_own():
    result = bench()
    assert isinstance(result, Result)
    assert result.made == 2  # clean, and eyes covered
    summary = result.tables["summary"]
    assert set(summary["model"]) == {"strips"}
    assert set(summary["dataset"]) == {"mine"}
    assert (result.plan.out / "summary.csv").is_file()
    assert "mine: 8 faces" in result.report()
    assert bench().plan.out != result.plan.out


def test_the_same_call_again_finds_what_was_made_and_another_net_does_not(tmp_path):
    first = bench(out=tmp_path)
    again = bench(out=str(tmp_path))
    assert (first.made, again.made) == (2, 0)
    assert again.tables["summary"].equals(first.tables["summary"])
    assert bench(models=[strips(), strips("other")], out=tmp_path).made == 2


@pytest.mark.parametrize("conditions", [
    "eyes-0.3-mean,jpeg-3", ["eyes-0.3-mean", "jpeg-3"],
    [Condition("eyes", 0.3, "mean"), "jpeg-3"],
    (Condition("eyes", 0.3, "mean"), Condition(corruption="jpeg", severity=3)),
], ids=["text", "texts", "mixed", "objects"])
def test_conditions_are_text_objects_or_both(conditions):
    names = [c.name for c in bench(conditions=conditions).plan.conditions]
    assert names == ["clean", "eyes-0.3-mean", "jpeg-3"]


def test_models_are_names_files_subjects_modules_or_several(weights):
    result = bench(models=[weights, strips(), load_model("none")])
    assert [s.name for s in result.plan.subjects] == ["iram-seed0", "strips", "none-seed0"]


def test_a_specification_is_its_test_split_and_a_data_set_all_of_it():
    assert len(bench("heads:n=20,size=48", limit=3).plan.dataset) == 3
    with pytest.raises(InputError, match="mine has no split 'train'"):
        bench(split="train")


def test_the_call_and_the_command_give_the_same_bytes(weights, tmp_path):
    told = ["--data", "heads:n=40", "--split", "all", "--models", weights, "--limit", "4",
            "--conditions", "eyes-0.3-mean", "--batch-size", "4", "--device", "cpu"]
    assert main(["bench", *told, "--out", str(tmp_path / "command")]) == 0
    benchmark("heads:n=40", weights, "eyes-0.3-mean", split="all", limit=4, batch_size=4,
              device="cpu", out=tmp_path / "call", progress=False)
    files = sorted(path.name for path in (tmp_path / "command").glob("*.csv"))
    assert "summary.csv" in files
    for name in files:
        assert (tmp_path / "call" / name).read_bytes() == (
            tmp_path / "command" / name).read_bytes(), name


def test_maps_of_a_net_in_memory_beside_those_of_a_file(weights):
    result = attribution_suite(faces(), [strips(), weights], ["attention", "saliency", "random"],
                               **SMALL)
    found = result.tables["faithfulness"].groupby("model")["method"].unique().map(set).to_dict()
    assert found == {"strips": {"saliency", "random"},
                     "iram-seed0": {"attention", "saliency", "random"}}


def test_random_labels_may_be_given_as_subjects():
    model, other = (iram.build_model("compact", "iram", width=0.25) for _ in range(2))
    result = attribution_suite(faces(), Subject.of(model, name="mine"), "saliency", **SMALL,
                               random_labels=Subject.of(other, name="mine-random-labels"))
    assert "labels" in set(result.tables["sanity"]["test"])
    with pytest.raises(InputError, match="'mine' did not learn random labels"):
        attribution_suite(faces(), "iram", "saliency", random_labels=Subject.of(other, name="mine"),
                          **SMALL)


def test_shift_judges_a_net_in_memory_that_has_attention(weights):
    mine = Subject.of(load_model(weights), name="mine")
    result = shift(faces(), [mine, "none"], "eyes-0.3-mean", batch_size=8, **QUIET)
    verdicts = result.tables["verdicts"]
    assert set(verdicts["model"]) == {"mine"}
    assert set(verdicts["verdict"]) <= {"supported", "refuted", "undecided", "not tested"}
    (lacking,) = [note for note in result.notes if "for want of weights" in note]
    assert "mine-random-labels" in lacking
    with pytest.raises(InputError, match="--models strips: none has attention whose shift could"):
        shift(faces(), strips(), "eyes-0.3-mean", **QUIET)


@pytest.mark.parametrize(("options", "told"), [
    ({"data": 7}, r"data: 7 is of type int; write a specification .* or make a FaceDataset"),
    ({"data": "fer2013:none.csv"}, "none.csv"),
    ({"models": ""}, "--models names no model"),
    ({"models": 7}, "models: 7 is of type int; write a name, a file, or Subject.of"),
    ({"models": "irma"}, "irma"),
    ({"models": Mean()}, "Subject.of: classes is missing"),
    ({"conditions": ""}, "--conditions: no condition named; presets"),
    ({"conditions": "eyez-0.3-mean"}, "eyez"),
    ({"conditions": [7]}, "conditions: 7 is of type int; write a name such as eyes-0.3-mean"),
    ({"conditions": 7}, "conditions: 7 is of type int"),
    ({"conditions": Condition("eyez", 0.3, "mean")}, "'eyez-0.3-mean': .*'eyez'"),
    ({"conditions": Condition("eyes", 30, "mean")}, "the fraction is '30'"),
    ({"conditions": Condition(corruption="jpeg", severity=9)}, "the severity is '9'"),
    ({"limit": 0}, "--limit 0: at least one face"),
    ({"batch_size": 0}, "--batch-size 0: write a whole number from 1 to 65536"),
    ({"workers": 0}, "--workers 0: write a whole number from 1 to 4096"),
    ({"executor": "ray"}, "--executor ray: write one of threads"),
    ({"dtype": "fp16"}, "--dtype: .*'fp16'.*fp32, bf16"),
    ({"device": "gpu"}, "--device: .*'gpu'.*auto, cpu, cuda"),
    ({"placement": "somewhere"}, "--placement: .*'somewhere'.*landmarks, mean"),
    ({"landmarks": "none.npz"}, "none.npz"),
    ({"ran_lists": "nowhere"}, "nowhere: the lists are of FERPlus and RAF-DB; .*, not mine"),
])
def test_what_is_wrong_is_told_in_a_line_and_nothing_is_written(options, told, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=told) as error:
        bench(**{"out": out, **options})
    assert "\n" not in str(error.value)
    assert not out.exists()


@pytest.mark.parametrize(("options", "told"), [
    ({"methods": "gradcamm"}, "gradcamm.*gradcam"), ({"methods": []}, "names no method"),
    ({"curves": 0}, "--curves 0: at least one face is needed"),
])
def test_wrong_arguments_of_the_attribution_suite(options, told):
    with pytest.raises(InputError, match=told):
        attribution_suite(faces(), strips(), **{"methods": "saliency", **SMALL, **options})


@pytest.mark.parametrize("call", [benchmark, shift, attribution_suite, Subject.of, FaceDataset.of])
def test_what_is_public_has_explicit_arguments_each_of_them_described(call):
    parameters = inspect.signature(call).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    text = inspect.getdoc(call)
    assert all(f"{part}:" in text for part in ("Args", "Raises", "Examples"))
    described = text.partition("Args:")[2].partition("Raises:")[0]
    assert [name for name in parameters if name not in described] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("module", EXAMPLES)
def test_the_examples_in_the_docstrings_run(module):
    runner = doctest.DocTestRunner()
    for example in doctest.DocTestFinder().find(importlib.import_module(module)):
        dtype._say.cache_clear()  # it is told once a process
        runner.run(example)
    assert runner.tries
    assert not runner.failures


@pytest.mark.parametrize("package", [iram, analysis])
def test_every_public_name_is_found_and_listed(package):
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018


def test_importing_the_packages_imports_no_torch():
    code = "import sys, iram, analysis; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_arrays_give_the_answers_of_the_same_faces_from_a_file():
    known = tiny.dataset(8)
    logits = [strips().model(images) for images in (
        known.images(slice(None)), faces().images(slice(None)))]
    assert torch.equal(*logits)
    assert np.array_equal(known.labels, faces().labels)
