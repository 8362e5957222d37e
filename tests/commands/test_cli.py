"""The command line: instant help with examples, and one clear line for every mistake."""

import argparse
import inspect
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from toy import toy_faces

from analysis.commands import main as cli
from analysis.commands import options
from iram import InputError
from iram.architecture import switches_of
from iram.attention import ATTENTION
from iram.backbones import BACKBONES
from iram.weights import pretrained

ROOT = Path(__file__).parents[2]
COMMANDS = [name for name in cli.COMMANDS if find_spec(f"analysis.commands.{name}")]
IRAM = [sys.executable, "-m", "analysis.commands.main"]
# As at a terminal: what is printed waits in a buffer.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}


def run(*arguments, **how):
    """The command in a process of its own."""
    return subprocess.run([*IRAM, *arguments], env=ENVIRONMENT, capture_output=True, text=True,
                          timeout=60, **how)


def fails(capsys, *arguments) -> str:
    """The one line of a mistake, which exits with 2 and prints nothing else."""
    assert cli.main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("iram: ")
    return lines[0]


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_shows_examples_and_imports_no_torch(command):
    argv = [command, "--help"] if command else ["--help"]
    script = (
        "import sys\nfrom analysis.commands.main import main\n"
        f"try:\n  main({argv})\nexcept SystemExit as end:\n  assert not end.code\n"
        "loaded = {'torch', 'pandas', 'scipy', 'matplotlib', 'PIL'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT, cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"  iram {command or ''}" in done.stdout.split("examples:")[1]
    for other in [] if command else cli.COMMANDS:
        assert cli.COMMANDS[other] in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_has_a_help_text(command):
    parser = cli.command_parser([command])
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for action in commands.choices[command]._actions:
        assert action.help, action.option_strings or action.dest


@pytest.mark.parametrize("arguments", [["nosuch"], [], ["models", "--nosuch"], ["bench"]])
def test_what_the_parser_does_not_know_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "error:" in error
    if arguments == ["nosuch"]:
        assert all(name in error for name in cli.COMMANDS)


def test_a_mistake_is_one_line_on_stderr_without_a_traceback():
    done = run("train", "--data", "fer2013:nosuch.csv", "--out", "x", "--attention", "nosuch")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("iram: unknown attention module 'nosuch'; known: ")


def raising(monkeypatch, error):
    def run(args):
        raise error

    monkeypatch.setattr("analysis.commands.models.run", run)
    return cli.main(["models"])


def test_ctrl_c_is_exit_code_130_and_one_line(monkeypatch, capsys):
    assert raising(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "\niram: interrupted; what was finished is kept\n"


def test_a_full_disk_anywhere_is_one_line(monkeypatch, capsys):
    import errno

    assert raising(monkeypatch, OSError(errno.ENOSPC, "No space left on device", "x.csv")) == 2
    assert capsys.readouterr().err == "iram: x.csv: No space left on device\n"


@pytest.mark.parametrize("spec", ["folder:{}", "fer2013:{}", "rafdb:{}", "ferplus:{},votes.csv"])
def test_a_name_that_is_too_long_is_one_line(capsys, spec):
    assert cli.main(["data", spec.format("x" * 300)]) == 2
    assert capsys.readouterr().err.endswith("ile name too long\n")


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch):
    for error in (ZeroDivisionError(), ValueError("x"), FileNotFoundError(2, "gone", "x")):
        with pytest.raises(type(error)):
            raising(monkeypatch, error)


@pytest.mark.parametrize("arguments", [["models"], ["--help"], ["train", "--help"]])
def test_a_reader_that_has_left_is_no_error(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([*IRAM, *arguments], env=ENVIRONMENT, stdout=writing,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    finally:
        os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 0


def test_models_lists_modules_backbones_and_shipped_weights(capsys):
    assert cli.main(["models"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in [*ATTENTION, *BACKBONES, "none-matched", *pretrained()])


def test_models_lists_the_accuracies_of_the_cards_with_their_intervals(capsys):
    assert cli.main(["models"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    for name, card in pretrained().items():
        for split, result in card["accuracy"].items():
            value, low, high = (100 * result[key] for key in ("accuracy", "low", "high"))
            told = f"{split} {value:.1f}% [{low:.1f}, {high:.1f}]"
            assert (told in lines[name]) == (", " not in split)


def test_models_without_any_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("iram.weights.PRETRAINED", tmp_path)
    assert cli.main(["models"]) == 0
    assert "(none)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--attention", "nosuch", "unknown attention module 'nosuch'; known: "),
        ("--attention", "iram,sse", "did you mean 'se'"),
        ("--attention", "none-match", "did you mean 'none-matched'"),
        ("--attention", "", "an empty value after --attention"),
        ("--backbone", "resnet", "unknown backbone 'resnet'"),
        ("--recipe", "epochs=abc", "recipe: epochs is 'abc'; it must be a whole number"),
        ("--recipe", "lr=-1", "recipe: lr is -1; it must be above 0"),
        ("--recipe", "lr=NaN", "recipe: lr is nan"),
        ("--recipe", "learning_rate=1", "unknown recipe field 'learning_rate'"),
        ("--recipe", "lr", "--recipe: 'lr' is not of the form name=value"),
        ("--recipe", "lr=0.1,lr=0.2", "--recipe: 'lr' is given twice"),
        ("--seeds", "x", "--seeds: 'x' is not a list of whole numbers such as 0,1"),
        ("--seeds", "0,-1", "--seeds: -1 is below 0"),
        ("--seeds", "0,", "--seeds: '0,' is not a list of whole numbers"),
        ("--switches", "reuse=nosuch", "reuse is 'nosuch'; it must be one of none, branch"),
        ("--switches", "reduction=0", "reduction is 0"),
        ("--switches", "reduction=true", "reduction is True; it must be a whole number from 1"),
        ("--switches", "nosuch=1", "--switches: unknown switch of iram 'nosuch'; known: reuse, "),
        ("--switches", "reus=layer", "unknown switch of iram 'reus' (did you mean 'reuse'?)"),
        ("--switches", "width=wide", "width is 'wide'; it must be a number from 0.01 to 64"),
        ("--switches", "width=NaN", "width is nan"),
        ("--switches", "width=1e9", "width is 1000000000.0"),
        ("--switches", "dropout=7", "dropout is 7; it must be a number from 0 to 1"),
        ("--switches", "classes=2", "unknown switch of iram 'classes'"),
        ("--suffix", "a/b", "--suffix: 'a/b'"),
        ("--only", "none*,se-*", "--only: no name fits 'none*'; there are iram-seed0"),
        ("--grid", "studdy", "unknown grid 'studdy' (did you mean 'study'?)"),
    ],
)
def test_a_mistake_in_train_is_found_before_the_data_is_opened(capsys, option, value, message):
    arguments = ["train", "--data", "fer2013:nosuch.csv", "--out", "x", option, value]
    assert message in fails(capsys, *arguments)
    assert not Path("x").exists()


def test_trains_help_lists_every_switch_with_its_default():
    from analysis.commands import train

    lines = dict(re.findall(r"^  ([\w-]+)  +(\w+=.*(?:\n {6}.*)*)$", train.__doc__, re.M))
    for name in ATTENTION:
        taken = inspect.signature(ATTENTION[name]).parameters
        told = dict(re.findall(r"(\w+)=([\w.]+)", lines.get(name, "")))
        assert told == {switch: str(taken[switch].default) for switch in switches_of(name)}, name


@pytest.mark.parametrize("option", ["--attention=se", "--seeds=1", "--switches=a=1",
                                    "--backbone=compact"])
def test_a_grid_and_what_it_says_itself_exclude_each_other(capsys, option):
    line = fails(capsys, "train", "--data", "x:y", "--out", "x", "--grid", "study", option)
    assert f"{option.split('=')[0]} and --grid" in line


@pytest.mark.parametrize(
    ("spec", "message"),
    [("fer2013:nosuch.csv", "nosuch.csv"), ("nosuch:x", "unknown data set 'nosuch'"),
     ("x", "'x' is no data set")],
)
def test_data_that_cannot_be_opened_is_one_line(capsys, tmp_path, spec, message):
    assert message in fails(capsys, "train", "--data", spec, "--out", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_cuda_where_there_is_none_is_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("iram.data.open_dataset", lambda spec: toy_faces())
    line = fails(capsys, "train", "--data", "t", "--out", str(tmp_path), "--device", "cuda")
    assert "--device cuda: there is no GPU" in line


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_an_output_that_is_a_file_is_one_line(capsys, tmp_path, monkeypatch, out):
    monkeypatch.setattr("iram.data.open_dataset", lambda spec: toy_faces())
    (tmp_path / "file").write_text("mine")
    line = fails(capsys, "train", "--data", "t", "--out", str(tmp_path / out), "--device", "cpu")
    assert f"cannot write {tmp_path / 'file'}" in line


def test_too_few_faces_for_a_batch_are_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("iram.data.open_dataset", lambda spec: toy_faces())
    command = ["train", "--data", "t", "--out", str(tmp_path), "--device", "cpu"]
    line = fails(capsys, *command)
    told = "32 training faces are fewer than one batch of 64; --recipe batch_size=16 would fit"
    assert line == f"iram: {told}"
    for count, advice in ((3, "; --recipe batch_size=2 would fit"), (1, "of 64")):
        faces = toy_faces((count, 12, 12))
        monkeypatch.setattr("iram.data.open_dataset", lambda spec, faces=faces: faces)
        assert fails(capsys, *command).endswith(advice)


SMALL = ["--switches", "width=0.25", "--recipe", "epochs=1,batch_size=8", "--device", "cpu"]


def test_train_writes_weights_and_cards_and_a_dry_run_says_what_is_done(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr("iram.data.open_dataset", lambda spec: toy_faces())
    common = ["train", "--data", "t", "--out", str(tmp_path), "--suffix=-small", *SMALL]
    assert cli.main([*common, "--attention", "se", "--dtype", "fp32"]) == 0
    assert (tmp_path / "se-small-seed0.json").exists()
    capsys.readouterr()
    assert cli.main([*common, "--attention", "se,eca", "--seeds", "0,1", "--dry-run"]) == 0
    *lines, total = [line.split(None, 1) for line in capsys.readouterr().out.splitlines()]
    names = ["se-small-seed0", "eca-small-seed0", "se-small-seed1", "eca-small-seed1"]
    assert lines == [[name, "done" if i == 0 else "missing"] for i, name in enumerate(names)]
    assert " ".join(total).startswith(f"1 of 4 done in {tmp_path}; about 0.0 h")
    assert cli.main([*common, "--attention", "se,eca", "--dry-run", "--only", "e*-small-*"]) == 0
    assert capsys.readouterr().out.split()[:2] == ["eca-small-seed0", "missing"]


def test_a_dry_run_needs_nothing_and_tells_what_ships(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "--grid", "heads", "--dry-run"]) == 0
    *lines, total = capsys.readouterr().out.splitlines()
    ship = "missing: such weights ship with the package"
    assert [line.split(None, 1)[1] for line in lines] == [ship] * 4
    assert total == f"0 of 4 done in {Path('runs', 'grid-heads')}"
    assert cli.main(["train", "--grid", "heads", "--recipe", "epochs=2", "--dry-run"]) == 0
    assert "ship" not in capsys.readouterr().out  # these are others
    assert not list(tmp_path.iterdir())


def test_training_without_data_says_what_is_lacking(capsys):
    assert "--data: what to train on" in fails(capsys, "train", "--grid", "heads")


def test_a_recipe_and_a_suffix_apply_to_a_whole_grid(capsys):
    from analysis.commands.train import _cells

    parser = cli.command_parser(["train"])
    args = parser.parse_args(["train", "--data", "x", "--out", "x", "--grid", "study",
                              "--recipe", "epochs=2", "--suffix=-short"])
    cells = _cells(args)
    assert [c.name for c in cells[:3]] == [f"{a}-short-seed0" for a in ("none", "iram", "cbam")]
    assert all(cell.recipe["epochs"] == 2 for cell in cells)
    assert any(cell.recipe.get("erasing") for cell in cells)  # the grid's own recipe stays


def test_ctrl_c_while_training_is_130_and_leaves_no_lock(capsys, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("iram.data.open_dataset", lambda spec: toy_faces())
    monkeypatch.setattr("iram.training.train._Run.step", interrupted)
    assert cli.main(["train", "--data", "t", "--out", str(tmp_path), *SMALL]) == 130
    assert list((tmp_path / "iram-seed0").iterdir()) == []


def test_pairs_read_numbers_truths_and_words():
    text = "lr=0.1,epochs=3,flip=false,fusion=multiply, mixup = 2 "
    expected = {"lr": 0.1, "epochs": 3, "flip": False, "fusion": "multiply", "mixup": 2}
    assert options.pairs(text, "--recipe") == expected
    assert options.pairs("", "--recipe") == {}
    with pytest.raises(InputError, match="--x: '=3' is not of the form name=value"):
        options.pairs("=3", "--x")


def test_a_command_run_from_a_terminal_ends_with_its_exit_code():
    assert run("models").returncode == 0


def test_interrupted_while_the_command_itself_is_loaded_it_ends_with_130_in_one_line():
    """Ctrl-C where Python looks for a module of ours, the first or a later one."""
    script = ("import importlib.abc, sys\nfrom iram.__main__ import main\n"
              "class Now(importlib.abc.MetaPathFinder):\n"
              "    def find_spec(self, name, *more):\n"
              "        if name == sys.argv[1]:\n            raise KeyboardInterrupt\n"
              "sys.meta_path.insert(0, Now())\nsys.exit(main())")
    for name in ("analysis", "analysis.commands.main", "iram.errors"):
        done = subprocess.run([sys.executable, "-c", script, name], capture_output=True, text=True,
                              env=ENVIRONMENT, check=False)
        assert (done.returncode, done.stderr) == (130, "\niram: interrupted before it began\n")
