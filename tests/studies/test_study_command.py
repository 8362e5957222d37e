"""`iram study` as it is typed: three parts in order, resumed where they were interrupted."""

import json
from dataclasses import replace

import pytest
import tiny

from analysis.commands import main as cli
from analysis.stimuli.conditions import select
from analysis.studies.attribution import Sizes, methods
from analysis.studies.attribution.run import Attribution
from analysis.studies.occlusion.run import Occlusion
from analysis.studies.presets import PRESETS, SHIPPED, shipped
from analysis.studies.shift.run import Shift
from iram.data import open_dataset
from iram.weights import pretrained

pytestmark = pytest.mark.exhaustive

PARTS = ("occlusion", "attribution", "shift")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return ",".join(str(tiny.weights(folder, name)) for name in ("iram", "none"))


@pytest.fixture(scope="module", autouse=True)
def few():
    """The smoke preset with fewer conditions and methods, on fewer faces."""
    smoke = replace(
        PRESETS["smoke"], heads_conditions="eyes-0.3-mean,roll+15,jpeg-3",
        methods="attention,gradcam", sizes=Sizes(2, 2, 2, 1),
        shift_conditions="lower_half-0.3-noise,sham-0.3-noise",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "smoke", smoke)
        yield


def command(weights, out, *more):
    return ["study", "--preset", "smoke", "--data", "heads:n=20", "--models", weights,
            "--batch-size", "4", "--dtype", "fp32", "--out", str(out), *more]


def files(out) -> dict:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def finished(weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    assert cli.main(command(weights, out)) == 0
    return out


def test_it_says_first_what_it_will_do_and_the_verdicts_last(weights, finished, capsys):
    before = files(finished)
    assert cli.main(command(weights, finished)) == 0
    told = capsys.readouterr().out
    for place, part in enumerate(PARTS, 1):
        assert f"\n  {place} {part:12s} 4 faces" in told  # all of the few there are
    assert told.count(": finished before\n") == 3
    assert "clean accuracy" in told
    assert "agreement with its attention" in told
    assert "what each fill shows alone" in told
    last = told.rstrip().rsplit("=== verdicts\n")[1].splitlines()
    assert last[0].split() == ["iram"]
    assert [line.split()[0] for line in last[1:]] == ["H1", "H2a", "H2b", "H2c", "H2d", "H3", "H4",
                                                      "H5", "H6"]
    assert files(finished) == before  # a second run is no run


def test_one_file_tells_what_ran(finished):
    record = json.loads((finished / "study.json").read_text())
    assert record["preset"] == "smoke"
    assert record["settings"] == json.loads(json.dumps(PRESETS["smoke"].to_dict()))
    assert record["data"]["spec"] == "heads:n=20"
    assert list(record["models"]) == ["iram-seed0", "none-seed0"]
    assert list(record["parts"]) == list(PARTS)
    assert record["parts"]["shift"]["verdicts"]["iram"]["H2c"] == "not tested"
    assert {"iram", "python", "torch"} <= set(record["versions"])
    for part in PARTS:
        assert (finished / part / "run.json").is_file()


def interrupted(monkeypatch, study, after):
    """The study's cells can't be made once `after` tasks are done."""
    original, calls = study.compute, []

    def call(*arguments):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(1)
        return original(*arguments)

    monkeypatch.setattr(study, "compute", staticmethod(call))


@pytest.mark.usefixtures("undrawn")
def test_interrupted_in_any_part_the_same_command_goes_on(weights, finished, tmp_path):
    out = tmp_path / "out"
    for part, study, after in (("occlusion", Occlusion, 2),
                               ("attribution", Attribution, 4), ("shift", Shift, 1)):
        with pytest.MonkeyPatch.context() as patch:
            interrupted(patch, study, after)
            assert cli.main(command(weights, out)) == 130
        assert (out / part).is_dir()
        assert not (out / "study.json").exists()
    assert cli.main(command(weights, out)) == 0
    whole = {name: data for name, data in files(finished).items() if "/figures/" not in name}
    assert files(out) == whole
    assert len(whole) < len(files(finished))


def test_a_list_says_how_long_and_writes_nothing(weights, tmp_path, capsys):
    assert cli.main(command(weights, tmp_path / "out", "--list")) == 0
    told = capsys.readouterr().out
    assert "in all about" in told
    assert not (tmp_path / "out").exists()


def test_without_attention_that_can_move_there_is_no_shift(weights, tmp_path, capsys):
    still = f"{weights.split(',')[1]},{tiny.weights(tmp_path, 'se')}"
    asked = command(weights, tmp_path / "out", "--models", still, "--list")
    assert cli.main(asked) == 0
    told = capsys.readouterr().out
    assert "\n  2 attribution" in told
    assert "\n  3 shift" not in told
    assert "no shift: none of the models has attention that can move" in told


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--models", "nosuch"], "unknown model 'nosuch'"),
     (["--ran-lists", "nosuch"], "the lists are of FERPlus and RAF-DB"),
     (["--data", "nosuch:x"], "unknown data set")],
)
def test_mistakes_are_told_before_anything_is_run(weights, tmp_path, more, message, capsys):
    assert cli.main(command(weights, tmp_path / "out", *more)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_another_preset_into_the_same_folder_is_refused(weights, finished, capsys):
    before = files(finished)
    asked = command(weights, finished, "--data", "heads:n=60")
    assert cli.main(asked) == 2
    assert "holds another run" in capsys.readouterr().err
    assert files(finished) == before


@pytest.mark.parametrize("name", PRESETS)
def test_presets_name_what_there_is(name):
    preset = PRESETS[name]
    for conditions in (preset.conditions, preset.heads_conditions):
        assert len(select(conditions)) > 1
    assert preset.shift_conditions == "default" or len(select(preset.shift_conditions)) > 1
    assert methods.select(preset.methods)
    for names in (preset.models, preset.heads_models):
        assert names == SHIPPED or {f"{n}-seed0" for n in names.split(",")} <= set(pretrained())
    assert len(open_dataset(preset.data)) > 0


def test_what_ships_for_heads_is_what_was_trained_on_them():
    found = shipped(open_dataset("heads:n=10")).split(",")
    assert found
    assert all(name.endswith("-heads") for name in found)
    photographs = shipped(tiny.dataset(7)).split(",")
    assert {"iram", "none"} <= set(photographs)
    assert not set(photographs) & set(found)
